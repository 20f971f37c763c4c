package model

import (
	"maps"
	"slices"
	"sort"
	"time"
)

// Model is the naive Subject: a list of commands, replayed from zero for every answer. Between two commands the world
// that the replay built is kept, since replaying again would build the same.
type Model struct {
	commands []Command
	replayed *world
}

// New returns a Model of an empty world.
func New() *Model { return &Model{replayed: newWorld()} }

// Do implements Subject.
func (m *Model) Do(c Command) Outcome {
	m.commands = append(m.commands, c)
	m.replayed = newWorld()
	var out Outcome
	for _, c := range m.commands {
		out = m.replayed.do(c)
	}
	for _, p := range m.replayed.pools {
		p.checkSelf()
	}
	return out
}

// world is one customer during a replay.
type world struct {
	now      time.Time
	grace    time.Duration
	pools    []*pool
	txns     int
	created  int // grants and overdrafts so far, in every pool
	events   map[eventKey]*event
	features map[string]DefineFeature
	plans    []PublishPlan // by version
	subs     map[string]bool
	meters   map[meterKey]*meterState
	rare     map[string]int // how often each rare branch was taken
}

// eventKey is semantics 7.2. The event name of a direct consumption is empty.
type eventKey struct{ resource, name, key string }

type event struct {
	content  string
	outcome  Outcome
	used     map[Pool]*usage
	reversed bool
}

// Rare tells how often the replayed history took each of the branches that a careless generator would never reach.
func (m *Model) Rare() map[string]int { return m.replayed.rare }

func (w *world) saw(branch string) { w.rare[branch]++ }

func newWorld() *world {
	return &world{
		grace: time.Hour, events: map[eventKey]*event{}, features: map[string]DefineFeature{},
		subs: map[string]bool{"": true}, meters: map[meterKey]*meterState{}, rare: map[string]int{},
	}
}

func (w *world) pool(key Pool) *pool {
	for _, p := range w.pools {
		if p.key == key {
			return p
		}
	}
	p := &pool{world: w, key: key}
	w.pools = append(w.pools, p)
	return p
}

// do applies one command to a world that is caught up with its clock.
func (w *world) do(c Command) Outcome {
	switch c := c.(type) {
	case MoveClock:
		w.now = c.To
		for _, p := range w.pools {
			p.catchUp(c.To)
		}
	case SetGrace:
		w.grace = c.Grace
	case DefineFeature:
		w.features[c.Feature] = c
	case PublishPlan:
		w.plans = append(w.plans, c)
	case QuoteTopUp:
		return c.quote()
	case Subscribe:
		w.subs[c.Resource] = true
	case ReportEvent:
		return w.report(c)
	case Consume:
		return w.consume(c)
	case Reverse:
		return w.reverse(c)
	case AddGrant:
		return w.pool(c.Pool).addGrant(c)
	case Turn:
		return w.turn(c)
	case Reserve:
		return w.pool(c.Pool).reserve(c)
	case Settle:
		return w.pool(c.Pool).settle(c)
	case Release:
		return w.pool(c.Pool).release(c)
	default:
		return w.onGrant(c)
	}
	return Outcome{}
}

// onGrant applies a command that names an existing grant.
func (w *world) onGrant(c Command) Outcome {
	switch c := c.(type) {
	case VoidGrant:
		return w.withGrant(c.Ref, c.Pool, func(p *pool, g *grant) Outcome { return p.void(g) })
	case UpdateGrant:
		return w.withGrant(c.Ref, c.Pool, func(p *pool, g *grant) Outcome { return p.update(g, c) })
	case ConfirmPayment:
		return w.withGrant(c.Ref, Pool{}, func(p *pool, g *grant) Outcome { return p.confirm(g) })
	case FailPayment:
		return w.withGrant(c.Ref, Pool{}, func(*pool, *grant) Outcome { return Outcome{} })
	}
	return Outcome{Refused: Unsupported}
}

// withGrant finds a grant by its name; every pool has overdrafts of its own.
func (w *world) withGrant(ref string, key Pool, f func(*pool, *grant) Outcome) Outcome {
	for _, p := range w.pools {
		if g := p.find(ref); g != nil && (g.kind != Overdraft || p.key == key) {
			return f(p, g)
		}
	}
	return Outcome{Refused: GrantNotFound}
}

// admit is the part of semantics 7.2 and 7.3 that events and direct consumptions share: a known key answers as a
// duplicate, a time too far ahead is refused, one too old is quarantined. done is false when the caller has to go on.
func (w *world) admit(k eventKey, content string, at time.Time) (e *event, out Outcome, done bool) {
	if e := w.events[k]; e != nil {
		out := e.outcome
		out.Duplicate, out.Mismatch = true, e.content != content
		w.saw("duplicate")
		if out.Mismatch {
			w.saw("mismatch")
		}
		return e, out, true
	}
	if at.After(w.now.Add(aheadMax)) {
		w.saw("time in the future")
		return nil, Outcome{Refused: TimestampInFuture}, true
	}
	e = &event{content: content, used: map[Pool]*usage{}}
	w.events[k] = e
	if at.Before(w.now.Add(-ageMax)) {
		w.saw("too old")
		e.outcome = Outcome{State: Quarantined}
		return e, e.outcome, true
	}
	e.outcome = Outcome{State: Rated}
	return e, Outcome{}, false
}

// timely says whether the time of an event allows to burn it. It is looked at before the balance is.
func (w *world) timely(at time.Time) bool {
	return !at.After(w.now.Add(aheadMax)) && !at.Before(w.now.Add(-ageMax))
}

// consume is semantics 7.5.
func (w *world) consume(c Consume) Outcome {
	at := c.At
	if at.IsZero() {
		at = w.now
	}
	k := eventKey{c.Pool.Resource, "", c.Key}
	p, amount := w.pool(c.Pool), number(c.Amount)
	p.begin(w.now)
	if c.Strict && w.events[k] == nil && w.timely(at) && p.available().Cmp(amount) < 0 {
		w.saw("strict consumption refused")
		return Outcome{Refused: Insufficient}
	}
	e, out, done := w.admit(k, c.Pool.Currency+" "+decimal(amount)+" "+c.Feature, at)
	if done {
		return out
	}
	u := &usage{key: c.Key, at: at}
	e.used[p.key] = u
	p.event, p.eventAt, p.feature = c.Key, at, c.Feature
	p.burn(amount, u)
	return e.outcome
}

// report is semantics 7 to 9: match the meters, price every feature, then burn each cost, by feature id.
func (w *world) report(c ReportEvent) Outcome {
	at := c.At
	if at.IsZero() {
		at = w.now
	}
	e, out, done := w.admit(eventKey{c.Resource, c.Name, c.Key}, content(c.Dims), at)
	if done {
		return out
	}
	priced := w.price(c, at)
	e.outcome = Outcome{State: priced.state, Warnings: priced.warnings}
	if len(priced.costs) > 1 {
		w.saw("event with several costs")
	}
	if priced.state != Rated {
		w.saw("event " + priced.state)
		return e.outcome
	}
	priced.remember()
	w.burnAll(c, at, e, priced.costs)
	return e.outcome
}

// burnAll burns every cost in one transaction per pool.
func (w *world) burnAll(c ReportEvent, at time.Time, e *event, costs []cost) {
	begun := map[*pool]bool{}
	for _, x := range costs {
		p := w.pool(Pool{x.currency, c.Resource})
		if !begun[p] {
			p.begin(w.now)
			begun[p] = true
			e.used[p.key] = &usage{key: c.Key, at: at}
		}
		p.event, p.eventAt, p.feature, p.version = c.Key, at, x.feature, x.version
		p.burn(x.credits, e.used[p.key])
	}
}

// content is what must be equal for a repeated key to be an ordinary duplicate.
func content(dims []Dim) string {
	list := make([]string, 0, len(dims))
	for _, d := range dims {
		list = append(list, d.Key+"\x00"+string(d.Kind)+"\x00"+d.Text)
	}
	sort.Strings(list)
	var all string
	for _, s := range list {
		all += s + "\x01"
	}
	return all
}

// featureIDs lists the features in the order in which their costs are burned.
func (w *world) featureIDs() []string { return slices.Sorted(maps.Keys(w.features)) }
