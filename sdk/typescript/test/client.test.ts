import { beforeAll, describe, expect, inject, test } from 'vitest';
import { ApiError, EventRejectedError, Scrip } from '../src/index.js';
import { connect, currencyId, eventName, featureId, freshId, fundedCustomer, planId, prepareCatalogue, subscribedCustomer } from './world.js';

let client: Scrip;
beforeAll(async () => {
  client = connect();
  await prepareCatalogue(client);
});

describe('amounts', () => {
  test('all 24 digits go to the server and come back', async () => {
    const amount = '123456789012345.123456789';
    const customerId = await fundedCustomer(client, amount);
    const { nodes } = await client.getCreditGrants({ customerId, currencyId });
    expect(nodes[0]).toMatchObject({ amountExact: amount, amount: Number(amount), remainingExact: amount });
    const spent = await client.consumeCredits({ customerId, currencyId, amount: '0.000000001' });
    expect(spent.amountExact).toBe('0.000000001');
    const left = await client.getCreditEntitlement({ customerId, currencyId });
    expect(left.remainingExact).toBe('123456789012345.123456788');
  });

  test('a number travels by its shortest digits', async () => {
    const customerId = await fundedCustomer(client, 0.1);
    const { nodes: [grant] } = await client.getCreditGrants({ customerId });
    expect(grant).toMatchObject({ amount: 0.1, amountExact: '0.1' });
  });

  test('what float arithmetic has spoiled is refused by the server, never rounded', async () => {
    const customerId = await subscribedCustomer(client);
    const spoiled = client.grantCredits({ customerId, currencyId, amount: 0.1 + 0.2, displayName: 'Sum' });
    await expect(spoiled).rejects.toMatchObject({ status: expect.any(Number), field: 'amount' });
  });

  test('a cost that came with an answer can be sent back', async () => {
    const customerId = await subscribedCustomer(client);
    const cost = { amount: '90071992547409.93', currency: 'usd' } as const;
    const first = await client.grantCredits({ customerId, currencyId, amount: 2, displayName: 'One', cost, awaitPaymentConfirmation: false });
    const again = await client.grantCredits({ customerId, currencyId, amount: 2, displayName: 'Two', cost: first.cost, awaitPaymentConfirmation: false });
    expect(again.cost.amountExact).toBe('90071992547409.93');
  });
});

describe('idempotency', () => {
  test('the same key grants once; another content under it is refused', async () => {
    const customerId = await subscribedCustomer(client);
    const params = { customerId, currencyId, amount: 5, displayName: 'Once', idempotencyKey: freshId('key') };
    const first = await client.grantCredits(params);
    expect((await client.grantCredits(params)).id).toBe(first.id);
    expect((await client.getCreditGrants({ customerId })).nodes).toHaveLength(1);
    const other = client.grantCredits({ ...params, amount: 6 });
    await expect(other).rejects.toMatchObject({ code: 'IdempotencyMismatch', status: 409 });
  });

  test('calls without a key get one each', async () => {
    const customerId = await subscribedCustomer(client);
    const params = { customerId, currencyId, amount: 5, displayName: 'Twice' };
    await client.grantCredits(params);
    await client.grantCredits(params);
    expect((await client.getCreditGrants({ customerId })).nodes).toHaveLength(2);
  });

  test('the same event burns once', async () => {
    const customerId = await fundedCustomer(client, 100);
    const event = { customerId, eventName, idempotencyKey: freshId('event'), dimensions: { actionTokens: 30 } };
    expect(await client.reportEvent(event)).toMatchObject({ status: 'RATED', duplicate: false });
    expect(await client.reportEvent(event)).toMatchObject({ status: 'RATED', duplicate: true });
    expect((await client.getCreditEntitlement({ customerId, currencyId })).remaining).toBe(70);
  });

  test('a subscription under a key of the call starts once', async () => {
    const customerId = freshId('customer');
    await client.provisionCustomer({ customerId });
    const call = { idempotencyKey: freshId('key') };
    const first = await client.provisionSubscription({ customerId, planId }, call);
    const again = await client.provisionSubscription({ customerId, planId }, call);
    expect(again.id).toBe(first.id);
  });
});

describe('pages', () => {
  test('first and after walk the ledger without gap or repeat, and back', async () => {
    const customerId = await subscribedCustomer(client);
    for (let i = 1; i <= 5; i++) await client.grantCredits({ customerId, currencyId, amount: i, displayName: `Grant ${i}` });
    const filters = { customerId, currencyId };
    const one = await client.getCreditLedger({ ...filters, paging: { first: 2 } });
    expect(one.edges.map((edge) => edge.node.amount)).toEqual([5, 4]);
    expect(one.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
    const two = await client.getCreditLedger({ ...filters, paging: { first: 2, after: one.pageInfo.endCursor! } });
    expect(two.nodes.map((row) => row.amount)).toEqual([3, 2]);
    const back = await client.getCreditLedger({ ...filters, paging: { last: 2, before: two.pageInfo.startCursor! } });
    expect(back.nodes.map((row) => row.amount)).toEqual([5, 4]);
    const three = await two.nextPage();
    expect(three!.nodes.map((row) => row.amount)).toEqual([1]);
    expect(await three!.nextPage()).toBeNull();
  });

  test('iterating a page goes on to the end of the list, with its filters', async () => {
    const customerId = await subscribedCustomer(client);
    for (let i = 1; i <= 5; i++) await client.grantCredits({ customerId, currencyId, amount: i, displayName: `Grant ${i}` });
    await client.consumeCredits({ customerId, currencyId, amount: 1 });
    const seen: number[] = [];
    const page = await client.getCreditLedger({ customerId, currencyId, eventType: ['CREDITS_GRANTED'], paging: { first: 2 } });
    for await (const row of page) seen.push(row.amount);
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });

  test('a page beyond the limit is refused and names the parameter', async () => {
    const call = client.getCreditLedger({ customerId: 'nobody', paging: { first: 101 } });
    await expect(call).rejects.toMatchObject({ status: 400, field: 'limit', code: 'InvalidArgumentError' });
  });
});

describe('events', () => {
  test('of many events each answers for itself, in order', async () => {
    const customerId = await fundedCustomer(client, 100);
    const results = await client.reportEvent([
      { customerId, eventName, dimensions: { actionTokens: 10 } },
      { customerId, eventName: 'of-no-meter' },
      { customerId, eventName, dimensions: { actionTokens: 5 }, timestamp: new Date(Date.now() + 3_600_000) },
    ]);
    expect(results.map((one) => one.status)).toEqual(['RATED', 'UNMAPPED', 'REJECTED']);
    expect(results[0]!.burns).toMatchObject([{ costExact: '10', balanceExact: '90' }]);
  });

  test('a single event that is not stored is an error with its reason', async () => {
    const customerId = await fundedCustomer(client, 100);
    const call = client.reportEvent({ customerId, eventName, timestamp: new Date(Date.now() + 3_600_000) });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EventRejectedError);
    expect(error).toMatchObject({ code: 'TimestampInFuture', result: { status: 'REJECTED' } });
  });

  test('an event of an unknown customer is kept in quarantine', async () => {
    const result = await client.reportEvent({ customerId: freshId('stranger'), eventName });
    expect(result).toMatchObject({ status: 'QUARANTINED', reason: 'CustomerNotFound' });
  });
});

describe('checks', () => {
  test('an unknown customer has no credits, which is no error', async () => {
    const state = await client.getCreditEntitlement({ customerId: freshId('stranger'), currencyId });
    expect(state).toMatchObject({ isGranted: false, accessDeniedReason: 'CustomerNotFound', remaining: 0, remainingExact: '0' });
  });

  test('access is denied for more than what is left', async () => {
    const customerId = await fundedCustomer(client, 10);
    const ask = (requestedUsage: number | string) => client.getCreditEntitlement({ customerId, currencyId, requestedUsage });
    expect(await ask('10.000000000')).toMatchObject({ isGranted: true });
    expect(await ask('10.000000001')).toMatchObject({ isGranted: false, accessDeniedReason: 'InsufficientCredits' });
  });

  test('a feature can be checked by the units about to be used', async () => {
    const customerId = await fundedCustomer(client, 10);
    expect(await client.checkEntitlement({ customerId, featureId, requestedUsage: 10 })).toMatchObject({ isGranted: true });
    expect(await client.checkEntitlement({ customerId, featureId, requestedUsage: 11 })).toMatchObject({ isGranted: false });
  });
});

describe('reservations', () => {
  test('held credits are not available, a settle burns its part and frees the rest', async () => {
    const customerId = await fundedCustomer(client, 100);
    const reservationId = freshId('reservation');
    const held = await client.reserveCredits({ customerId, currencyId, reservationId, amount: 80 });
    expect(held).toMatchObject({ status: 'HELD', heldAmountExact: '80', availableExact: '20' });
    const short = client.reserveCredits({ customerId, currencyId, reservationId: freshId('reservation'), amount: 21 });
    await expect(short).rejects.toMatchObject({ code: 'InsufficientCredits', status: 402 });
    const settled = await client.settleReservation({ customerId, currencyId, reservationId, amount: '12.5' });
    expect(settled).toMatchObject({ status: 'SETTLED', consumedAmountExact: '12.5', availableExact: '87.5' });
  });

  test('a partial settle under one key burns once', async () => {
    const customerId = await fundedCustomer(client, 100);
    const reservationId = freshId('reservation');
    await client.reserveCredits({ customerId, currencyId, reservationId, amount: 50 });
    const part = { customerId, currencyId, reservationId, amount: 5, final: false, idempotencyKey: freshId('part') };
    await client.settleReservation(part);
    expect(await client.settleReservation(part)).toMatchObject({ consumedAmount: 5, heldAmount: 45 });
  });

  test('a release frees everything', async () => {
    const customerId = await fundedCustomer(client, 100);
    const reservationId = freshId('reservation');
    await client.reserveCredits({ customerId, currencyId, reservationId, amount: 50 });
    const ended = await client.releaseReservation({ customerId, currencyId, reservationId });
    expect(ended).toMatchObject({ status: 'RELEASED', availableExact: '100' });
  });
});

describe('balances', () => {
  test('a past instant shows the balance of then', async () => {
    const customerId = await fundedCustomer(client, 100);
    const { timestamp } = (await client.getCreditLedger({ customerId, currencyId })).nodes[0]!;
    await client.consumeCredits({ customerId, currencyId, amount: 40 });
    const now = await client.getCreditBalances({ customerId });
    expect(now.nodes).toMatchObject([{ currencyId, balanceExact: '60', totalConsumedExact: '40' }]);
    const then = await client.getCreditBalances({ customerId, asOf: new Date(new Date(timestamp).getTime() + 1) });
    expect(then.nodes).toMatchObject([{ balanceExact: '100', heldExact: null }]);
  });
});

describe('customers', () => {
  test('provisioning a customer again returns the one there is', async () => {
    const customerId = freshId('customer');
    const first = await client.provisionCustomer({ customerId, name: 'First', email: 'first@example.com' });
    const again = await client.provisionCustomer({ customerId, name: 'Second' });
    expect(first).toMatchObject({ id: customerId, name: 'First' });
    expect(again).toEqual(first);
  });
});

describe('refusals', () => {
  test('a wrong key says so', async () => {
    const stranger = new Scrip({ apiKey: 'wrong', baseUrl: inject('baseUrl') });
    await expect(stranger.getCreditGrants({ customerId: 'a' })).rejects.toMatchObject({ code: 'Unauthenticated', status: 401 });
  });

  test('an unknown grant is named with code, status and the trace id of the log', async () => {
    const error = await client.voidCreditGrant({ id: 'cred-grant-unknown' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'CreditGrantNotFound', status: 404, traceId: expect.stringMatching(/./) });
  });

  test('an id that would lead to another path is refused before anything is sent', async () => {
    for (const id of ['', '.', '..']) await expect(client.voidCreditGrant({ id })).rejects.toBeInstanceOf(TypeError);
    await expect(client.voidCreditGrant({ id: 'a/../b?c' })).rejects.toMatchObject({ status: 404 });
  });
});
