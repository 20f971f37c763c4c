package crash

import (
	"fmt"
	"maps"
	"slices"
)

// row is one ledger row.
type row struct {
	Seq           int64
	EventType     string
	Amount        credits
	StartBalance  credits
	EndBalance    credits
	CreditGrantID string
	EventID       string
	TxnID         string
	PrevHash      string
	Hash          string
}

// event is one event as the API lists it.
type event struct {
	ID             string
	IdempotencyKey string
	Status         string
	Burns          []struct{ Cost credits }
}

// pool is the state of a pool as the API tells it.
type pool struct {
	Balance  credits
	Held     credits
	Seq      int64
	HeadHash string
}

// observation is what is new of one customer since the last check, and how the pool stands.
type observation struct {
	rows   []row   // oldest first
	events []event // any order
	pool   pool
	holds  map[string]credits // open reservations and what they hold
	voided map[string]bool    // of the grants asked about: whether they are void
}

// account is what earlier checks have established about one customer. Rows never change, so a check looks only at what
// came after; the hash of the last row vouches for the ones before.
type account struct {
	seq     int64
	head    string // hash of the last row
	balance credits
	event   string // id of the newest event
	open    map[string]bool
	grants  map[string]*grantFacts
}

type grantFacts struct{ expires, void bool }

func newAccount() *account {
	return &account{open: map[string]bool{}, grants: map[string]*grantFacts{}}
}

// verdict collects what is wrong.
type verdict struct {
	customer string
	faults   []string
}

func (v *verdict) fault(format string, values ...any) {
	v.faults = append(v.faults, v.customer+": "+fmt.Sprintf(format, values...))
}

// judge compares what was acknowledged with what is there, moves the account on, and returns every difference.
func (a *account) judge(customer string, effects []effect, refused func(key string) bool, seen observation) []string {
	v := &verdict{customer: customer}
	a.chain(v, seen)
	a.note(effects)
	t := tallyOf(seen.rows)
	judgeBurns(v, effects, refused, seen.events, t)
	judgeGrants(v, effects, t)
	judgeEnds(v, effects, t)
	judgeReversals(v, effects, t)
	a.judgeGrantRows(v, effects, seen, t)
	a.judgePool(v, seen)
	if len(seen.events) > 0 {
		a.event = seen.events[0].ID
	}
	return v.faults
}

// chain checks that the rows continue the ledger that was seen before (I1, I2, I18).
func (a *account) chain(v *verdict, seen observation) {
	for _, r := range seen.rows {
		if r.Seq != a.seq+1 {
			v.fault("row %d follows row %d", r.Seq, a.seq)
		}
		if a.seq > 0 && r.PrevHash != a.head {
			v.fault("row %d does not continue the ledger seen before", r.Seq)
		}
		if r.StartBalance != a.balance || r.EndBalance != r.StartBalance+r.Amount {
			v.fault("row %d: %v + %v = %v after a balance of %v", r.Seq, r.StartBalance, r.Amount, r.EndBalance, a.balance)
		}
		a.seq, a.head, a.balance = r.Seq, r.Hash, r.EndBalance
	}
}

// note remembers what later checks need.
func (a *account) note(effects []effect) {
	for _, e := range effects {
		switch e.kind {
		case granted:
			a.grants[e.id] = &grantFacts{expires: e.expires}
		case held:
			a.open[e.key] = true
		}
	}
	for _, e := range effects {
		switch e.kind {
		case ended:
			delete(a.open, e.key)
		case voided:
			if g := a.grants[e.id]; g != nil {
				g.void = true
			}
		}
	}
}

// tally is the sums of new rows by what caused them.
type tally struct {
	consumed  map[string]credits // by event
	settled   map[string]credits // by transaction, for rows without an event
	granted   map[string][]credits
	reversed  map[string]credits // by event
	expired   map[string]bool    // grants
	void      map[string]bool    // grants
	transfers credits
	others    []string
}

func tallyOf(rows []row) *tally {
	t := &tally{
		consumed: map[string]credits{}, settled: map[string]credits{}, granted: map[string][]credits{},
		reversed: map[string]credits{}, expired: map[string]bool{}, void: map[string]bool{},
	}
	for _, r := range rows {
		switch r.EventType {
		case "CREDITS_CONSUMED":
			if r.EventID != "" {
				t.consumed[r.EventID] -= r.Amount
			} else {
				t.settled[r.TxnID] -= r.Amount
			}
		case "CREDITS_GRANTED":
			t.granted[r.CreditGrantID] = append(t.granted[r.CreditGrantID], r.Amount)
		case "CREDITS_CONSUMPTION_REVERSED":
			t.reversed[r.EventID] += r.Amount
		case "CREDITS_EXPIRED", "CREDITS_EXPIRY_REVERSED": // the latter for an event from just before the expiry (W10)
			t.expired[r.CreditGrantID] = true
		case "CREDITS_VOIDED":
			t.void[r.CreditGrantID] = true
		case "CREDITS_CONSUMPTION_TRANSFER_SOURCE", "CREDITS_CONSUMPTION_TRANSFER_TARGET":
			t.transfers += r.Amount
		default:
			t.others = append(t.others, fmt.Sprintf("row %d of type %s", r.Seq, r.EventType))
		}
	}
	return t
}

// judgeBurns wants one event for each acknowledged key, with the rows of its cost, and no other event.
func judgeBurns(v *verdict, effects []effect, refused func(string) bool, events []event, t *tally) {
	stored := map[string]event{}
	for _, e := range events {
		if _, twice := stored[e.IdempotencyKey]; twice {
			v.fault("key %s has two events", e.IdempotencyKey)
		}
		stored[e.IdempotencyKey] = e
	}
	for _, want := range effects {
		if want.kind != burned {
			continue
		}
		got, ok := stored[want.key]
		delete(stored, want.key)
		if !ok {
			v.fault("LOST: key %s was acknowledged as %s (%v credits) and has no event", want.key, want.id, want.amount)
			continue
		}
		var cost credits
		for _, burn := range got.Burns {
			cost += burn.Cost
		}
		if want.id != "" && got.ID != want.id {
			v.fault("key %s was acknowledged as %s and is stored as %s", want.key, want.id, got.ID)
		}
		if got.Status != "RATED" || cost != want.amount || t.consumed[got.ID] != want.amount {
			v.fault("key %s: %s, cost %v, rows of %v; acknowledged %v", want.key, got.Status, cost, t.consumed[got.ID], want.amount)
		}
		delete(t.consumed, got.ID)
	}
	for key, e := range stored {
		v.fault("EXTRA: event %s has key %s, which %s", e.ID, key, unacknowledged(refused(key)))
		delete(t.consumed, e.ID)
	}
	for id, sum := range t.consumed {
		v.fault("EXTRA: rows of %v for event %s, which is not new", sum, id)
	}
}

func unacknowledged(refused bool) string {
	if refused {
		return "was refused"
	}
	return "was not acknowledged since the last check"
}

// judgeGrants wants one GRANTED row for each acknowledged grant, and no other.
func judgeGrants(v *verdict, effects []effect, t *tally) {
	for _, want := range effects {
		if want.kind != granted {
			continue
		}
		if rows := t.granted[want.id]; !slices.Equal(rows, []credits{want.amount}) {
			v.fault("%s: grant %s of %v (key %s) has rows %v", lostOrExtra(len(rows)), want.id, want.amount, want.key, rows)
		}
		delete(t.granted, want.id)
	}
	for id, rows := range t.granted {
		v.fault("EXTRA: grant %s with rows %v", id, rows)
	}
}

func lostOrExtra(found int) string {
	if found == 0 {
		return "LOST"
	}
	return "EXTRA"
}

// judgeEnds wants one transaction for each settlement. Settled amounts are all different, so each finds its own.
func judgeEnds(v *verdict, effects []effect, t *tally) {
	sums := map[credits]int{}
	for _, sum := range t.settled {
		sums[sum]++
	}
	for _, want := range effects {
		if want.kind != ended || want.amount == 0 {
			continue
		}
		if sums[want.amount] != 1 {
			v.fault("%s: reservation %s was settled with %v, found %d times", lostOrExtra(sums[want.amount]), want.key, want.amount, sums[want.amount])
		}
		delete(sums, want.amount)
	}
	for sum, n := range sums {
		v.fault("EXTRA: %d settlements of %v", n, sum)
	}
}

// judgeReversals wants each reversed event to have given back its cost once.
func judgeReversals(v *verdict, effects []effect, t *tally) {
	for _, want := range effects {
		if want.kind != reversed {
			continue
		}
		if got := t.reversed[want.id]; got != want.amount {
			v.fault("%s: reversal of %s gave back %v of %v", lostOrExtra(int(got)), want.id, got, want.amount)
		}
		delete(t.reversed, want.id)
	}
	for id, sum := range t.reversed {
		v.fault("EXTRA: %v of event %s were given back", sum, id)
	}
	if t.transfers != 0 {
		v.fault("overdraft transfers add up to %v, not 0", t.transfers)
	}
	for _, other := range t.others {
		v.fault("EXTRA: %s", other)
	}
}

// judgeGrantRows wants voids and expiries only where they were asked for, and voided grants to be void.
func (a *account) judgeGrantRows(v *verdict, effects []effect, seen observation, t *tally) {
	for id := range t.void {
		if g := a.grants[id]; g == nil || !g.void {
			v.fault("EXTRA: grant %s was voided", id)
		}
	}
	for id := range t.expired {
		if g := a.grants[id]; g == nil || !g.expires {
			v.fault("EXTRA: grant %s expired", id)
		}
	}
	for _, want := range effects {
		if want.kind == voided && !seen.voided[want.id] {
			v.fault("LOST: grant %s is not void", want.id)
		}
	}
}

// judgePool wants the balance to be that of the ledger, and the open reservations to be those that nobody has ended.
func (a *account) judgePool(v *verdict, seen observation) {
	p := seen.pool
	if p.Balance != a.balance || p.Seq != a.seq || a.seq > 0 && p.HeadHash != a.head {
		v.fault("the balance is %v after row %d; the ledger says %v after row %d", p.Balance, p.Seq, a.balance, a.seq)
	}
	var sum credits
	for id, amount := range seen.holds {
		sum += amount
		if !a.open[id] {
			v.fault("EXTRA: reservation %s is open", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.open)) {
		if _, open := seen.holds[id]; !open {
			v.fault("LOST: reservation %s is not open", id)
		}
	}
	if p.Held != sum {
		v.fault("%v are held; the open reservations add up to %v", p.Held, sum)
	}
}
