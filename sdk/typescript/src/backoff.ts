/** When an attempt is worth repeating, and after how long. */

/** The first wait is half a second, each next one twice as long, none longer than eight seconds. */
const firstWaitMs = 500;
const waitMaxMs = 8_000;

/** Up to a quarter is taken off a wait, so that clients which failed together do not come back together. */
const jitter = 0.25;

/** A server that asks for a longer wait is not waited for: the caller hears it in `retryAfterMs`. */
export const askedWaitMaxMs = 60_000;

/** Answers that say nothing about the request itself. The server's x-should-retry wins over this list. */
const passing = new Set([408, 429, 500, 502, 503, 504]);

/** Tells whether an answer is worth another attempt. */
export function shouldRetry(status: number, headers: Headers): boolean {
  const asked = headers.get('x-should-retry');
  if (asked === 'true') return true;
  return asked !== 'false' && passing.has(status);
}

/** How long the server asks to wait, in milliseconds from now, or undefined when it does not say. */
export function askedWaitMs(headers: Headers, now: number): number | undefined {
  const milliseconds = amountOf(headers.get('retry-after-ms'));
  if (milliseconds !== undefined) return milliseconds;
  const text = headers.get('retry-after');
  const seconds = amountOf(text);
  if (seconds !== undefined) return seconds * 1000;
  const date = Date.parse(text ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function amountOf(text: string | null): number | undefined {
  return text !== null && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

/** How long to wait before an attempt, in milliseconds. retry is 1 for the first repeat, random is in [0, 1). */
export function ownWaitMs(retry: number, random: number): number {
  const full = Math.min(waitMaxMs, firstWaitMs * 2 ** (retry - 1));
  return full * (1 - jitter * random);
}
