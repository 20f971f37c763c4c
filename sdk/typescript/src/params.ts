/** What the methods of the client take and answer. All of it follows the REST contract; see api.gen.ts for every member. */
import type { components, operations } from './api.gen.js';
import type { PageInfo, Paging } from './page.js';

type Schemas = components['schemas'];
type Query<Operation extends keyof operations> = NonNullable<operations[Operation]['parameters']['query']>;

/** An exact decimal: a number, or its digits as a string when a number cannot hold them. At most 15 integer and 9 fraction digits. */
export type AmountInput = Schemas['AmountInput'];

/** An instant: a Date, or a string in the form of RFC 3339. */
export type Instant = Date | string;

/** T with instants, where T has strings, in the named members. */
type WithInstants<T, Names extends keyof T> = Omit<T, Names> & { [Name in Names]?: Instant };

/** Lists take a page instead of the bare cursors. */
type WithPaging<T> = Omit<T, 'after' | 'before' | 'limit'> & { paging?: Paging };

/** Money in major units: 49 means 49.00. The currency's ISO 4217 code may be in capitals. */
export interface MoneyInput {
  amount: AmountInput;
  currency: Schemas['Currency'] | Uppercase<Schemas['Currency']>;
}

/** A grant to make. */
export type GrantCreditsParams = WithInstants<Omit<Schemas['GrantCreate'], 'cost'>, 'effectiveAt' | 'expireAt'> & {
  /** Price of the whole grant. */
  cost?: MoneyInput;
};
/** Which grants to list. Without resourceId only those without a resource. */
export type GetCreditGrantsParams = WithPaging<Pick<Query<'listGrants'>, 'customerId' | 'currencyId' | 'resourceId'>>;
/** Which grant to void. */
export interface VoidCreditGrantParams {
  id: string;
}
/** Which ledger rows to list, newest first. Without resourceId only those without a resource. */
export type GetCreditLedgerParams = WithPaging<WithInstants<Query<'listLedger'>, 'startDate' | 'endDate'>>;
/** Which pools to list; with asOf, as they were at a past instant. */
export type GetCreditBalancesParams = WithPaging<WithInstants<Query<'listBalances'>, 'asOf'>>;
/** Which burned credits to chart. */
export type GetCreditUsageParams = WithPaging<Omit<WithInstants<Query<'getCreditUsage'>, 'startDate' | 'endDate'>, 'groupBy'>> & {
  /** Up to three dimensions to break the chart down by. Default by feature. */
  groupBy?: readonly string[];
};
/** Which credits to check. */
export interface GetCreditEntitlementParams {
  customerId: string;
  currencyId: string;
  resourceId?: string;
  /** Credits about to be used. Without it, access is granted while any are left. */
  requestedUsage?: AmountInput;
}
/** Which feature to check. */
export interface CheckEntitlementParams {
  customerId: string;
  featureId: string;
  resourceId?: string;
  /** Units about to be used. */
  requestedUsage?: AmountInput;
  /** Values of an ENUM feature. */
  requestedValues?: readonly string[];
}
/** One thing that happened. Its idempotencyKey is made by the client when absent; name it yourself to be safe across restarts. */
export type ReportEventParams = WithInstants<Omit<Schemas['EventInput'], 'idempotencyKey'>, 'timestamp'> & { idempotencyKey?: string };
/** Credits to take without meter or mapping. */
export type ConsumeCreditsParams = WithInstants<Omit<Schemas['Consumption'], 'idempotencyKey'>, 'createdAt'> & { idempotencyKey?: string };
/** Credits to hold. */
export type ReserveCreditsParams = WithInstants<Schemas['ReservationCreate'], 'expiresAt'>;
/** What an operation really cost. */
export type SettleReservationParams = WithInstants<Schemas['ReservationSettle'], 'expiresAt'> & { reservationId: string };
/** A reservation to end. */
export type ReleaseReservationParams = Schemas['ReservationRelease'] & { reservationId: string };
/** A customer to have. */
export type ProvisionCustomerParams = Omit<Schemas['CustomerCreate'], 'id'> & { customerId: string };
/** A subscription to start. */
export type ProvisionSubscriptionParams = WithInstants<Schemas['SubscriptionCreate'], 'startDate' | 'cancellationDate'>;

/** One block of credits. */
export type Grant = Schemas['Grant'];
/** One change of one grant. */
export type LedgerRow = Schemas['LedgerRow'];
/** The state of one pool. */
export type Balance = Schemas['Balance'];
/** Burned credits over time, a series for each feature or combination of dimensions. */
export type CreditUsage = Omit<Schemas['CreditUsage'], 'pagination'> & { pageInfo: PageInfo };
/** What a pool of credits allows. */
export type CreditEntitlement = Schemas['CreditEntitlementState'] & {
  /** Credits that can be used now: granted less consumed less held. Negative while the pool is overdrawn. */
  remaining: number;
  /** All digits of `remaining`. */
  remainingExact: string;
};
/** What a customer may do with a feature. */
export type FeatureEntitlement = Schemas['FeatureEntitlementState'];
/** What a customer may do: with a feature, or with credits that the feature burns. `type` tells which. */
export type Entitlement = Schemas['EntitlementState'];
/** What became of an event. */
export type EventResult = Schemas['EventResult'];
/** What a consumption took. */
export type ConsumptionResult = Schemas['ConsumptionResult'];
/** Credits held for one operation. */
export type Reservation = Schemas['Reservation'];
/** Who holds credits. */
export type Customer = Schemas['Customer'];
/** What became of a new subscription. */
export type ProvisionResult = Schemas['ProvisionResult'];
