import { describe, expect, test } from 'vitest';
import { encodeExact, parseExact } from '../src/json.js';

describe('reading', () => {
  test('an amount comes as the nearest number and with all its digits', () => {
    expect(parseExact('{"balance":123456789012345.123456789,"held":0,"deficit":-0.000000001}')).toEqual({
      balance: 123456789012345.123456789, balanceExact: '123456789012345.123456789', held: 0, heldExact: '0', deficit: -1e-9, deficitExact: '-0.000000001',
    });
  });

  test('no amount has no digits, and other numbers have no twin', () => {
    expect(parseExact('{"held":null,"seq":7,"list":[{"balance":1}]}')).toEqual({ held: null, heldExact: null, seq: 7, list: [{ balance: 1, balanceExact: '1' }] });
  });

  test('what callers named themselves stays as it is', () => {
    const text = '{"dimensions":{"amount":5,"balance":"x"},"metadata":{"cost":"5"}}';
    expect(parseExact(text)).toEqual(JSON.parse(text));
  });

  test('strings are never taken for numbers, whatever they hold', () => {
    for (const value of ['12', '"12"', '\\"12', '\\', '\0n12', '\0s12', '\0', 'a\u2028-1e5', '{"balance":1}', 'n', '']) {
      expect(parseExact(JSON.stringify({ [value]: value, list: [value] }))).toEqual({ [value]: value, list: [value] });
    }
  });

  test('every text reads as JSON.parse reads it, but for the twins', () => {
    for (const text of ['1', '-0', '1e400', '"a"', 'null', 'true', '[]', '{}', ' [1 , 2.50e-1] ', '{"__proto__":{"a":1}}']) {
      expect(parseExact(text), text).toEqual(JSON.parse(text));
    }
  });

  test('what is not JSON is refused', () => {
    for (const text of ['', '01', '1.', '.5', '+1', '--1', '1 2', '{"a":1,}', '"a', "{'a':1}", 'NaN', '<html>', '{"a":-}', '[1 2]']) {
      expect(() => parseExact(text), text).toThrow(SyntaxError);
    }
  });
});

describe('writing', () => {
  const round = (value: unknown): unknown => JSON.parse(encodeExact(value));

  test('dates are ISO strings, numbers keep their shortest digits, strings theirs', () => {
    expect(encodeExact({ at: new Date('2026-01-02T03:04:05.678Z'), a: 0.1, b: '0.10' })).toBe('{"at":"2026-01-02T03:04:05.678Z","a":0.1,"b":"0.10"}');
  });

  test('digits of an answer are sent back in the place of their number', () => {
    expect(round(parseExact('{"cost":{"amount":90071992547409.931,"currency":"usd"},"unitPrice":5}'))).toEqual({
      cost: { amount: '90071992547409.931', currency: 'usd' }, unitPrice: 5,
    });
  });

  test('a number that was changed since wins over its old digits', () => {
    expect(round({ amount: 6, amountExact: '5' })).toEqual({ amount: 6 });
  });

  test('what callers named themselves stays as it is', () => {
    const body = { dimensions: { amount: 5, amountExact: 'x' }, metadata: { aExact: 'b', a: 'c' } };
    expect(round(body)).toEqual(body);
  });

  test('numbers that have lost digits, or are none, are refused by name', () => {
    for (const amount of [Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 60)]) {
      expect(() => encodeExact({ events: [{ dimensions: { amount } }] }), String(amount)).toThrow(/^amount: /);
    }
    expect(round({ amount: 2 ** 53 - 1 })).toEqual({ amount: 9007199254740991 });
  });
});
