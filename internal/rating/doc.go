// Package rating turns a usage event into credits: the event's name and dimensions in, a cost with its explanation out
// (semantics 7.1, 8 and 9). It is pure: no clock, no storage, no context. The same event under the same meter and rate
// always costs the same.
//
// The way of one event:
//
//  1. [Meter.Matches] says whether a feature counts the event. A meter's filter is an OR of groups, a group an AND of
//     conditions on the event's name and [Dims].
//  2. [Meter.Measure] says what the event contributes on its own: the units of COUNT and SUM, the value of UNIQUE and MAX.
//  3. [State.Advance] turns that into the units the event adds. UNIQUE, MAX and a unit [Transform] depend on what came
//     before in the usage period, so one State is kept per meter, subscription and period. Meters that are
//     [Meter.Stateless] need none.
//  4. [Rate.Price] turns units into credits: a flat number of credits per unit, or a [Formula] over the dimensions.
//
// Rules the package keeps:
//
//   - A cost is exact and rounded once, half away from zero, to 9 digits; it is never negative (semantics 1.1, 9.2).
//   - Units added never are negative, and with UNIQUE, MAX and transformations the total of a period does not depend on
//     the order of its events (semantics 8.3).
//   - Odd data does not stop an event. A missing or negative value counts 0 and leaves a [Warning]; only what cannot be
//     priced at all, a division by zero or a text where a number must stand, is a [FormulaError].
//   - Nothing an event or a formula contains can make evaluation slow: sizes, depths and digits are bounded.
//   - The dimension quantity is a number that every event has: it is 1 when the event does not carry it.
//
// Formulas are parsed once into an immutable tree and evaluated by walking it, with short circuits: if() evaluates its
// condition and the branch taken, "and" and "or" stop as soon as the answer is known, coalesce and lookup evaluate only
// the value they return. What is not evaluated cannot fail, warn or be recorded as an input. Numbers are [amount.Amount]
// as long as that is exact, which is nearly always, and arbitrary decimals otherwise; which of the two is used never shows
// in a result.
//
// Everything but State is immutable after Validate or parsing, and safe for concurrent use.
package rating
