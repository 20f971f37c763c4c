import { ApiError } from './errors.js';
import { Page, pageInfoOf, pageQuery, type Paging, type WirePage } from './page.js';
import type * as p from './params.js';
import { type CallOptions, newKey, type QueryValue, type RequestParts, segment, Transport, type TransportOptions } from './transport.js';

/** An event that was not stored: its time lies too far ahead, or its customer is archived. The code says which. */
export class EventRejectedError extends ApiError {
  /** What the server said about the event. */
  readonly result: p.EventResult;

  constructor(result: p.EventResult) {
    const code = result.reason ?? 'Rejected';
    super({ code, message: `the event was not stored: ${code}`, status: 200, field: 'events[0]' });
    this.result = result;
  }
}

/** Code of the refusal to make what is there already. */
const isTaken = 'DuplicatedEntityNotAllowed';

/**
 * The client of one environment of Scrip; its API key chooses which. It may be shared by everything in the process.
 *
 * Every call rejects with an ApiError when the server refuses, and with a ConnectionError or TimeoutError when no answer came in
 * spite of the repeats. Writes are safe to repeat: a key is made once per call and kept over its repeats.
 */
export class Scrip {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  /** Makes a client: the same as `new Scrip(options)`. */
  static initialize(options: TransportOptions): Scrip {
    return new Scrip(options);
  }

  /** Adds a block of credits to a customer's pool. */
  async grantCredits(params: p.GrantCreditsParams, call?: CallOptions): Promise<p.Grant> {
    const body = { ...params, ...costOf(params), idempotencyKey: keyOf(params, call) };
    return this.#data({ method: 'POST', path: '/api/v1/credits/grants', body, keyed: true }, call);
  }

  /** Lists a customer's grants, newest first. */
  async getCreditGrants(params: p.GetCreditGrantsParams, call?: CallOptions): Promise<Page<p.Grant>> {
    return this.#page('/api/v1/credits/grants', params, call);
  }

  /** Takes the unused rest of a grant away. Voiding again changes nothing. */
  async voidCreditGrant(params: p.VoidCreditGrantParams, call?: CallOptions): Promise<p.Grant> {
    return this.#data({ method: 'POST', path: `/api/v1/credits/grants/${segment('id', params.id)}/void` }, call);
  }

  /** Lists the rows that explain a customer's balance, newest first. */
  async getCreditLedger(params: p.GetCreditLedgerParams, call?: CallOptions): Promise<Page<p.LedgerRow>> {
    return this.#page('/api/v1/credits/ledger', params, call);
  }

  /** Charts burned credits, by feature unless groupBy names dimensions. */
  async getCreditUsage(params: p.GetCreditUsageParams, call?: CallOptions): Promise<p.CreditUsage> {
    const { paging, ...filters } = params;
    const query = { ...filters, ...pageQuery(paging) };
    type Answer = Omit<p.CreditUsage, 'pageInfo'> & Pick<WirePage<never>, 'pagination'>;
    const { pagination, ...usage } = await this.#data<Answer>({ method: 'GET', path: '/api/v1/credits/usage', query }, call);
    return { ...usage, pageInfo: pageInfoOf(pagination) };
  }

  /** Lists the balances of a customer's pools, one for each credit type and resource. */
  async getCreditBalances(params: p.GetCreditBalancesParams, call?: CallOptions): Promise<Page<p.Balance>> {
    return this.#page('/api/v1/credits/balances', params, call);
  }

  /** Tells how many credits are left, and whether they may be used. An unknown customer has none; that is no error. */
  async getCreditEntitlement(params: p.GetCreditEntitlementParams, call?: CallOptions): Promise<p.CreditEntitlement> {
    return this.#check(params, call);
  }

  /** Tells whether a customer may use a feature. A denial is an answer, not an error. */
  async checkEntitlement(params: p.CheckEntitlementParams, call?: CallOptions): Promise<p.Entitlement> {
    return this.#check(params, call);
  }

  /**
   * Reports usage: one event, or up to 1,000 at once. When the promise resolves, they are stored and their credits burned.
   * A single event that the server does not store rejects with an EventRejectedError; of many, each answers for itself.
   */
  async reportEvent(event: p.ReportEventParams, call?: CallOptions): Promise<p.EventResult>;
  async reportEvent(events: readonly p.ReportEventParams[], call?: CallOptions): Promise<p.EventResult[]>;
  async reportEvent(
    given: p.ReportEventParams | readonly p.ReportEventParams[], call?: CallOptions,
  ): Promise<p.EventResult | p.EventResult[]> {
    if (isMany(given)) return this.#report(given.map((event) => ({ ...event, idempotencyKey: event.idempotencyKey ?? newKey() })), call);
    const [result] = await this.#report([{ ...given, idempotencyKey: keyOf(given, call) }], call);
    if (result!.status === 'REJECTED') throw new EventRejectedError(result!);
    return result!;
  }

  /** Takes a number of credits, without meter or mapping. With requireBalance it refuses rather than go into overdraft. */
  async consumeCredits(params: p.ConsumeCreditsParams, call?: CallOptions): Promise<p.ConsumptionResult> {
    const body = { ...params, idempotencyKey: keyOf(params, call) };
    return this.#data({ method: 'POST', path: '/api/v1/credits/consumption', body, keyed: true }, call);
  }

  /** Holds credits for work whose cost is not known yet. It refuses with InsufficientCredits, and holds nothing, when they are short. */
  async reserveCredits(params: p.ReserveCreditsParams, call?: CallOptions): Promise<p.Reservation> {
    return this.#data({ method: 'POST', path: '/api/v1/credits/reservations', body: params, keyed: true }, call);
  }

  /** Burns what the work has cost and frees the rest, or with `final: false` keeps it held. */
  async settleReservation(params: p.SettleReservationParams, call?: CallOptions): Promise<p.Reservation> {
    const { reservationId, ...rest } = params;
    return this.#endReservation(reservationId, 'settle', { ...rest, idempotencyKey: keyOf(rest, call) }, call);
  }

  /** Frees what is held, after burning `consumedAmount` if there is one. */
  async releaseReservation(params: p.ReleaseReservationParams, call?: CallOptions): Promise<p.Reservation> {
    const { reservationId, ...body } = params;
    return this.#endReservation(reservationId, 'release', body, call);
  }

  /** Makes sure that a customer exists. One that does is returned as it is, whatever else was passed. */
  async provisionCustomer(params: p.ProvisionCustomerParams, call?: CallOptions): Promise<p.Customer> {
    const { customerId, ...rest } = params;
    try {
      return await this.#data<p.Customer>({ method: 'POST', path: '/api/v1/customers', body: { id: customerId, ...rest } }, call);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === isTaken)) throw error;
      return this.#data<p.Customer>({ method: 'GET', path: `/api/v1/customers/${segment('customerId', customerId)}` }, call);
    }
  }

  /** Starts a subscription. */
  async provisionSubscription(params: p.ProvisionSubscriptionParams, call?: CallOptions): Promise<p.ProvisionResult> {
    return this.#data({ method: 'POST', path: '/api/v1/subscriptions', body: params }, call);
  }

  /** Calls any operation of the REST contract, with the same keys, repeats and errors, and returns its whole answer. */
  async request<T = unknown>(parts: RequestParts, call?: CallOptions): Promise<T> {
    return (await this.#transport.send(parts, call)) as T;
  }

  async #data<T>(parts: RequestParts, call: CallOptions | undefined): Promise<T> {
    return (await this.request<{ data: T }>(parts, call)).data;
  }

  async #page<T>(path: string, params: { paging?: Paging } & object, call: CallOptions | undefined): Promise<Page<T>> {
    const { paging, ...filters } = params;
    const query = { ...(filters as Record<string, QueryValue>), ...pageQuery(paging) };
    const wire = await this.request<WirePage<T>>({ method: 'GET', path, query }, call);
    const fetchAfter = (after: string) => {
      const first = paging?.first ?? paging?.last;
      return this.#page<T>(path, { ...filters, paging: { after, ...(first !== undefined && { first }) } }, call);
    };
    return new Page(wire, fetchAfter);
  }

  async #check<T>(params: p.GetCreditEntitlementParams | p.CheckEntitlementParams, call: CallOptions | undefined): Promise<T> {
    const { customerId, ...query } = params;
    const path = `/api/v1/customers/${segment('customerId', customerId)}/entitlements/check`;
    return this.#data({ method: 'GET', path, query }, call);
  }

  async #report(events: p.ReportEventParams[], call: CallOptions | undefined): Promise<p.EventResult[]> {
    return this.#data({ method: 'POST', path: '/api/v1/events/report', body: { events }, keyed: true }, call);
  }

  async #endReservation(id: string, how: 'settle' | 'release', body: object, call: CallOptions | undefined): Promise<p.Reservation> {
    const path = `/api/v1/credits/reservations/${segment('reservationId', id)}/${how}`;
    return this.#data({ method: 'POST', path, body, keyed: true }, call);
  }
}

/** The key of one effect: the caller's, or a fresh one. */
function keyOf(params: { idempotencyKey?: string | undefined }, call: CallOptions | undefined): string {
  return params.idempotencyKey ?? call?.idempotencyKey ?? newKey();
}

/** The cost with its currency as the contract spells it. */
function costOf({ cost }: p.GrantCreditsParams): { cost?: object } {
  return cost ? { cost: { ...cost, currency: cost.currency.toLowerCase() } } : {};
}

function isMany<T>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given);
}
