package model

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// meterKey names the running state of a meter: one feature in one usage period of one subscription.
type meterKey struct {
	feature, resource string
	period            time.Time
}

// meterState is all that a meter has seen in its period, kept whole.
type meterState struct {
	values []string // of UNIQUE
	max    *big.Rat // of MAX
	units  *big.Rat // cumulative, before the transformation
}

// cost is what one event burns under one mapping.
type cost struct {
	feature, currency string
	version           int
	credits           *big.Rat
}

// priced is the rating of one event. Nothing is remembered until remember is called.
type priced struct {
	state    string
	warnings []string
	costs    []cost
	next     map[meterKey]*meterState
	world    *world
}

func (pr *priced) remember() {
	for k, s := range pr.next {
		pr.world.meters[k] = s
	}
}

// price rates an event with the plan version in force at event time.
func (w *world) price(c ReportEvent, at time.Time) *priced {
	pr := &priced{state: Unmapped, world: w, next: map[meterKey]*meterState{}}
	plan, ok := w.planAt(at)
	if !ok || !w.subs[c.Resource] {
		return pr
	}
	for _, id := range w.featureIDs() {
		m, mapped := plan.mapping(id)
		if !mapped || !w.features[id].matches(c.Name, c.Dims) {
			continue
		}
		pr.state = Rated
		units := pr.measure(w.features[id], c, at)
		credits, ok := pr.rate(m, units, c.Dims)
		if !ok {
			return &priced{state: Quarantined, world: w}
		}
		pr.costs = append(pr.costs, cost{id, m.Currency, plan.Version, credits})
	}
	slices.Sort(pr.warnings)
	pr.warnings = slices.Compact(pr.warnings)
	return pr
}

// planAt is the last version that was in force at an instant.
func (w *world) planAt(at time.Time) (PublishPlan, bool) {
	var found PublishPlan
	for _, v := range w.plans {
		if !v.From.After(at) && (found.From.IsZero() || !v.From.Before(found.From)) {
			found = v
		}
	}
	return found, !found.From.IsZero()
}

func (c PublishPlan) mapping(feature string) (Mapping, bool) {
	for _, m := range c.Maps {
		if m.Feature == feature {
			return m, true
		}
	}
	return Mapping{}, false
}

// tooLarge has one integer digit more than credits may have (semantics 1.1).
var tooLarge = number("1000000000000000")

// rate turns units into credits: rounded once, never negative.
func (pr *priced) rate(m Mapping, units *big.Rat, dims []Dim) (*big.Rat, bool) {
	if m.Formula == "" {
		return rounded(mul(units, number(m.Flat)), creditDigits), true
	}
	f := &formula{src: m.Formula, units: units, dims: dims}
	x, err := f.value()
	if err != nil {
		return nil, false
	}
	pr.warnings = append(pr.warnings, f.warnings...)
	x = rounded(x, creditDigits)
	if new(big.Rat).Abs(x).Cmp(tooLarge) >= 0 {
		return nil, false
	}
	if x.Sign() < 0 {
		pr.warnings = append(pr.warnings, "NegativeCost")
		x = zero
	}
	return x, true
}

// measure is semantics 8.2 and 8.3: the units this event adds in its usage period.
func (pr *priced) measure(f DefineFeature, c ReportEvent, at time.Time) *big.Rat {
	k := meterKey{f.Feature, c.Resource, time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)}
	before := pr.world.meters[k]
	if before == nil {
		before = &meterState{max: zero, units: zero}
	}
	after := &meterState{values: slices.Clone(before.values), max: before.max}
	raw := pr.raw(f, c.Dims, after)
	after.units = add(before.units, raw)
	pr.next[k] = after
	if f.DivideBy == "" {
		return raw
	}
	return sub(f.transformed(after.units), f.transformed(before.units))
}

// raw is the aggregation itself, before any transformation.
func (pr *priced) raw(f DefineFeature, dims []Dim, state *meterState) *big.Rat {
	switch f.Aggregation {
	case "COUNT":
		return big.NewRat(1, 1)
	case "SUM":
		return pr.field(f.Field, dims)
	case "UNIQUE":
		d, ok := dim(dims, f.Field)
		if !ok {
			pr.warnings = append(pr.warnings, "MissingDimension:"+f.Field)
			return zero
		}
		value := d.Text
		if d.Kind == Number { // 1, 1.0 and "1" are one value
			value = number(d.Text).RatString()
		}
		if slices.Contains(state.values, value) {
			return zero
		}
		state.values = append(state.values, value)
		return big.NewRat(1, 1)
	case "MAX":
		x := pr.field(f.Field, dims)
		if x.Cmp(state.max) <= 0 {
			return zero
		}
		rise := sub(x, state.max)
		state.max = x
		return rise
	}
	panic("model: aggregation " + f.Aggregation)
}

func (c DefineFeature) transformed(units *big.Rat) *big.Rat {
	blocks := quo(units, number(c.DivideBy))
	if c.Round == "UP" {
		return ceiled(blocks)
	}
	return floored(blocks)
}

// field is a numeric dimension, 0 with a warning when it is not there, not a number or negative.
func (pr *priced) field(key string, dims []Dim) *big.Rat {
	d, ok := dim(dims, key)
	if !ok {
		if key == "quantity" {
			return big.NewRat(1, 1)
		}
		pr.warnings = append(pr.warnings, "MissingDimension:"+key)
		return zero
	}
	x, ok := d.number()
	if !ok {
		pr.warnings = append(pr.warnings, "NotANumber:"+key)
		return zero
	}
	if x.Sign() < 0 {
		pr.warnings = append(pr.warnings, "NegativeValue:"+key)
		return zero
	}
	return x
}

func dim(dims []Dim, key string) (Dim, bool) {
	for _, d := range dims {
		if d.Key == key {
			return d, true
		}
	}
	return Dim{}, false
}

func (d Dim) number() (*big.Rat, bool) {
	if d.Kind == Bool {
		return nil, false
	}
	return new(big.Rat).SetString(d.Text)
}

// matches is semantics 8.1.
func (c DefineFeature) matches(name string, dims []Dim) bool {
	if c.EventName != name {
		return false
	}
	if len(c.Groups) == 0 {
		return true
	}
	for _, group := range c.Groups {
		if holdAll(group, dims) {
			return true
		}
	}
	return false
}

func holdAll(group []Condition, dims []Dim) bool {
	for _, c := range group {
		if !c.holds(dims) {
			return false
		}
	}
	return true
}

func (c Condition) holds(dims []Dim) bool {
	d, ok := dim(dims, c.Field)
	if !ok {
		return c.Op == "IS_NULL" || c.Op == "NOT_EQUALS"
	}
	switch c.Op {
	case "IS_NULL":
		return false
	case "IS_NOT_NULL":
		return true
	case "EQUALS":
		return c.equals(d, c.Values[0])
	case "NOT_EQUALS":
		return !c.equals(d, c.Values[0])
	case "IN":
		return slices.ContainsFunc(c.Values, func(v string) bool { return c.equals(d, v) })
	case "CONTAINS":
		return strings.Contains(d.Text, c.Values[0])
	case "STARTS_WITH":
		return strings.HasPrefix(d.Text, c.Values[0])
	case "ENDS_WITH":
		return strings.HasSuffix(d.Text, c.Values[0])
	}
	return c.compares(d)
}

// equals compares numbers as numbers and everything else as text.
func (c Condition) equals(d Dim, value string) bool {
	if d.Kind == Number {
		x, ok := d.number()
		y, ok2 := new(big.Rat).SetString(value)
		return ok && ok2 && x.Cmp(y) == 0
	}
	return d.Text == value
}

func (c Condition) compares(d Dim) bool {
	x, ok := d.number()
	y, ok2 := new(big.Rat).SetString(c.Values[0])
	if !ok || !ok2 {
		return false
	}
	order := x.Cmp(y)
	switch c.Op {
	case "GREATER_THAN":
		return order > 0
	case "GREATER_THAN_OR_EQUAL":
		return order >= 0
	case "LESS_THAN":
		return order < 0
	case "LESS_THAN_OR_EQUAL":
		return order <= 0
	}
	panic("model: operator " + c.Op)
}
