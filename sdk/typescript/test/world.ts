// What tests start from: a client of the real server, a catalogue, fresh customers.
import { inject } from 'vitest';
import { ApiError, Scrip } from '../src/index.js';

/** The credit type that the plan of the catalogue burns: as many credits as the event's `actionTokens`. */
export const currencyId = 'cred-type-ai-credits';
/** The name of the events that burn. */
export const eventName = 'credit-consuming-action';
/** The plan, and the feature that its mapping prices. */
export const planId = 'pro';
export const featureId = 'ai-actions';

/** A client of the server that setup.ts has started. */
export function connect(options: { baseUrl?: string; timeoutMs?: number; maxRetries?: number } = {}): Scrip {
  return new Scrip({ apiKey: inject('apiKey'), baseUrl: inject('baseUrl'), ...options });
}

/** A new id. */
export function freshId(kind: string): string {
  return `${kind}-${crypto.randomUUID()}`;
}

/** Makes the catalogue, unless another test file has. */
export async function prepareCatalogue(client: Scrip): Promise<void> {
  const sum = { function: 'SUM', field: 'actionTokens' };
  const filters = [{ conditions: [{ field: 'eventName', operation: 'EQUALS', value: eventName }] }];
  const charge = {
    billingModel: 'CREDIT_BASED', featureId,
    pricePeriods: [{ billingPeriod: 'MONTHLY', creditRate: { currencyId, amount: 1 } }],
  };
  await made(client, '/credits/custom-currencies', { id: currencyId, displayName: 'AI credits' });
  await made(client, '/features', { id: featureId, displayName: 'AI actions', featureType: 'NUMBER', meterType: 'INCREMENTAL' });
  await made(client, '/products', { id: 'studio', displayName: 'Studio' });
  if (!(await made(client, '/plans', { id: planId, displayName: 'Pro', productId: 'studio', pricingType: 'PAID' }))) return;
  await client.request({ method: 'PATCH', path: `/api/v1/features/${featureId}`, body: { meter: { aggregation: sum, filters } } });
  await client.request({
    method: 'PATCH', path: `/api/v1/plans/${planId}`, body: { charges: { pricingType: 'PAID', pricingModels: [charge] } },
  });
  await client.request({ method: 'POST', path: `/api/v1/plans/${planId}/publish`, body: { migrationType: 'NEW_CUSTOMERS' } });
}

/** Makes one object, and tells whether it is new. */
async function made(client: Scrip, path: string, body: object): Promise<boolean> {
  try {
    await client.request({ method: 'POST', path: `/api/v1${path}`, body });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'DuplicatedEntityNotAllowed') return false;
    throw error;
  }
}

/** Makes a customer with a subscription to the plan, and returns its id. */
export async function subscribedCustomer(client: Scrip, customerId = freshId('customer')): Promise<string> {
  await client.provisionCustomer({ customerId, name: 'Acme' });
  await client.provisionSubscription({ customerId, planId });
  return customerId;
}

/** Makes a customer with a number of credits, and returns its id. */
export async function fundedCustomer(client: Scrip, amount: number | string): Promise<string> {
  const customerId = await subscribedCustomer(client);
  await client.grantCredits({ customerId, currencyId, amount, displayName: 'Welcome' });
  return customerId;
}
