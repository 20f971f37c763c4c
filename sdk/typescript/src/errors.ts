/**
 * Everything this package throws, except a TypeError for an argument that no request could be made of, and the caller's own
 * reason when its AbortSignal fires.
 */

/** The part that all failures share. Go by `code`, not by `message`, which is for people. */
export class ScripError extends Error {
  /** A stable name of what went wrong, in PascalCase. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What an ApiError is made of. */
export interface Refusal {
  code: string;
  message: string;
  status: number;
  field?: string;
  traceId?: string;
  retryAfterMs?: number;
}

/** The server has answered, and refused. Codes are those of the REST contract, such as CustomerNotFound. */
export class ApiError extends ScripError {
  /** The HTTP status. */
  readonly status: number;
  /** The member or parameter at fault, for example `events[3].timestamp`. */
  readonly field: string | undefined;
  /** The id of the request, which the server's log has too. */
  readonly traceId: string | undefined;
  /** How long the server asks to wait before the next attempt, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message);
    this.status = refusal.status;
    this.field = refusal.field;
    this.traceId = refusal.traceId;
    this.retryAfterMs = refusal.retryAfterMs;
  }
}

/** No answer came: the server could not be reached, or the connection broke. Whether the call took effect is not known. */
export class ConnectionError extends ScripError {
  constructor(message: string, options?: ErrorOptions, code = 'ConnectionError') {
    super(code, message, options);
  }
}

/** No answer came in time. Whether the call took effect is not known; repeat it with the same idempotency key. */
export class TimeoutError extends ConnectionError {
  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`no answer within ${timeoutMs} ms`, options, 'TimeoutError');
  }
}

/** A message that must not be trusted: its code is InvalidSignature, MissingHeader, TimestampTooOld, TimestampInFuture or InvalidPayload. */
export class WebhookError extends ScripError {}
