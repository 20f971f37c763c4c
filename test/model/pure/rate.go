package pure

import (
	"maps"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/test/model"
)

// meter is a compiled feature.
type meter struct {
	rating.Meter
}

// stateKey names a meter's state: feature, resource, usage period.
type stateKey struct {
	feature, resource string
	period            time.Time
}

// plan is a compiled plan version.
type plan struct {
	version int
	from    ledger.Time
	maps    map[string]mapping // by feature
}

type mapping struct {
	currency string
	rate     rating.Rate
}

func (w *World) define(c model.DefineFeature) {
	m := &meter{}
	m.Aggregation, _ = rating.ParseAggregation(c.Aggregation)
	m.Field = c.Field
	name := rating.Condition{Field: "eventName", Operator: rating.Equals, Values: []string{c.EventName}}
	if len(c.Groups) == 0 {
		m.Groups = []rating.Group{{name}}
	}
	for _, group := range c.Groups {
		g := rating.Group{name}
		for _, cond := range group {
			op, _ := rating.ParseOperator(cond.Op)
			g = append(g, rating.Condition{Field: cond.Field, Operator: op, Values: cond.Values})
		}
		m.Groups = append(m.Groups, g)
	}
	if c.DivideBy != "" {
		by, _ := credits(c.DivideBy).Rat().Float64()
		round, _ := rating.ParseRounding(c.Round)
		m.Transform = &rating.Transform{DivideBy: int64(by), Round: round}
	}
	if err := m.Validate(); err != nil {
		panic(err)
	}
	w.meters[c.Feature] = m
}

func (w *World) publish(c model.PublishPlan) {
	p := plan{version: c.Version, from: instant(c.From, 0), maps: map[string]mapping{}}
	for _, m := range c.Maps {
		p.maps[m.Feature] = mapping{m.Currency, rate(m)}
	}
	w.plans = append(w.plans, p)
}

func rate(m model.Mapping) rating.Rate {
	if m.Formula == "" {
		return rating.Rate{Flat: credits(m.Flat)}
	}
	f, err := rating.ParseFormula(m.Formula)
	if err != nil {
		panic(err)
	}
	return rating.Rate{Formula: f}
}

var dimKinds = map[model.DimKind]rating.Kind{model.Text: rating.String, model.Number: rating.Number, model.Bool: rating.Bool}

func dims(list []model.Dim) rating.Dims {
	out := make([]rating.Dim, 0, len(list))
	for _, d := range list {
		out = append(out, rating.Dim{Key: d.Key, Kind: dimKinds[d.Kind], Text: d.Text})
	}
	sorted, ok := rating.NewDims(out)
	if !ok {
		panic("pure: a dimension is given twice")
	}
	return sorted
}

// priced is the rating of one event; advance makes the meters remember it.
type priced struct {
	state    string
	warnings []string
	costs    []cost
	moves    []func()
}

func (p *priced) advance() {
	for _, move := range p.moves {
		move()
	}
}

// price rates an event with the plan version in force at event time, features in order of their ids.
func (w *World) price(c model.ReportEvent, at ledger.Time) *priced {
	pr := &priced{state: model.Unmapped}
	p := w.planAt(at)
	if p == nil || !w.subs[c.Resource] {
		return pr
	}
	d := dims(c.Dims)
	for _, feature := range slices.Sorted(maps.Keys(w.meters)) {
		m, mapped := p.maps[feature]
		if !mapped || !w.meters[feature].MatchesName(c.Name) || !w.meters[feature].Matches(c.Name, d) {
			continue
		}
		pr.state = model.Rated
		found, err := m.rate.Price(w.units(pr, feature, c.Resource, d, at), d)
		if err != nil {
			return &priced{state: model.Quarantined}
		}
		pr.warn(found.Warnings)
		pr.costs = append(pr.costs, cost{m.currency, found.Cost, ledger.Charge{Feature: feature, Mapping: feature, Version: int32(p.version)}})
	}
	slices.Sort(pr.warnings)
	pr.warnings = slices.Compact(pr.warnings)
	return pr
}

func (p *priced) warn(list []rating.Warning) {
	for _, w := range list {
		p.warnings = append(p.warnings, string(w))
	}
}

// units measures an event against the state of its usage period.
func (w *World) units(pr *priced, feature, resource string, d rating.Dims, at ledger.Time) amount.Amount {
	m := &w.meters[feature].Meter
	x, warnings := m.Measure(d)
	pr.warn(warnings)
	if m.Stateless() {
		return x.Units
	}
	t := clock(at)
	k := stateKey{feature, resource, time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)}
	if w.states[k] == nil {
		w.states[k] = &rating.State{}
	}
	units := w.states[k].Preview(m, x)
	pr.moves = append(pr.moves, func() {
		if got := w.states[k].Advance(m, x); got != units {
			panic("pure: Advance adds " + got.String() + " where Preview said " + units.String())
		}
	})
	return units
}

func (w *World) planAt(at ledger.Time) *plan {
	var found *plan
	for i := range w.plans {
		if p := &w.plans[i]; p.from <= at && (found == nil || found.from <= p.from) {
			found = p
		}
	}
	return found
}
