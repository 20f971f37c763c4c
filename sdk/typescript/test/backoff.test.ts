import { describe, expect, test } from 'vitest';
import { askedWaitMs, ownWaitMs, shouldRetry } from '../src/backoff.js';

const now = Date.parse('2026-01-01T00:00:00Z');

describe('the wait that a server asks for', () => {
  test.each([
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'retry-after-ms': '0.5', 'retry-after': '9' }, 0.5],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' }, 3000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after-ms': 'x', 'retry-after': '1' }, 1000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%o is %s ms', (headers, expected) => {
    expect(askedWaitMs(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});

describe('the wait that the client chooses', () => {
  test('it doubles up to eight seconds, and chance takes up to a quarter off', () => {
    expect([1, 2, 3, 4, 5, 6].map((retry) => ownWaitMs(retry, 0))).toEqual([500, 1000, 2000, 4000, 8000, 8000]);
    expect(ownWaitMs(1, 0.999999)).toBeCloseTo(375, 0);
  });
});

describe('what is worth repeating', () => {
  test('the list, unless the server says otherwise', () => {
    const all = [200, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504];
    const repeated = (headers: Record<string, string>) => all.filter((status) => shouldRetry(status, new Headers(headers)));
    expect(repeated({})).toEqual([408, 429, 500, 502, 503, 504]);
    expect(repeated({ 'x-should-retry': 'true' })).toEqual(all);
    expect(repeated({ 'x-should-retry': 'false' })).toEqual([]);
    expect(repeated({ 'x-should-retry': 'maybe' })).toEqual([408, 429, 500, 502, 503, 504]);
  });
});
