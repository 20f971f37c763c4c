/**
 * Checks that a webhook comes from Scrip, by the Standard Webhooks scheme: HMAC-SHA256 over the message id, the time of sending
 * and the body. The runtime's Web Crypto does the comparison, in constant time.
 */
import { WebhookError } from './errors.js';
import { parseExact } from './json.js';

/** The types of messages. */
export type WebhookType =
  | 'credits.balance.usage_low' | 'credits.balance.depleted'
  | 'credits.granted' | 'credits.grant.updated' | 'credits.grant.usage_low' | 'credits.grant.depleted' | 'credits.grant.expiring'
  | 'credits.grant.voided' | 'credits.expired'
  | 'credits.automatic_recharge_limit_exceeded' | 'credits.event.quarantined' | 'credits.reservation.expired'
  | 'automatic_recharge.operation.attempted' | 'automatic_recharge.configuration.changed'
  | 'credit_type.created' | 'credit_type.updated' | 'credit_type.archived' | 'credit_type.unarchived';

/** A message as it arrives. Amounts in data come twice, as everywhere: `remainingBalance` and `remainingBalanceExact`. */
export interface WebhookMessage {
  /** The same over all deliveries of one message: drop repeats by it. */
  messageId: string;
  /** One of the types above, or another that a later version or an alias of the endpoint brings. */
  type: WebhookType | (string & {});
  /** When it happened, RFC 3339. */
  timestamp: string;
  environmentId: string;
  /** Grows within a pool: drop what is older than what you have. */
  sequence: number;
  traceId: string;
  apiVersion: string;
  data: Record<string, unknown>;
}

/** The headers of a request, as a Headers object or as Node gives them. */
export type WebhookHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** What to check. */
export interface WebhookParams {
  /** The body as it was received, byte for byte: not parsed and written again. */
  body: string | Uint8Array;
  headers: WebhookHeaders;
  /** The endpoint's secret, `whsec_…`. While it is being changed, the old one and the new one. */
  secret: string | readonly string[];
  /** How far the time of sending may lie from now, in seconds. Default 300. */
  toleranceSeconds?: number;
  /** The present. Default the clock of this machine. */
  now?: Date;
}

const toleranceDefaultSeconds = 300;
const secretPrefix = 'whsec_';
const signatureVersion = 'v1,';

/** How many signatures of one message are looked at; a sender with two secrets sends two. */
const signaturesMax = 8;

/** Returns the message if it is genuine and fresh. Rejects with a WebhookError if it is not. */
export async function verifyWebhook(params: WebhookParams): Promise<WebhookMessage> {
  const id = headerOf(params.headers, 'webhook-id');
  const sentAt = headerOf(params.headers, 'webhook-timestamp');
  const signatures = signaturesOf(headerOf(params.headers, 'webhook-signature'));
  checkTime(sentAt, params);
  const body = typeof params.body === 'string' ? new TextEncoder().encode(params.body) : params.body;
  const signed = join(new TextEncoder().encode(`${id}.${sentAt}.`), body);
  if (!(await isSigned(signed, signatures, [params.secret].flat() as string[]))) {
    throw new WebhookError('InvalidSignature', 'no signature of this message was made with the secret');
  }
  return parseMessage(body);
}

/** Tries every secret on every signature. */
async function isSigned(signed: Uint8Array<ArrayBuffer>, signatures: Uint8Array<ArrayBuffer>[], secrets: string[]): Promise<boolean> {
  if (secrets.length === 0) throw new TypeError('secret is missing');
  for (const secret of secrets) {
    const key = await crypto.subtle.importKey('raw', secretBytes(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return true;
    }
  }
  return false;
}

function checkTime(sentAt: string, params: WebhookParams): void {
  const tolerance = params.toleranceSeconds ?? toleranceDefaultSeconds;
  const age = (params.now ?? new Date()).getTime() / 1000 - Number(sentAt);
  if (!/^\d{1,15}$/.test(sentAt)) throw new WebhookError('MissingHeader', 'webhook-timestamp is not a number of seconds');
  if (age > tolerance) throw new WebhookError('TimestampTooOld', `the message was sent more than ${tolerance} seconds ago`);
  if (age < -tolerance) throw new WebhookError('TimestampInFuture', `the message was sent more than ${tolerance} seconds ahead of now`);
}

function parseMessage(body: Uint8Array): WebhookMessage {
  try {
    return parseExact(new TextDecoder('utf-8', { fatal: true }).decode(body)) as WebhookMessage;
  } catch (cause) {
    throw new WebhookError('InvalidPayload', 'the message is genuine, but not JSON', { cause });
  }
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = isHeaders(headers) ? headers.get(name) : Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
  if (typeof value !== 'string' || value === '') throw new WebhookError('MissingHeader', `the header ${name} is missing, or there more than once`);
  return value;
}

/** Goes by the method, because a framework may bring a Headers class of its own. */
function isHeaders(headers: WebhookHeaders): headers is Headers {
  return typeof headers.get === 'function';
}

/** The signatures of version 1, as bytes; others, and what is no base64, are left out. */
function signaturesOf(header: string): Uint8Array<ArrayBuffer>[] {
  const found = header.split(' ').filter((part) => part.startsWith(signatureVersion)).slice(0, signaturesMax);
  return found.flatMap((part) => fromBase64(part.slice(signatureVersion.length)) ?? []);
}

function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(secret.startsWith(secretPrefix) ? secret.slice(secretPrefix.length) : secret);
  if (!bytes || bytes.length === 0) throw new TypeError(`secret must be ${secretPrefix} and base64`);
  return bytes;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
