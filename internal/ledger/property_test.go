package ledger

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scrip-dev/scrip/internal/amount"
)

// step is one random operation. Members mean what run makes of them, so that a script can be run more than once.
type step struct {
	Kind   int
	Wait   Time // since the step before
	Amount amount.Amount
	Target int  // which grant, hold or event
	Span   Time // a duration: expiry, TTL, lateness
	Flag   bool
	Flag2  bool
	Small  int // 0 to 3
}

const (
	stepGrant = iota
	stepBurn
	stepConsume
	stepVoid
	stepUpdate
	stepPay
	stepReserve
	stepSettle
	stepRelease
	stepReverse
	stepForgive
	stepTurn
	stepSweep
	stepKinds
)

func anyStep() *rapid.Generator[step] {
	return rapid.Custom(func(t *rapid.T) step {
		spans := []Time{minute, hour / 2, hour, 5 * hour, 30 * hour, 100 * hour}
		kind := rapid.IntRange(0, stepKinds+6).Draw(t, "kind")
		if kind >= stepKinds { // grants, burns and reservations are the frequent ones
			kind = []int{stepGrant, stepBurn, stepBurn, stepReserve, stepSettle, stepReverse, stepTurn}[kind-stepKinds]
		}
		return step{
			Kind:   kind,
			Wait:   rapid.SampledFrom(append(spans, 0, 0, 0, 0, 1)).Draw(t, "wait"),
			Amount: amt(fmt.Sprintf("%d.%d", rapid.IntRange(0, 60).Draw(t, "amount"), rapid.IntRange(0, 3).Draw(t, "fraction"))),
			Target: rapid.IntRange(0, 1000).Draw(t, "target"),
			Span:   rapid.SampledFrom(spans).Draw(t, "span"),
			Flag:   rapid.Bool().Draw(t, "flag"),
			Flag2:  rapid.Bool().Draw(t, "flag2"),
			Small:  rapid.IntRange(0, 3).Draw(t, "small"),
		}
	})
}

// script runs steps on a fixture and remembers what later steps may refer to.
type script struct {
	*fixture
	grants   []GrantID
	holds    []string
	events   []string
	reversed map[string]bool
}

func newScript(t reporter) *script {
	s := &script{fixture: newFixture(t), reversed: make(map[string]bool)}
	s.watchFor("100 80 50 20", "30", "50 80 100")
	return s
}

// run does one step inside a transaction that has already been opened at the right time.
func (s *script) run(tx *Tx, n int, st step) error {
	switch st.Kind {
	case stepGrant:
		return s.addGrant(tx, st)
	case stepBurn:
		s.events = append(s.events, tx.Cause.Event)
		return s.pool.Burn(tx, st.Amount, Charge{Feature: "f"})
	case stepConsume:
		return s.pool.Consume(tx, st.Amount, Charge{}, st.Flag)
	case stepVoid:
		_, err := s.pool.Void(tx, pick(s.grants, st.Target))
		return err
	case stepUpdate:
		return s.pool.Update(tx, pick(s.grants, st.Target), st.change(s.now))
	case stepPay:
		return s.pool.SetPayment(tx, pick(s.grants, st.Target), Payment(st.Small), st.Flag)
	case stepReserve:
		id := fmt.Sprint("hold", n)
		s.holds = append(s.holds, id)
		_, err := s.pool.Reserve(tx, HoldSpec{ID: id, Amount: st.Amount, ExpiresAt: s.now + min(st.Span, MaxHoldTTL), Capture: st.Flag, AllowOverdraft: st.Flag2})
		return err
	case stepSettle:
		_, err := s.pool.Settle(tx, pick(s.holds, st.Target), st.Amount, st.Flag, s.now+st.Span)
		return err
	case stepRelease:
		_, err := s.pool.Release(tx, pick(s.holds, st.Target))
		return err
	case stepForgive:
		s.pool.Forgive(tx)
	case stepTurn:
		return s.turnAt(tx, st)
	default:
		s.pool.Sweep(tx)
	}
	return nil
}

func (s *script) addGrant(tx *Tx, st step) error {
	g := Grant{Type: GrantType(st.Small%3) + 1, Priority: int32(st.Target % 3), ExpireAt: Never, Amount: st.Amount}
	if st.Flag {
		g.ExpireAt = s.now + st.Span + hour
	}
	if st.Flag2 {
		g.EffectiveAt = s.now + st.Span/2
	}
	if g.Type != Promotional {
		g.Cost = Money{amount.FromInt(int64(st.Target % 7)), "usd"}
		g.AwaitsPayment = st.Target%5 == 0
	}
	id, err := s.pool.AddGrant(tx, g)
	if err == nil {
		s.grants = append(s.grants, id)
		s.names[id] = fmt.Sprint("g", id)
	}
	return err
}

// turnAt posts a boundary with a bit of everything; grants that it names twice make it refuse.
func (s *script) turnAt(tx *Tx, st step) error {
	t := Turn{Forgive: st.Flag}
	if st.Small > 0 {
		t.Roll = []Rollover{{Grant: pick(s.grants, st.Target), Max: st.Amount, ExpireAt: s.now + st.Span - hour/2}}
	}
	if st.Flag2 {
		t.End = []GrantID{pick(s.grants, st.Target/2)}
		t.Void = []GrantID{pick(s.grants, st.Target/3)}
		t.Spare = []GrantID{pick(s.grants, st.Target/5)}
	}
	if st.Small != 1 {
		next := Grant{Type: Recurring, Priority: int32(st.Small), Amount: st.Amount, ExpireAt: s.now + st.Span}
		if st.Target%3 == 0 {
			next.Type, next.Cost = Paid, Money{amount.FromInt(int64(st.Target % 7)), "usd"}
		}
		t.Issue = []Grant{next}
	}
	turned, err := s.pool.Turn(tx, t)
	for _, id := range append(turned.Rolled, turned.Issued...) {
		if id != 0 {
			s.grants = append(s.grants, id)
			s.names[id] = fmt.Sprint("g", id)
		}
	}
	return err
}

func (st step) change(now Time) (c Change) {
	at, priority := now+st.Span-hour, int32(st.Small)
	if st.Flag {
		c.ExpireAt = &at
	}
	if st.Flag2 {
		c.Priority = &priority
	}
	if st.Small > 1 {
		c.Amount = &st.Amount
	}
	if st.Small == 1 {
		c.EffectiveAt = &at
	}
	return c
}

func pick[T any](from []T, n int) (v T) {
	if len(from) > 0 {
		v = from[n%len(from)]
	}
	return v
}

// expected errors are refusals; anything else is a failure.
func (s *script) refusal(err error) {
	s.t.Helper()
	var short *Insufficient
	var field *FieldError
	for _, known := range []error{nil, ErrAmountOutOfRange, ErrGrantNotFound, ErrGrantExpired, ErrGrantVoided, ErrOverdraftImmutable,
		ErrHoldNotFound, ErrHoldEnded, ErrHoldMismatch, ErrTooManyHolds} {
		if errors.Is(err, known) {
			return
		}
	}
	if !errors.As(err, &short) && !errors.As(err, &field) {
		s.t.Fatalf("unexpected error %v", err)
	}
}

// single runs a step in a transaction of its own.
func (s *script) single(n int, st step) {
	s.now += st.Wait
	if st.Kind == stepReverse {
		event := pick(s.events, st.Target)
		if !s.reversed[event] {
			s.reversed[event] = true
			replace := &Grant{ExpireAt: Never}
			if st.Flag {
				replace = nil
			}
			if _, err := s.reverse(event, replace); err != nil {
				s.t.Fatalf("reverse %s: %v", event, err)
			}
		}
		return
	}
	if st.Kind == stepBurn {
		s.event, s.eventAt = fmt.Sprint("e", n), s.now
		if st.Flag {
			s.eventAt -= st.Span / 2
		}
	}
	err := s.do(func(tx *Tx) error { return s.run(tx, n, st) })
	s.refusal(err)
	if st.Kind == stepBurn && err == nil {
		s.checkSlices(fmt.Sprint("e", n), st.Amount)
	}
}

// checkSlices checks I11 and I8 for an event that was just burned.
func (s *script) checkSlices(event string, cost amount.Amount) {
	s.t.Helper()
	var sum amount.Amount
	reclaimed := GrantID(0)
	for _, r := range s.rowsOf(event) {
		switch {
		case r.Type == ExpiryReversed:
			reclaimed = r.Grant
		case r.Type != Consumed:
			s.t.Fatalf("event %s wrote %s", event, r.Type)
		case r.PostedAt >= s.table[r.Grant].ExpireAt && r.Grant != reclaimed:
			s.t.Fatalf("I8: event %s burned from grant %d at or after its expiry", event, r.Grant)
		default:
			sum = sum.Sub(r.Amount)
		}
	}
	if sum != cost {
		s.t.Fatalf("I11: event %s cost %s and burned %s", event, cost, sum)
	}
}

func TestRandomOperations(t *testing.T) {
	t.Parallel() // After any operations: invariants hold, replay and codec give the same bytes, the history adds up.
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript(rt)
		s.grace = rapid.SampledFrom([]Time{0, hour, MaxLateGrace}).Draw(rt, "grace")
		for n, st := range rapid.SliceOfN(anyStep(), 1, 60).Draw(rt, "steps") {
			s.single(n, st)
		}
		decoded, err := DecodePool(s.pool.AppendBinary(nil))
		if err != nil {
			rt.Fatal(err)
		}
		s.sameBytes(decoded, "decoded pool")
		s.sameBytes(s.pool.Clone(), "clone")
		if err := VerifyRows(&s.pool.key, [32]byte{}, s.rows); err != nil {
			rt.Fatal(err)
		}
		s.checkHistory()
	})
}

// checkHistory recomputes from the rows alone what the grants say.
func (s *script) checkHistory() {
	s.t.Helper()
	sums := make(map[GrantID]amount.Amount)
	money := make(map[GrantID]amount.Amount)
	for i, r := range s.rows {
		sums[r.Grant] = sums[r.Grant].Add(r.Amount)
		money[r.Grant] = money[r.Grant].Add(r.Money.Amount)
		if r.Type != TransferSource {
			continue
		}
		pair := s.rows[i+1]
		if pair.Type != TransferTarget || pair.Amount != r.Amount.Neg() || pair.Cause != r.Cause {
			s.t.Fatalf("I10: row %d has no counterpart", r.Seq)
		}
	}
	s.checkRolled()
	for id, g := range s.table {
		if g.ActivatedAt == 0 && g.Type != Overdraft {
			continue
		}
		if sums[id] != g.Remaining() {
			s.t.Fatalf("grant %d: rows add up to %s, remaining %s", id, sums[id], g.Remaining())
		}
		if total := money[id].Add(g.Deferred().Amount); total != g.Cost.Amount {
			s.t.Fatalf("I12: grant %d of %v accounts for %s", id, g.Cost, total)
		}
	}
}

// checkRolled checks that all that was rolled out was rolled in, with its money (I12).
func (s *script) checkRolled() {
	s.t.Helper()
	var left amount.Amount
	var money amount.Amount
	for _, r := range s.rows {
		switch r.Type {
		case RolledOut:
			left, money = left.Add(r.Amount), money.Add(r.Money.Amount)
		case RolledIn:
			left, money = left.Add(r.Amount), money.Sub(s.table[r.Grant].Cost.Amount)
		}
	}
	if !left.IsZero() || !money.IsZero() {
		s.t.Fatalf("%s credits and %s of money were rolled out and not in", left.Neg(), money)
	}
}

func TestBurnFollowsOrder(t *testing.T) {
	t.Parallel() // Any burn takes what a plain sort of the eligible grants would take.
	rapid.Check(t, func(rt *rapid.T) {
		s := newScript(rt)
		s.grace = 0
		for n, st := range rapid.SliceOfN(anyStep(), 1, 25).Draw(rt, "steps") {
			s.single(n, st)
		}
		s.sweep()
		cost := rapid.IntRange(1, 200).Draw(rt, "cost")
		want := naiveBurn(s.pool, amount.FromInt(int64(cost)))
		s.shown = len(s.rows)
		s.burn("last", fmt.Sprint(cost))
		var got []string
		for _, r := range s.rows[s.shown:] {
			got = append(got, fmt.Sprintf("%s %s", s.name(r.Grant), r.Amount.Neg()))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("burn (-want +got):\n%s", diff)
		}
	})
}

// naiveBurn sorts by each key of semantics 5, last key first, and takes.
func naiveBurn(p *Pool, left amount.Amount) (parts []string) {
	grants := slices.Collect(p.Grants())
	keys := []func(g *Grant) int64{
		func(g *Grant) int64 { return int64(g.ID) },
		func(g *Grant) int64 { return int64(g.CreatedAt) },
		func(g *Grant) int64 { return int64(g.EffectiveAt) },
		func(g *Grant) int64 {
			return map[bool]int64{g.Type == Promotional: 0, g.Type == Recurring && g.Cost.Amount.IsZero(): 1}[true] +
				2*map[bool]int64{true: 1}[g.Type == Paid || g.Type == Recurring && !g.Cost.Amount.IsZero()]
		},
		func(g *Grant) int64 { return int64(g.ExpireAt) },
		func(g *Grant) int64 { return int64(g.Priority) },
	}
	for _, key := range keys {
		slices.SortStableFunc(grants, func(a, b *Grant) int {
			return map[bool]int{key(a) < key(b): -1, key(a) > key(b): 1}[true]
		})
	}
	for _, g := range grants {
		x := amount.Min(left, g.Remaining().Sub(g.Held))
		if g.ActivatedAt == 0 || g.VoidedAt != 0 || g.ExpiredAt != 0 || x.Sign() <= 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("g%d %s", g.ID, x))
		left = left.Sub(x)
	}
	if left.Sign() > 0 {
		parts = append(parts, fmt.Sprintf("OD %s", left))
	}
	return parts
}

func TestBatchingDoesNotMatter(t *testing.T) {
	// Sharing transactions and sweeping in between change no row but its transaction. Thresholds are looked at once for each
	// transaction, so these may differ.
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		one, two := newScript(rt), newScript(rt)
		steps := rapid.SliceOfN(anyStep(), 1, 40).Draw(rt, "steps")
		var batch *Tx
		flush := func() {
			if batch != nil {
				two.follow(batch, two.replica.Head())
			}
			batch = nil
		}
		for n, st := range steps {
			if st.Kind == stepReverse || st.Kind == stepBurn {
				st.Kind, st.Flag = stepConsume, false // events differ in their cause, which a batch shares
			}
			one.single(n, st)
			if st.Wait > 0 || rapid.Bool().Draw(rt, "flush") {
				flush()
			}
			if st.Wait > 0 && rapid.Bool().Draw(rt, "sweep") {
				two.now += st.Wait / 2
				two.sweep()
				two.now -= st.Wait / 2
			}
			two.now += st.Wait
			if batch == nil {
				batch = &Tx{Now: two.now, Cause: &Cause{Txn: "batch"}, SystemCause: &Cause{Txn: "batch"}, LateGrace: two.grace, Thresholds: two.thresholds,
					NewGrant: func() GrantID { two.lastID++; return two.lastID }}
			}
			two.refusal(two.run(batch, n, st))
		}
		flush()
		a, b := one.pool.Clone(), two.pool.Clone()
		a.head, b.head = [32]byte{}, [32]byte{}
		a.watched, b.watched = watched{}, watched{}
		if string(a.AppendBinary(nil)) != string(b.AppendBinary(nil)) {
			rt.Fatalf("batched differs")
		}
	})
}
