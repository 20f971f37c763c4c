// The snippets of the guide run as written: only the import and the base URL change.
import { beforeAll, describe, expect, inject, test } from 'vitest';
import Stigg, { type CreditUsage, type EventResult, type Grant, type LedgerRow, type Page, type Scrip } from '../src/index.js';
import { complaintsAbout, readSnippets, shapeOf } from './snippets.js';
import { currencyId, fundedCustomer, prepareCatalogue, subscribedCustomer } from './world.js';

const snippets = new Map(readSnippets().map(({ name, code }) => [name, code]));
const customerId = 'customer-123';
const resourceId = 'resource-456';
const pool = { customerId, resourceId, currencyId };
const metered = 'customer-2cd9b7';

let client: Scrip;
beforeAll(async () => {
  client = Stigg.initialize({ apiKey: inject('apiKey'), baseUrl: inject('baseUrl') });
  await prepareCatalogue(client);
  await client.provisionCustomer({ customerId });
  await subscribedCustomer(client, metered);
});

/** Runs a snippet, and returns what its call answered; or for a snippet with a declaration, whether it went on to proceed(). */
async function run<T>(name: string, fill: Record<string, string> = {}): Promise<T> {
  let code = snippets.get(name)!;
  for (const [placeholder, value] of Object.entries(fill)) code = code.replace(placeholder, value);
  const asksFirst = code.startsWith('const');
  const text = asksFirst ? `let went = false; const proceed = () => { went = true; };\n${code}\nreturn went;` : `return ${code}`;
  const Async = Object.getPrototypeOf(async () => undefined).constructor as new (...parts: string[]) => (...values: unknown[]) => Promise<T>;
  return new Async('stiggClient', 'stigg', text)(client, client);
}

test('the snippets have the shapes that the guide documents', () => {
  const shapes = [...snippets].map(([name, code]) => `${name}: ${shapeOf(code)}`);
  expect(shapes).toEqual([
    'grant: grantCredits(customerId amount currencyId displayName resourceId description expireAt priority cost.amount cost.currency '
      + 'awaitPaymentConfirmation metadata.campaign metadata.grantedBy)',
    'grants: getCreditGrants(customerId resourceId currencyId)',
    'ledger: getCreditLedger(customerId resourceId currencyId paging.first paging.after)',
    'usage: getCreditUsage(customerId resourceId currencyId timeRange)',
    'void: voidCreditGrant(id)',
    'check: getCreditEntitlement(customerId currencyId)',
    'report: reportEvent(customerId eventName idempotencyKey timestamp dimensions.userId dimensions.actionTokens)',
  ]);
});

test('the compiler accepts every snippet under strict rules, and refuses a wrong, a missing and an unknown argument', () => {
  const before = `import Stigg from '../src/index.js';
const stiggClient = Stigg.initialize({ apiKey: 'key', baseUrl: 'https://credits.example.com' });
export const stigg = stiggClient;
export const proceed = () => undefined;\n`;
  const blocks = [...snippets].map(([name, code]) => `export async function run_${name}() {\n${code}\n}\n`);
  const wrong = `await stiggClient.voidCreditGrant({ grant: 'x' });
await stiggClient.grantCredits({ customerId: 'a', amount: 1, currencyId: 'c' });
await stiggClient.getCreditUsage({ customerId: 'a', timeRange: 'LAST_CENTURY' });`;
  const [accepted, refused] = complaintsAbout(before + blocks.join(''), before + wrong);
  expect(accepted).toEqual([]);
  expect(refused).toEqual([expect.stringContaining("'grant'"), expect.stringContaining('displayName'), expect.stringContaining('LAST_CENTURY')]);
});

describe('run', () => {
  test('grant, list, page, chart and void', async () => {
    const grant = await run<Grant>('grant');
    expect(grant).toMatchObject({
      ...pool, amount: 100, grantType: 'PAID', status: 'ACTIVE', priority: 1, comment: 'For early users',
      cost: { amount: 100, currency: 'usd' }, expireAt: expect.stringMatching(/^2099-06-30T00:00:00/),
      metadata: { campaign: 'spring-offer', grantedBy: 'admin-7' },
    });
    const listed = await run<Page<Grant>>('grants');
    expect(listed.nodes.map((one) => one.id)).toEqual([grant.id]);

    await client.consumeCredits({ ...pool, amount: 40 });
    const first = await client.getCreditLedger({ ...pool, paging: { first: 1 } });
    const second = await run<Page<LedgerRow>>('ledger', { CURSOR: first.pageInfo.endCursor! });
    expect(first.edges.map((edge) => edge.node.amount)).toEqual([-40]);
    expect(second.edges.map((edge) => edge.node.amount)).toEqual([100]);

    const usage = await run<CreditUsage>('usage');
    expect(usage.currency).toMatchObject({ currencyId });
    expect(usage.series.map((one) => one.totalCreditsExact)).toEqual(['40']);

    const voided = await run<Grant>('void', { GRANT_ID: grant.id });
    expect(voided).toMatchObject({ status: 'VOIDED', voidedAmount: 60, consumedAmount: 40 });
  });

  test('the hard limit: check, then report', async () => {
    expect(await run<boolean>('check')).toBe(false);
    await client.grantCredits({ customerId: metered, currencyId, amount: 200, displayName: 'Start' });
    expect(await run<boolean>('check')).toBe(true);
    const result = await run<EventResult>('report');
    expect(result).toMatchObject({ status: 'RATED', burns: [{ costExact: '150', balanceExact: '50' }] });
    expect(await run<EventResult>('report')).toMatchObject({ duplicate: true, eventId: result.eventId });
  });

  test('the soft limit: a report beyond the balance takes it below zero', async () => {
    const overdrawn = await fundedCustomer(client, 100);
    await client.reportEvent({ customerId: overdrawn, eventName: 'credit-consuming-action', dimensions: { actionTokens: 150 } });
    expect(await client.getCreditEntitlement({ customerId: overdrawn, currencyId })).toMatchObject({ isGranted: false, remaining: -50 });
    const { nodes: [last] } = await client.getCreditLedger({ customerId: overdrawn, currencyId, paging: { first: 1 } });
    expect(last).toMatchObject({ eventType: 'CREDITS_CONSUMED', endBalanceExact: '-50' });
  });

  test('dates that have passed meanwhile are judged by the rules of today', async () => {
    const late = client.grantCredits({ ...pool, amount: 100, displayName: 'Late', expireAt: new Date('2025-12-31') });
    await expect(late).rejects.toMatchObject({ status: 400, field: 'expireAt' });
    const old = { customerId: metered, eventName: 'credit-consuming-action', timestamp: new Date('2025-01-01T10:10:10.000Z') };
    expect(await client.reportEvent(old)).toMatchObject({ status: 'QUARANTINED', reason: 'TimestampTooOld' });
  });

  test('every time range that the guide names is answered', async () => {
    for (const timeRange of ['LAST_DAY', 'LAST_WEEK', 'LAST_MONTH', 'LAST_YEAR'] as const) {
      const usage = await client.getCreditUsage({ customerId: metered, currencyId, timeRange });
      expect(usage.pageInfo.hasNextPage, timeRange).toBe(false);
    }
  });

  test('usage can be broken down by dimensions', async () => {
    const busy = await fundedCustomer(client, 100);
    for (const [userId, actionTokens] of [['ann', 3], ['bob', 4]] as const) {
      await client.reportEvent({ customerId: busy, eventName: 'credit-consuming-action', dimensions: { userId, actionTokens } });
    }
    const usage = await client.getCreditUsage({ customerId: busy, currencyId, timeRange: 'LAST_DAY', groupBy: ['userId'] });
    const totals = usage.series.map((one) => [one.tags?.[0]?.value, one.totalCreditsExact]);
    expect(totals.sort()).toEqual([['ann', '3'], ['bob', '4']]);
  });
});
