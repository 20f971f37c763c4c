import { describe, expect, inject, test } from 'vitest';
import { ApiError, ConnectionError, Scrip, ScripError, TimeoutError } from '../src/index.js';
import { answer, misbehave } from './misbehaving.js';
import { connect, currencyId, freshId, prepareCatalogue } from './world.js';

const grant = { customerId: 'acme', currencyId: 'tokens', amount: 1, displayName: 'One' };
const soon = { 'Retry-After-Ms': '1' };
const busy = { code: 'Unavailable', message: 'busy', traceId: 't' };

function clientOf(baseUrl: string, options: { timeoutMs?: number; maxRetries?: number } = {}): Scrip {
  return new Scrip({ apiKey: 'key', baseUrl, ...options });
}

/** How long something took, in milliseconds. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

describe('repeats', () => {
  test('a passing refusal is repeated with the same body and key, until it is answered', async () => {
    await using server = await misbehave((_, response, number) =>
      number < 3 ? answer(response, 503, busy, soon) : answer(response, 201, { data: { id: 'g' } }));
    expect(await clientOf(server.baseUrl).grantCredits(grant)).toEqual({ id: 'g' });
    expect(server.arrivals).toHaveLength(3);
    expect(new Set(server.arrivals.map((one) => one.body)).size).toBe(1);
    expect(JSON.parse(server.arrivals[0]!.body).idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a write without a key in its body carries one in its header, the same on every attempt', async () => {
    await using server = await misbehave((_, response, number) =>
      number < 2 ? answer(response, 500, busy, soon) : answer(response, 200, { data: {} }));
    const client = clientOf(server.baseUrl);
    await client.voidCreditGrant({ id: 'g/1' });
    await client.voidCreditGrant({ id: 'g/1' }, { idempotencyKey: 'mine' });
    const keys = server.arrivals.map((one) => one.headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys).toEqual([keys[0], keys[0], 'mine']);
    expect(server.arrivals[0]!.url).toBe('/api/v1/credits/grants/g%2F1/void');
  });

  test('a broken connection is repeated, with half an answer too', async () => {
    await using server = await misbehave((_, response, number) => {
      if (number === 1) return response.destroy();
      if (number === 2) {
        response.writeHead(200, { 'Content-Length': '100' }).write('{"data":');
        return void setTimeout(() => response.destroy(), 20);
      }
      return answer(response, 200, { data: { remaining: 1 } });
    });
    const state = await clientOf(server.baseUrl).getCreditEntitlement({ customerId: 'acme', currencyId: 'tokens' });
    expect(state.remaining).toBe(1);
    expect(server.arrivals).toHaveLength(3);
  });

  test('an effect whose answer was lost happens once on the real server', async () => {
    const client = connect();
    await prepareCatalogue(client);
    const customerId = freshId('customer');
    await client.provisionCustomer({ customerId });
    await using proxy = await misbehave(async (request, response, number) => {
      const headers = { 'X-API-KEY': inject('apiKey'), 'Content-Type': 'application/json' };
      const real = await fetch(inject('baseUrl') + request.url, { method: request.method, headers, body: request.body });
      const text = await real.text();
      if (number % 2 === 1) return response.destroy();
      response.writeHead(real.status, { 'Content-Type': 'application/json' }).end(text);
    });
    const lossy = connect({ baseUrl: proxy.baseUrl });
    const made = await lossy.grantCredits({ customerId, currencyId, amount: 7, displayName: 'Once' });
    await lossy.consumeCredits({ customerId, currencyId, amount: 2 });
    expect(proxy.arrivals).toHaveLength(4);
    const { nodes } = await client.getCreditLedger({ customerId, currencyId });
    expect(nodes.map((row) => [row.creditGrantId, row.amount])).toEqual([[made.id, -2], [made.id, 7]]);
  });

  test('after the last repeat the refusal is thrown, with everything it said', async () => {
    const said = { code: 'RateLimitExceeded', message: 'slow down', traceId: 'trace-1', field: 'amount' };
    await using server = await misbehave((_, response) => answer(response, 429, said, soon));
    const error = await clientOf(server.baseUrl).grantCredits(grant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ ...said, status: 429, retryAfterMs: 1, name: 'ApiError' });
    expect(server.arrivals).toHaveLength(3);
  });

  test('the number of repeats can be chosen, for the client and for a call', async () => {
    await using server = await misbehave((_, response) => answer(response, 503, busy, soon));
    const client = clientOf(server.baseUrl, { maxRetries: 0 });
    await expect(client.grantCredits(grant)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(server.arrivals).toHaveLength(1);
    await expect(client.grantCredits(grant, { maxRetries: 4 })).rejects.toMatchObject({ code: 'Unavailable' });
    expect(server.arrivals).toHaveLength(6);
  });

  test('what repeating cannot change is not repeated', async () => {
    for (const [status, headers] of [[400, {}], [401, {}], [402, {}], [404, {}], [409, {}], [422, {}], [501, {}], [503, { 'X-Should-Retry': 'false' }]] as const) {
      await using server = await misbehave((_, response) => answer(response, status, busy, { ...soon, ...headers }));
      await expect(clientOf(server.baseUrl).grantCredits(grant)).rejects.toMatchObject({ status });
      expect(server.arrivals, String(status)).toHaveLength(1);
    }
  });

  test('x-should-retry asks for a repeat of anything', async () => {
    await using server = await misbehave((_, response, number) =>
      number === 1 ? answer(response, 409, busy, { ...soon, 'X-Should-Retry': 'true' }) : answer(response, 201, { data: { id: 'g' } }));
    expect(await clientOf(server.baseUrl).grantCredits(grant)).toEqual({ id: 'g' });
  });

  test('Retry-After is waited for; without it the client waits its own time; more than a minute is not waited for', async () => {
    await using server = await misbehave((_, response, number) => {
      const headers: Record<string, string>[] = [{ 'Retry-After': '1' }, {}, {}, {}, { 'Retry-After': '61' }];
      return number % 2 === 1 ? answer(response, 503, busy, headers[number - 1]) : answer(response, 200, { data: {} });
    });
    const client = clientOf(server.baseUrl);
    const call = () => client.voidCreditGrant({ id: 'g' });
    expect(await timed(call)).toBeGreaterThanOrEqual(990);
    expect(await timed(call)).toBeGreaterThanOrEqual(370);
    await expect(call()).rejects.toMatchObject({ retryAfterMs: 61_000 });
    expect(server.arrivals).toHaveLength(5);
  });
});

describe('time', () => {
  test('an attempt that takes too long is given up and repeated, then a TimeoutError', async () => {
    await using server = await misbehave(() => undefined);
    const call = clientOf(server.baseUrl, { timeoutMs: 400, maxRetries: 1 }).grantCredits(grant);
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'TimeoutError', message: 'no answer within 400 ms' });
    expect(server.arrivals).toHaveLength(2);
  });

  test('the time limit covers the body of an answer', async () => {
    await using server = await misbehave((_, response) => void response.writeHead(200).write('{'));
    const call = clientOf(server.baseUrl, { timeoutMs: 50, maxRetries: 0 }).getCreditGrants({ customerId: 'acme' });
    await expect(call).rejects.toBeInstanceOf(TimeoutError);
  });

  test('an AbortSignal ends a call while it waits for an answer, with its own reason', async () => {
    const stop = new AbortController();
    await using server = await misbehave(() => stop.abort(new Error('closing time')));
    const call = clientOf(server.baseUrl).grantCredits(grant, { signal: stop.signal });
    await expect(call).rejects.toThrow('closing time');
    expect(server.arrivals).toHaveLength(1);
  });

  test('an AbortSignal ends a call while it waits between attempts', async () => {
    const stop = new AbortController();
    await using server = await misbehave((_, response) => {
      answer(response, 503, busy, { 'Retry-After': '30' });
      setTimeout(() => stop.abort(new Error('closing time')), 50);
    });
    const took = await timed(() =>
      expect(clientOf(server.baseUrl).grantCredits(grant, { signal: stop.signal })).rejects.toThrow('closing time'));
    expect(took).toBeLessThan(5_000);
    expect(server.arrivals).toHaveLength(1);
  });

  test('an AbortSignal that has fired sends nothing', async () => {
    await using server = await misbehave((_, response) => answer(response, 200, { data: {} }));
    await expect(clientOf(server.baseUrl).grantCredits(grant, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.arrivals).toHaveLength(0);
  });
});

describe('what stands between', () => {
  test('a page of a proxy is an error that says so, with the request id it has', async () => {
    await using server = await misbehave((_, response) => void response.writeHead(404, { 'X-Request-Id': 'r-1' }).end('<html>'));
    const error = await clientOf(server.baseUrl).grantCredits(grant).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'InvalidAnswer', status: 404, traceId: 'r-1' });
  });

  test('a success that is not JSON is not taken for one', async () => {
    await using server = await misbehave((_, response) => void response.writeHead(200).end('<html>'));
    const error = await clientOf(server.baseUrl).grantCredits(grant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ScripError);
    expect(error).toMatchObject({ code: 'InvalidAnswer' });
    expect(server.arrivals).toHaveLength(1);
  });

  test('the key is never sent on to where a redirect leads', async () => {
    await using target = await misbehave((_, response) => answer(response, 200, { data: {} }));
    await using server = await misbehave((_, response) => void response.writeHead(307, { Location: target.baseUrl }).end());
    await expect(clientOf(server.baseUrl).grantCredits(grant)).rejects.toMatchObject({ status: 307 });
    expect(target.arrivals).toHaveLength(0);
  });

  test('no server at all is a ConnectionError', async () => {
    let baseUrl = '';
    {
      await using gone = await misbehave(() => undefined);
      baseUrl = gone.baseUrl;
    }
    const error = await clientOf(baseUrl, { maxRetries: 0 }).grantCredits(grant).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'ConnectionError', message: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('what is sent', () => {
  test('a base URL keeps its path, and queries are spelled as the contract says', async () => {
    await using server = await misbehave((_, response) => answer(response, 200, { data: [], pagination: { next: null, prev: null } }));
    const client = clientOf(`${server.baseUrl}/credits//`);
    await client.getCreditLedger({
      customerId: 'a@b|c d', eventType: ['CREDITS_GRANTED', 'CREDITS_VOIDED'], startDate: new Date('2026-01-02T03:04:05Z'), paging: { first: 3, after: 'x+/=' },
    });
    const { url, headers } = server.arrivals[0]!;
    const { pathname, searchParams } = new URL(url, server.baseUrl);
    expect(pathname).toBe('/credits/api/v1/credits/ledger');
    expect(Object.fromEntries(searchParams)).toEqual({
      customerId: 'a@b|c d', eventType: 'CREDITS_GRANTED,CREDITS_VOIDED', startDate: '2026-01-02T03:04:05.000Z', limit: '3', after: 'x+/=',
    });
    expect(headers).toMatchObject({ 'x-api-key': 'key', accept: 'application/json' });
    expect(headers['idempotency-key']).toBeUndefined();
  });

  test('options that cannot work are refused at once', () => {
    expect(() => new Scrip({ apiKey: '', baseUrl: 'https://a' })).toThrow('apiKey');
    expect(() => new Scrip({ apiKey: 'key', baseUrl: 'localhost:8080' })).toThrow('baseUrl');
  });
});
