// Package amount is the exact decimal number of the product: credits, units, money and rates (semantics 1.1).
//
// An [Amount] is a whole number of billionths kept in 128 bits. Adding, subtracting and comparing are therefore plain
// integer operations: exact, without allocation, and with == meaning equality. Binary floating point never appears
// between the wire and the store.
//
// What callers hand in has at most [MaxIntegerDigits] digits before the point and [FractionDigits] after it. [Parse],
// [ParseJSON] and the JSON methods refuse anything else; nothing is rounded silently. Sums may leave that range, because
// 128 bits hold about a hundred trillion times more; whoever accepts a result from outside checks [Amount.InRange].
//
// Three operations round, once and half away from zero: [Amount.Mul], [MulDiv] and [Amount.Round].
package amount
