package rating

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// unitsName is the name under which a formula sees the units that the event adds. A dimension of that name is written
// in backquotes.
const unitsName = "units"

// Formula is the parsed custom price of one event (semantics 9.2), in credits. It is immutable and safe for concurrent
// use. ParseFormula makes it.
type Formula struct {
	source string
	root   *node
	dims   []string
	units  bool
}

// ParseFormula reads a formula. The error is a *SyntaxError: the source breaks the grammar or a bound, or uses a value
// as something it can never be, such as a text as a number.
//
// Beyond the grammar: texts stand in double or single quotes, with a backslash before quotes and backslashes in them;
// numbers are written as in JSON, with at most 60 digits; names in backquotes are dimensions whatever they are called.
func ParseFormula(src string) (*Formula, error) {
	p := &parser{}
	root := p.parse(src)
	if p.err != nil {
		return nil, p.err
	}
	return &Formula{source: src, root: root, dims: p.dims, units: p.units}, nil
}

// Source returns the text that was parsed.
func (f *Formula) Source() string { return f.source }

// Dimensions returns the names of the dimensions the formula may read, in order of first appearance.
func (f *Formula) Dimensions() []string { return slices.Clone(f.dims) }

// UsesUnits reports whether the formula reads the units that the event adds.
func (f *Formula) UsesUnits() bool { return f.units }

// price evaluates the formula for one event. See Rate.Price.
func (f *Formula) price(units amount.Amount, d Dims, strict bool) (Priced, error) {
	e := evaluation{formula: f, units: units, dims: d, strict: strict}
	result := e.number(f.root)
	if e.err != nil {
		return Priced{}, e.err
	}
	cost, ok := result.amount()
	if !ok || !cost.InRange() {
		return Priced{}, errCostTooLarge
	}
	priced := Priced{Cost: cost, Warnings: e.warnings, Inputs: e.inputs}
	priced.clamp()
	return priced, nil
}
