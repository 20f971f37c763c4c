/** The client of Scrip for product code. */
export { EventRejectedError, Scrip, Scrip as default } from './client.js';
export { ApiError, ConnectionError, ScripError, TimeoutError, WebhookError } from './errors.js';
export { Page, type PageInfo, type Paging } from './page.js';
export type * from './params.js';
export type { CallOptions, QueryValue, RequestParts, TransportOptions } from './transport.js';
export { verifyWebhook, type WebhookHeaders, type WebhookMessage, type WebhookParams, type WebhookType } from './webhook.js';
export type { components, operations, paths } from './api.gen.js';
