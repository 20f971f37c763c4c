/** One request to the server, with its repeats. */
import { askedWaitMaxMs, askedWaitMs, ownWaitMs, shouldRetry } from './backoff.js';
import { ApiError, ConnectionError, ScripError, TimeoutError } from './errors.js';
import { encodeExact, parseExact } from './json.js';

/** How the client reaches its server. */
export interface TransportOptions {
  /** A server key. It opens everything its scopes allow: never ship it to a browser. */
  apiKey: string;
  /** Where Scrip listens, with any path in front of /api, for example `https://credits.example.com`. */
  baseUrl: string;
  /** How long one attempt may take, in milliseconds; 0 means for ever. Default 30,000. */
  timeoutMs?: number;
  /** How often a failed attempt is repeated. Default 2. */
  maxRetries?: number;
  /** The fetch to use. Default the runtime's own. */
  fetch?: typeof fetch;
}

/** What one call may ask for itself. */
export interface CallOptions {
  /** Names the effect of a write: the same key acts once. Made by the client, once per call, when absent. */
  idempotencyKey?: string;
  /** Ends the call, waits included. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How long one attempt may take, in milliseconds; 0 means for ever. */
  timeoutMs?: number;
  /** How often a failed attempt is repeated. */
  maxRetries?: number;
}

/** A query parameter: dates become ISO strings, lists are joined by commas; undefined, null and empty lists are left out. */
export type QueryValue = string | number | boolean | Date | readonly string[] | null | undefined;

/** The parts of a request. */
export interface RequestParts {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** From the base URL on, for example `/api/v1/plans`. */
  path: string;
  query?: Readonly<Record<string, QueryValue>>;
  body?: unknown;
  /** The body names its effect itself, so that repeats are safe without the header, whose answers the server keeps for a day. */
  keyed?: boolean;
}

/** What goes out on every attempt of one call. */
interface Prepared {
  url: string;
  init: RequestInit;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  maxRetries: number;
}

/** What came of one attempt: an answer, or a failure that says whether to try again. */
type Outcome = { answer: unknown } | { error: ScripError; again: boolean; waitMs?: number | undefined };

const timeoutDefaultMs = 30_000;
const maxRetriesDefault = 2;
/** What requests call the client. */
export const userAgent = 'scrip-sdk-typescript/0.1.0';

/** Sends requests. It holds no state between calls and may be used by many at once. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #base: string;

  constructor(options: TransportOptions) {
    if (!options?.apiKey) throw new TypeError('apiKey is missing');
    this.#options = options;
    this.#base = checkedBase(options.baseUrl);
  }

  /** Sends one request until it is answered, and returns the parsed answer. See the errors in errors.ts. */
  async send(parts: RequestParts, call: CallOptions = {}): Promise<unknown> {
    const prepared = this.#prepare(parts, call);
    for (let retry = 1; ; retry++) {
      const outcome = await this.#attempt(prepared);
      if ('answer' in outcome) return outcome.answer;
      const waitMs = outcome.waitMs ?? ownWaitMs(retry, Math.random());
      if (!outcome.again || retry > prepared.maxRetries || waitMs > askedWaitMaxMs) throw outcome.error;
      await sleep(waitMs, prepared.signal);
    }
  }

  /** Fixes what all attempts share, the idempotency key above all. */
  #prepare(parts: RequestParts, call: CallOptions): Prepared {
    const headers: Record<string, string> = { 'X-API-KEY': this.#options.apiKey, Accept: 'application/json', 'User-Agent': userAgent };
    if (parts.method !== 'GET' && !parts.keyed) headers['Idempotency-Key'] = call.idempotencyKey ?? newKey();
    const init: RequestInit = { method: parts.method, headers, redirect: 'manual' };
    if (parts.body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = encodeExact(parts.body);
    }
    return {
      url: this.#base + parts.path + encodeQuery(parts.query),
      init,
      signal: call.signal,
      timeoutMs: call.timeoutMs ?? this.#options.timeoutMs ?? timeoutDefaultMs,
      maxRetries: call.maxRetries ?? this.#options.maxRetries ?? maxRetriesDefault,
    };
  }

  async #attempt(prepared: Prepared): Promise<Outcome> {
    const { signal, timeoutMs } = prepared;
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = timeoutMs > 0 ? setTimeout(() => stop.abort(), timeoutMs) : undefined;
    try {
      const send = this.#options.fetch ?? globalThis.fetch;
      const response = await send(prepared.url, { ...prepared.init, signal: stop.signal });
      return judge(response, await response.text());
    } catch (cause) {
      signal?.throwIfAborted();
      const error = stop.signal.aborted ? new TimeoutError(timeoutMs, { cause }) : new ConnectionError(unreachable(cause), { cause });
      return { error, again: true };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** Reads an answer. */
function judge(response: Response, text: string): Outcome {
  const { ok, status, headers } = response;
  const body = tryParse(text);
  if (ok && body !== undefined) return { answer: body };
  if (ok) return { error: new ScripError('InvalidAnswer', `the answer (status ${status}) is not JSON; does the base URL lead to Scrip?`), again: false };
  const waitMs = askedWaitMs(headers, Date.now());
  return { error: refusalOf(status, headers, body, waitMs), again: shouldRetry(status, headers), waitMs };
}

function tryParse(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** Makes the error of a refusal. Something between client and server may have answered, so nothing about the body is certain. */
function refusalOf(status: number, headers: Headers, body: unknown, retryAfterMs: number | undefined): ApiError {
  const said = (body ?? {}) as Record<string, unknown>;
  const text = (name: string) => (typeof said[name] === 'string' ? said[name] : undefined);
  const field = text('field');
  const traceId = text('traceId') ?? headers.get('x-request-id') ?? undefined;
  return new ApiError({
    status,
    code: text('code') ?? 'InvalidAnswer',
    message: text('message') ?? `status ${status} without an explanation; does the base URL lead to Scrip?`,
    ...(field !== undefined && { field }),
    ...(traceId !== undefined && { traceId }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function unreachable(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return `the server could not be reached: ${inner instanceof Error ? inner.message : String(inner)}`;
}

function checkedBase(baseUrl: string): string {
  if (!baseUrl || !/^https?:\/\//.test(baseUrl)) throw new TypeError('baseUrl must begin with http:// or https://');
  return baseUrl.replace(/\/+$/, '');
}

function encodeQuery(query: RequestParts['query']): string {
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    out.set(name, value instanceof Date ? value.toISOString() : String(value));
  }
  const text = out.toString();
  return text && `?${text}`;
}

/** Encodes an id as one segment of a path. It throws a TypeError for those that would lead to another path. */
export function segment(name: string, id: string): string {
  if (typeof id !== 'string' || id === '' || id === '.' || id === '..') throw new TypeError(`${name} must be the id of something`);
  return encodeURIComponent(id);
}

/** Makes a fresh idempotency key. */
export function newKey(): string {
  return crypto.randomUUID();
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (finish: () => void) => () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = done(() => reject(signal?.reason));
    const timer = setTimeout(done(resolve), ms);
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
