import { describe, expect, test } from 'vitest';
import { verifyWebhook, WebhookError, type WebhookParams } from '../src/index.js';

// The example that the Standard Webhooks scheme is published with.
const published = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  body: '{"test": 2432232314}',
  headers: {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  now: new Date(1614265330_000),
};
const other = `whsec_${btoa('another secret of this test')}`;

/** Signs as a sender does, by the arithmetic of the scheme and not by the code under test. */
async function signed(body: string, secret: string, sentAt = new Date()): Promise<WebhookParams> {
  const seconds = Math.floor(sentAt.getTime() / 1000);
  const bytes = Uint8Array.from(atob(secret.slice('whsec_'.length)), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`msg_1.${seconds}.${body}`));
  const signature = `v1,${btoa(String.fromCharCode(...new Uint8Array(mac)))}`;
  return { body, secret, headers: { 'webhook-id': 'msg_1', 'webhook-timestamp': String(seconds), 'webhook-signature': signature } };
}

/** The code of the error that a message is refused with. */
async function refusal(params: WebhookParams): Promise<string> {
  const error = await verifyWebhook(params).catch((thrown: unknown) => thrown);
  return error instanceof WebhookError ? error.code : `no WebhookError but ${String(error)}`;
}

describe('a genuine message', () => {
  test('the published example is accepted', async () => {
    expect(await verifyWebhook(published)).toEqual({ test: 2432232314 });
  });

  test('its body may be bytes, its headers a Headers object or in any case', async () => {
    const body = new TextEncoder().encode(published.body);
    expect(await verifyWebhook({ ...published, body, headers: new Headers(published.headers) })).toEqual({ test: 2432232314 });
    const headers = Object.fromEntries(Object.entries(published.headers).map(([name, value]) => [name.toUpperCase(), value]));
    expect(await verifyWebhook({ ...published, headers })).toEqual({ test: 2432232314 });
  });

  test('while secrets change, either of two is accepted, and any of several signatures', async () => {
    expect(await verifyWebhook({ ...published, secret: [other, published.secret] })).toEqual({ test: 2432232314 });
    const many = `v1a,AAAA v1,AAAA v1,%%% ${published.headers['webhook-signature']}`;
    expect(await verifyWebhook({ ...published, headers: { ...published.headers, 'webhook-signature': many } })).toEqual({ test: 2432232314 });
  });

  test('amounts of its data keep their digits', async () => {
    const message = await verifyWebhook(await signed('{"type":"credits.balance.depleted","data":{"remainingBalance":-0.000000001}}', other));
    expect(message).toEqual({ type: 'credits.balance.depleted', data: { remainingBalance: -1e-9, remainingBalanceExact: '-0.000000001' } });
  });
});

describe('any other message is refused', () => {
  test('when a byte of body, id, time or signature was changed', async () => {
    const { headers } = published;
    const changed: Partial<WebhookParams>[] = [
      { body: '{"test": 2432232315}' },
      { body: `${published.body} ` },
      { headers: { ...headers, 'webhook-id': 'msg_other' } },
      { headers: { ...headers, 'webhook-timestamp': '1614265331' } },
      { headers: { ...headers, 'webhook-signature': 'v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' } },
      { headers: { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v2,') } },
      { headers: { ...headers, 'webhook-signature': 'v1,' } },
      { secret: other },
    ];
    for (const change of changed) expect(await refusal({ ...published, ...change }), JSON.stringify(change)).toBe('InvalidSignature');
  });

  test('when it was sent more than five minutes before or after now', async () => {
    const at = (seconds: number) => refusal({ ...published, now: new Date((1614265330 + seconds) * 1000) });
    expect(await at(301)).toBe('TimestampTooOld');
    expect(await at(-301)).toBe('TimestampInFuture');
    expect(await verifyWebhook({ ...published, now: new Date((1614265330 + 300) * 1000) })).toBeDefined();
    expect(await verifyWebhook({ ...published, now: new Date((1614265330 - 300) * 1000) })).toBeDefined();
    const { now: _, ...today } = published;
    expect(await refusal(today)).toBe('TimestampTooOld');
  });

  test('when a header is missing, doubled or no number', async () => {
    for (const name of Object.keys(published.headers)) {
      expect(await refusal({ ...published, headers: { ...published.headers, [name]: undefined } }), name).toBe('MissingHeader');
      expect(await refusal({ ...published, headers: { ...published.headers, [name]: ['a', 'b'] } }), name).toBe('MissingHeader');
    }
    for (const time of ['soon', '1e9', '-1', '1614265330.5', ' ']) {
      expect(await refusal({ ...published, headers: { ...published.headers, 'webhook-timestamp': time } }), time).toBe('MissingHeader');
    }
  });

  test('when it is genuine but not JSON', async () => {
    expect(await refusal(await signed('hello', other))).toBe('InvalidPayload');
  });

  test('a secret that is none, or none at all, is a mistake of the caller', async () => {
    for (const secret of ['', 'whsec_', 'whsec_%', []]) await expect(verifyWebhook({ ...published, secret })).rejects.toBeInstanceOf(TypeError);
  });
});
