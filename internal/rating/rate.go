package rating

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Rate turns units into credits: a flat number of credits per unit, or a formula (semantics 9.1, 9.2). It is a value,
// read-only after Validate and safe for concurrent use.
type Rate struct {
	Flat    amount.Amount // credits per unit; used when Formula is nil
	Formula *Formula
	// Strict makes a dimension that the formula needs and the event lacks an error instead of a 0 with a warning.
	Strict bool
}

// Priced is what one event costs under one rate, with its explanation.
type Priced struct {
	Cost     amount.Amount // credits, rounded once to 9 digits, in range and not negative
	Warnings []Warning     // each at most once
	Inputs   []Input       // what the formula read, in the order of reading; nil for flat rates
}

// Input is one value that a formula read: a dimension, with its text as in Dim, or "units". Missing dimensions are no
// inputs; a warning names them.
type Input struct {
	Name string
	Text string
}

var errCostTooLarge = &FormulaError{
	Message: fmt.Sprintf("the cost has more than %d digits before the decimal point", amount.MaxIntegerDigits),
}

// Validate checks that the rate fits the meter of its feature; m may be nil when there is none yet. The error, if any, is
// a *FieldError. Whether the aggregation may be mapped at all says Aggregation.CreditsAllowed.
func (r Rate) Validate(m *Meter) error {
	if r.Formula == nil {
		if r.Flat.Sign() < 0 || !r.Flat.InRange() {
			return fieldErrorf("amount", "must be 0 or more credits per unit, with at most %d integer digits", amount.MaxIntegerDigits)
		}
		return nil
	}
	if m != nil && !m.Stateless() && !r.Formula.UsesUnits() {
		return fieldErrorf("costFormula",
			"must use %s: with UNIQUE, MAX or a unit transformation an event is priced by the units it adds", unitsName)
	}
	return nil
}

// Price returns what an event costs that adds the given units, as State.Advance or a stateless Measurement says. A cost
// below zero becomes 0 with the warning NegativeCost. The error is a *FormulaError and means that the event has no
// price: a division by zero, a value of the wrong type, a number out of bounds, more than 15 integer digits in the cost,
// or, if the rate is strict, a missing dimension.
func (r Rate) Price(units amount.Amount, d Dims) (Priced, error) {
	if r.Formula != nil {
		return r.Formula.price(units, d, r.Strict)
	}
	cost, ok := units.Mul(r.Flat)
	if !ok {
		return Priced{}, errCostTooLarge
	}
	priced := Priced{Cost: cost}
	priced.clamp()
	return priced, nil
}

// clamp raises a negative cost to 0.
func (p *Priced) clamp() {
	if p.Cost.Sign() < 0 {
		p.Cost = amount.Zero
		p.Warnings = append(p.Warnings, NegativeCost)
	}
}
