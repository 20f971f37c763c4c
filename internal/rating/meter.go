package rating

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Meter says which events count towards a feature and how many units they add (semantics 8). It is read-only after
// Validate and safe for concurrent use.
type Meter struct {
	Aggregation Aggregation
	Field       string     // the dimension aggregated; not used by Count
	Groups      []Group    // an event counts if any group matches
	Transform   *Transform // nil: units are billed as measured
}

// Transform bills units in blocks: the period's cumulative units divided by DivideBy and rounded (semantics 8.3).
type Transform struct {
	DivideBy int64 // units per block, at least 1
	Round    Rounding
}

// Measurement is what an event contributes by itself, before the state of the usage period is known.
type Measurement struct {
	// Units are the units added (Count, Sum), the value (Max), or 1 if there is a value (Unique). Never negative.
	Units amount.Amount
	// Value is the value of Unique. Numbers are written in one way, so 1.0, 1 and "1" are the same value.
	Value string
}

// Validate checks the meter as a person wrote it. The error, if any, is a *FieldError. Every group needs a condition on
// the event's name, because a meter that looks at all events is a mistake. A meter that is not valid may be used without
// harm: what it does not understand does not match and adds nothing.
func (m *Meter) Validate() error {
	if m.Aggregation.String() == "" {
		return fieldErrorf("meter.aggregation.function", "must be COUNT, SUM, UNIQUE, MAX, MIN or AVG")
	}
	if m.Field == "" && m.Aggregation != Count {
		return fieldErrorf("meter.aggregation.field", "is required for %s: the dimension to aggregate", m.Aggregation)
	}
	if len(m.Groups) == 0 || len(m.Groups) > GroupsMax {
		return fieldErrorf("meter.filters", "needs 1 to %d filters", GroupsMax)
	}
	for i, g := range m.Groups {
		if err := g.validate(fmt.Sprintf("meter.filters[%d].conditions", i)); err != nil {
			return err
		}
	}
	return m.Transform.validate()
}

func (g Group) validate(path string) error {
	if len(g) > ConditionsMax {
		return fieldErrorf(path, "may hold at most %d conditions", ConditionsMax)
	}
	named := false
	for i := range g {
		if err := g[i].validate(fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
		named = named || g[i].onName()
	}
	if !named {
		return fieldErrorf(path, "needs a condition on %s, so that only the events meant are counted", nameField)
	}
	return nil
}

func (t *Transform) validate() error {
	switch {
	case t == nil:
		return nil
	case t.DivideBy < 1 || !amount.FromInt(t.DivideBy).InRange():
		return fieldErrorf("unitTransformation.divide", "must be at least 1 and have at most %d digits", amount.MaxIntegerDigits)
	case t.Round.String() == "":
		return fieldErrorf("unitTransformation.round", "must be UP or DOWN")
	}
	return nil
}

// MatchesName reports whether an event of that name may match, whatever its dimensions. Callers index meters with it.
func (m *Meter) MatchesName(eventName string) bool {
	for _, g := range m.Groups {
		if g.matchesName(eventName) {
			return true
		}
	}
	return false
}

// Matches reports whether the meter counts an event (semantics 8.1).
func (m *Meter) Matches(eventName string, d Dims) bool {
	for _, g := range m.Groups {
		if g.matchesName(eventName) && g.matchesDims(d) {
			return true
		}
	}
	return false
}

// Stateless reports whether the units an event adds depend on that event alone, so that no State has to be kept.
func (m *Meter) Stateless() bool {
	return (m.Aggregation == Count || m.Aggregation == Sum) && m.Transform == nil
}

// Measure returns what a matching event contributes by itself (semantics 8.2). A value that is missing, not a number or
// negative contributes nothing, with a warning. So does, with a warning of its own, a number that is not exact within
// the 15 and 9 digits of an amount. Min and Avg measure nothing.
func (m *Meter) Measure(d Dims) (Measurement, []Warning) {
	switch m.Aggregation {
	case Count:
		return Measurement{Units: amount.FromInt(1)}, nil
	case Sum, Max:
		return m.measureNumber(d)
	case Unique:
		return m.measureValue(d)
	}
	return Measurement{}, nil
}

func (m *Meter) measureNumber(d Dims) (Measurement, []Warning) {
	dim, ok := d.find(m.Field)
	if !ok {
		return Measurement{}, []Warning{missingDimension(m.Field)}
	}
	if dim.Kind == Bool {
		return Measurement{}, []Warning{notANumber(m.Field)}
	}
	units, err := amount.Parse(dim.Text)
	switch {
	case err == amount.ErrSyntax:
		return Measurement{}, []Warning{notANumber(m.Field)}
	case err != nil:
		return Measurement{}, []Warning{numberTooLong(m.Field)}
	case units.Sign() < 0:
		return Measurement{}, []Warning{negativeValue(m.Field)}
	}
	return Measurement{Units: units}, nil
}

func (m *Meter) measureValue(d Dims) (Measurement, []Warning) {
	dim, ok := d.find(m.Field)
	if !ok {
		return Measurement{}, []Warning{missingDimension(m.Field)}
	}
	value := dim.Text
	if n, err := amount.Parse(value); dim.Kind == Number && err == nil {
		value = n.String()
	}
	return Measurement{Units: amount.FromInt(1), Value: value}, nil
}
