/**
 * JSON without loss. A JavaScript number holds about 16 digits, an amount up to 24, so every amount of an answer comes
 * twice: `balance`, the nearest number, and `balanceExact`, its digits as they stood in the answer.
 */
import { amountNames } from './amounts.gen.js';

/** The amounts of webhook payloads, which the REST contract does not hold. */
const payloadNames = ['alertBase', 'remainingBalance', 'unusedAmount', 'maxSpend', 'spent'];

const isAmount = new Set([...amountNames, ...payloadNames]);

/** Objects whose member names are the caller's own. */
const isFreeForm = new Set(['dimensions', 'metadata']);

/** What a member's name gains to name the digits. */
const twinEnding = 'Exact';

/** Every string and number of a JSON text. Strings come first, so that digits inside them are not taken for numbers. */
const tokens = /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Numbers travel through JSON.parse as strings that begin with NUL and n; strings that begin with NUL get NUL and s before them. */
const numberMark = '\0n';
const stringMark = '\0s';

/** Reads a JSON text, with a twin for every amount. It throws a SyntaxError when the text is not JSON. */
export function parseExact(text: string): unknown {
  const marked = text.replace(tokens, (token) => {
    if (!token.startsWith('"')) return `"\\u0000n${token}"`;
    return token.startsWith('"\\u0000') ? `"\\u0000s${token.slice(1)}` : token;
  });
  return reveal(JSON.parse(marked), false);
}

/** Turns marks back into what they stand for, and adds the twins unless the member names are the caller's own. */
function reveal(value: unknown, freeForm: boolean): unknown {
  if (typeof value === 'string') return revealText(value);
  if (Array.isArray(value)) return value.map((item) => reveal(item, freeForm));
  if (value === null || typeof value !== 'object') return value;
  const members: [string, unknown][] = [];
  for (const [markedName, member] of Object.entries(value)) {
    const name = String(revealText(markedName));
    members.push([name, reveal(member, freeForm || isFreeForm.has(name))]);
    const twin = freeForm || !isAmount.has(name) ? undefined : twinOf(member);
    if (twin !== undefined) members.push([name + twinEnding, twin]);
  }
  return Object.fromEntries(members);
}

function revealText(text: string): string | number {
  if (text.startsWith(numberMark)) return Number(text.slice(numberMark.length));
  return text.startsWith(stringMark) ? text.slice(stringMark.length) : text;
}

/** The digits of a marked number; null stays null; anything else has no twin. */
function twinOf(member: unknown): string | null | undefined {
  if (member === null) return null;
  return typeof member === 'string' && member.startsWith(numberMark) ? member.slice(numberMark.length) : undefined;
}

/**
 * Writes a request body. Dates become ISO strings. A twin that came with an answer is not sent: while it still says the same
 * as its number, its digits are sent in the number's place. Numbers that have lost digits before they came here are refused
 * with a TypeError that names them: infinities, not-a-number, and integers beyond 2^53.
 */
export function encodeExact(body: unknown): string {
  return JSON.stringify(body, function (this: unknown, name: string, value: unknown) {
    if (typeof value === 'number') checkNumber(name, value);
    if (value === null || typeof value !== 'object' || Array.isArray(value) || isFreeForm.has(name)) return value;
    return withoutTwins(value);
  });
}

function withoutTwins(value: object): object {
  const names = new Set(Object.keys(value));
  const isTwin = (name: string) => name.endsWith(twinEnding) && names.has(name.slice(0, -twinEnding.length));
  if (![...names].some(isTwin)) return value;
  const members = value as Record<string, unknown>;
  const kept = Object.entries(members).filter(([name]) => !isTwin(name));
  return Object.fromEntries(kept.map(([name, member]) => [name, digitsOf(member, members[name + twinEnding])]));
}

/** The digits of a twin that still agrees with its member and says more than it; else the member. */
function digitsOf(member: unknown, twin: unknown): unknown {
  const says = typeof member === 'number' && typeof twin === 'string' && Number(twin) === member;
  return says && twin !== String(member) ? twin : member;
}

function checkNumber(name: string, value: number): void {
  if (!Number.isFinite(value)) throw new TypeError(`${name}: ${value} is no amount`);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new TypeError(`${name}: a JavaScript number of this size has lost digits; pass the amount as a string`);
  }
}
