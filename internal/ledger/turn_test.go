package ledger

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// turn posts a boundary now and names what it made: the children "RO1", "RO2", … and the blocks as given.
func (f *fixture) turn(t Turn, issued ...string) Turned {
	f.t.Helper()
	var turned Turned
	f.must(func(tx *Tx) (err error) {
		turned, err = f.pool.Turn(tx, t)
		return err
	})
	for i, id := range turned.Issued {
		f.names[id] = issued[i]
	}
	for i, id := range turned.Rolled {
		if id != 0 {
			f.names[id] = "RO" + string(rune('1'+i))
		}
	}
	return turned
}

// block is included credits that expire at the instant.
func block(amount string, expireAt Time) Grant {
	return Grant{Type: Recurring, Amount: amt(amount), ExpireAt: expireAt}
}

func TestW16Reset(t *testing.T) {
	t.Parallel() // At a boundary the old block expires and the new one comes, in one transaction.
	f := newFixture(t)
	f.now = at("01-31 10:00")
	r1 := f.turn(Turn{Issue: []Grant{block("1000", at("02-28 10:00"))}}, "R1").Issued[0]
	f.now = at("02-10")
	f.burn("e1", "640")
	f.wantRows("GRANTED R1 +1000 = 1000 @01-31 10:00", "CONSUMED R1 -640 = 360")
	f.now = at("02-28 10:00")
	f.turn(Turn{End: []GrantID{r1}, Issue: []Grant{block("1000", at("03-31 10:00"))}}, "R2")
	f.wantRows("EXPIRED R1 -360 = 0", "GRANTED R2 +1000 = 1000")
	if last := f.rows[len(f.rows)-2:]; last[0].Cause.Txn != last[1].Cause.Txn {
		t.Error("the reset took two transactions")
	}
}

func TestW17Turn(t *testing.T) {
	t.Parallel() // A deficit at a boundary is settled by the new block, or forgiven before it comes.
	for _, forgive := range []bool{false, true} {
		f := newFixture(t)
		f.now = at("03-01")
		f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R-03")
		f.now = at("03-20")
		f.burn("e1", "130")
		f.shown = len(f.rows)
		f.now = at("04-01")
		f.turn(Turn{Forgive: forgive, Issue: []Grant{block("100", at("05-01"))}}, "R-04")
		if !forgive {
			f.wantRows("GRANTED R-04 +100 = 70", "TRANSFER_SOURCE OD +30 = 100", "TRANSFER_TARGET R-04 -30 = 70")
			continue
		}
		f.wantRows("UPDATED OD +30 = 0", "GRANTED R-04 +100 = 100")
		last := f.rows[len(f.rows)-2:]
		if last[0].Cause.Reason != ReasonForgiven || last[1].Cause.Reason != "" || last[0].Cause.Txn != last[1].Cause.Txn {
			t.Errorf("causes %+v and %+v", *last[0].Cause, *last[1].Cause)
		}
	}
}

func TestW18Rollover(t *testing.T) {
	t.Parallel() // A part of the old block goes on in a child, which burns before the new block and does not outlive it.
	f := newFixture(t)
	f.now = at("03-01")
	r1 := f.turn(Turn{Issue: []Grant{block("1000", at("04-01"))}}, "R1").Issued[0]
	f.now = at("03-10")
	f.burn("e1", "550")
	f.shown = len(f.rows)
	f.now = at("04-01")
	roll := []Rollover{{Grant: r1, Max: amt("300"), ExpireAt: at("05-01")}}
	f.turn(Turn{Roll: roll, Issue: []Grant{block("1000", at("05-01"))}}, "R2")
	f.wantRows("ROLLED_OUT R1 -300 = 150", "EXPIRED R1 -150 = 0", "ROLLED_IN RO1 +300 = 300", "GRANTED R2 +1000 = 1300")
	f.now = at("04-02")
	f.burn("e2", "350")
	f.wantRows("CONSUMED RO1 -300 = 1000", "CONSUMED R2 -50 = 950")
	f.now = at("05-01")
	f.turn(Turn{Issue: []Grant{block("1000", at("06-01"))}}, "R3")
	f.wantRows("EXPIRED R2 -950 = 0", "GRANTED R3 +1000 = 1000")
}

func TestRolloverKeepsCents(t *testing.T) {
	t.Parallel() // What a block costs is accounted for to the cent over its child: consumed, carried, expired, consumed.
	f := newFixture(t)
	f.now = at("03-01")
	old := Grant{Type: Recurring, Priority: 3, Amount: amt("3"), Cost: usd("10.00"), ExpireAt: at("04-01")}
	r1 := f.turn(Turn{Issue: []Grant{old}}, "R1").Issued[0]
	f.burn("e1", "1")
	f.shown = len(f.rows)
	f.now = at("04-01")
	turned := f.turn(Turn{Roll: []Rollover{{Grant: r1, Max: amt("1.5"), ExpireAt: at("05-01")}}})
	f.wantRows("ROLLED_OUT R1 -1.5 = 0.5 5 usd", "EXPIRED R1 -0.5 = 0 1.67 usd", "ROLLED_IN RO1 +1.5 = 1.5")
	child := f.table[turned.Rolled[0]]
	want := Grant{ID: child.ID, Type: Recurring, Priority: 3, CreatedAt: f.now - 1, EffectiveAt: f.now, ExpireAt: at("05-01"),
		Amount: amt("1.5"), Cost: usd("5"), ActivatedAt: f.now}
	if child != want {
		t.Errorf("child %+v, want %+v", child, want)
	}
	f.burn("e2", "0.5")
	f.burn("e3", "0.5")
	f.burn("e4", "0.5")
	f.wantRows("CONSUMED RO1 -0.5 = 1 1.67 usd", "CONSUMED RO1 -0.5 = 0.5 1.66 usd", "CONSUMED RO1 -0.5 = 0 1.67 usd")
	(&script{fixture: f}).checkHistory()
}

func TestTurnAcrossHold(t *testing.T) {
	t.Parallel() // What a hold pins is not carried over; a hold that times out at the boundary frees its part before.
	f := newFixture(t)
	f.now = at("04-01") - hour
	r1 := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R1").Issued[0]
	for id, until := range map[string]Time{"stays": at("04-01") + hour, "ends": at("04-01")} {
		f.must(func(tx *Tx) error {
			_, err := f.pool.Reserve(tx, HoldSpec{ID: id, Amount: amt("30"), ExpiresAt: until})
			return err
		})
	}
	f.shown = len(f.rows)
	f.now = at("04-01")
	f.turn(Turn{Roll: []Rollover{{Grant: r1, Max: amt("500"), ExpireAt: at("05-01")}}})
	f.wantRows("ROLLED_OUT R1 -70 = 30", "ROLLED_IN RO1 +70 = 100")
	f.wantPool("100", "30", "0")
	f.now += minute
	f.must(func(tx *Tx) error {
		_, err := f.pool.Settle(tx, "stays", amt("20"), true, 0)
		return err
	})
	f.wantRows("CONSUMED R1 -20 = 80", "EXPIRED R1 -10 = 70")
}

func TestCaptureAtTurn(t *testing.T) {
	t.Parallel() // A hold captured at the boundary is paid from the old block, and what is left of it is carried over.
	f := newFixture(t)
	f.now = at("04-01") - hour
	r1 := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R1").Issued[0]
	f.must(func(tx *Tx) error {
		_, err := f.pool.Reserve(tx, HoldSpec{ID: "h", Amount: amt("30"), ExpiresAt: at("04-01"), Capture: true})
		return err
	})
	f.shown = len(f.rows)
	f.now = at("04-01")
	f.turn(Turn{Roll: []Rollover{{Grant: r1, Max: amt("50"), ExpireAt: at("05-01")}}, Issue: []Grant{block("100", at("05-01"))}}, "R2")
	f.wantRows("CONSUMED R1 -30 = 70", "ROLLED_OUT R1 -50 = 20", "EXPIRED R1 -20 = 0", "ROLLED_IN RO1 +50 = 50", "GRANTED R2 +100 = 150")
}

func TestRolloverOfNothing(t *testing.T) {
	t.Parallel() // Nothing left, a cap of 0, a child without a life, a block that is voided or unknown: no child, no row.
	for name, c := range map[string]struct {
		before func(f *fixture, id GrantID)
		max    string
		until  Time
		rows   []string
	}{
		"depleted":       {func(f *fixture, _ GrantID) { f.burn("e", "100") }, "50", at("05-01"), nil},
		"cap 0":          {func(*fixture, GrantID) {}, "0", at("05-01"), []string{"EXPIRED R1 -100 = 0"}},
		"lifeless child": {func(*fixture, GrantID) {}, "50", at("04-01"), []string{"EXPIRED R1 -100 = 0"}},
		"voided": {func(f *fixture, id GrantID) {
			f.must(func(tx *Tx) error { _, err := f.pool.Void(tx, id); return err })
		}, "50", at("05-01"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r1 := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R1").Issued[0]
			c.before(f, r1)
			f.shown = len(f.rows)
			f.now = at("04-01")
			turned := f.turn(Turn{Roll: []Rollover{{Grant: r1, Max: amt(c.max), ExpireAt: c.until}, {Grant: 999, Max: amt("1"), ExpireAt: c.until}}})
			f.wantRows(c.rows...)
			if diff := cmp.Diff([]GrantID{0, 0}, turned.Rolled); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTurnPostsWhatIsDue(t *testing.T) {
	t.Parallel() // What was due before keeps its own date; what else expires or activates at the instant is part of it.
	f := newFixture(t)
	f.grant("early", "1", Grant{ExpireAt: at("03-31")})
	f.grant("same", "2", Grant{ExpireAt: at("04-01")})
	f.grant("waits", "4", Grant{EffectiveAt: at("04-01")})
	f.grant("scheduled before", "8", Grant{EffectiveAt: at("03-30")})
	f.burn("e1", "11") // leaves a deficit, which the next grant settles
	f.grant("other", "10", Grant{ExpireAt: at("04-01")})
	f.shown = len(f.rows)
	f.now = at("04-01")
	f.turn(Turn{Issue: []Grant{block("100", at("05-01"))}}, "R1")
	f.wantRows("GRANTED scheduled before +8 = 10 @03-30 00:00", "EXPIRED other -2 = 8", "GRANTED R1 +100 = 108", "GRANTED waits +4 = 112")
}

func TestTurnEndsAndVoids(t *testing.T) {
	t.Parallel() // A block ends early or is taken away at a boundary, activated or not; what has ended stays as it is.
	f := newFixture(t)
	ends := f.grant("ends", "10", Grant{ExpireAt: at("05-01")})
	future := f.grant("future", "20", Grant{EffectiveAt: at("04-15"), ExpireAt: at("05-01")})
	void := f.grant("void", "40", Grant{ExpireAt: at("05-01")})
	expires := f.grant("expires", "80", Grant{ExpireAt: at("03-10")})
	f.burn("e1", "5")
	f.shown = len(f.rows)
	f.now = at("03-10")
	f.turn(Turn{End: []GrantID{ends, future}, Void: []GrantID{void, expires, 999}})
	f.wantRows("EXPIRED ends -10 = 115", "EXPIRED expires -75 = 40", "VOIDED void -40 = 0")
	if g := f.table[future]; g.ExpiredAt != f.now || g.ExpireAt != f.now || g.Status(f.now) != Expired {
		t.Errorf("the block that never began: %+v", g)
	}
}

func TestW29ImmediateCancel(t *testing.T) {
	t.Parallel() // An immediate cancellation takes the included credits; what was bought or given stays.
	f := newFixture(t)
	r1 := f.turn(Turn{Issue: []Grant{block("1000", at("04-01"))}}, "R1").Issued[0]
	f.grant("P1", "500", Grant{Type: Paid, Cost: usd("50.00")})
	f.grant("M1", "50", Grant{ExpireAt: at("06-01")})
	f.now = at("03-05")
	f.burn("e1", "300")
	f.shown = len(f.rows)
	f.now = at("03-10")
	f.turn(Turn{Void: []GrantID{r1}})
	f.wantRows("VOIDED R1 -700 = 550")
}

func TestLateTurn(t *testing.T) {
	t.Parallel() // Where rows after the boundary exist it is posted behind them, and what ended meanwhile has ended.
	f := newFixture(t)
	r1 := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R1").Issued[0]
	f.now = at("04-03")
	f.burn("e1", "30")
	f.wantRows("GRANTED R1 +100 = 100 @03-01 00:00", "EXPIRED R1 -100 = 0 @04-01 00:00", "CONSUMED OD -30 = -30")
	f.now = at("04-01")
	turned := f.turn(Turn{
		Roll:  []Rollover{{Grant: r1, Max: amt("100"), ExpireAt: at("05-01")}},
		Issue: []Grant{block("50", at("04-02")), block("100", at("05-01"))},
	}, "over", "R2")
	f.now = at("04-03")
	f.wantRows("GRANTED R2 +100 = 70", "TRANSFER_SOURCE OD +30 = 100", "TRANSFER_TARGET R2 -30 = 70")
	if g := f.table[turned.Issued[0]]; g.ExpiredAt != at("04-02") || g.Expired != amt("50") || g.ActivatedAt != 0 {
		t.Errorf("the block whose life is over: %+v", g)
	}
	if g := f.table[turned.Issued[1]]; g.EffectiveAt != at("04-01") || g.CreatedAt != at("04-03") || g.ActivatedAt != at("04-03") {
		t.Errorf("the new block: %+v", g)
	}
}

func TestSparedBlock(t *testing.T) {
	t.Parallel() // Two subscriptions with one boundary: the first turn leaves the other's block to be rolled by the second.
	f := newFixture(t)
	a := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "A").Issued[0]
	b := f.turn(Turn{Issue: []Grant{block("70", at("04-01"))}}, "B").Issued[0]
	f.shown = len(f.rows)
	f.now = at("04-01")
	f.turn(Turn{End: []GrantID{a}, Spare: []GrantID{b}, Issue: []Grant{block("100", at("05-01"))}}, "A2")
	f.wantRows("EXPIRED A -100 = 70", "GRANTED A2 +100 = 170")
	f.turn(Turn{Roll: []Rollover{{Grant: b, Max: amt("50"), ExpireAt: at("05-01")}}})
	f.wantRows("ROLLED_OUT B -50 = 120", "EXPIRED B -20 = 100", "ROLLED_IN RO1 +50 = 150")
	f.burn("e1", "60")
	f.wantRows("CONSUMED RO1 -50 = 100", "CONSUMED A2 -10 = 90")
}

func TestTurnRefuses(t *testing.T) {
	t.Parallel() // A turn with anything wrong in it fails and posts nothing at its instant.
	good := block("1", at("05-01"))
	f := newFixture(t)
	r1 := f.turn(Turn{Issue: []Grant{block("100", at("04-01"))}}, "R1").Issued[0]
	f.burn("e1", "110")
	od, _ := f.pool.OpenOverdraft()
	with := func(change func(*Grant)) Turn {
		g := good
		change(&g)
		return Turn{End: []GrantID{r1}, Issue: []Grant{good, g}}
	}
	huge := amt("999999999999999")
	f.now = at("04-01")
	for name, c := range map[string]struct {
		turn Turn
		want error
	}{
		"twice in one list": {Turn{End: []GrantID{r1, r1}}, &FieldError{Field: "Turn"}},
		"twice":             {Turn{End: []GrantID{r1}, Roll: []Rollover{{Grant: r1, ExpireAt: at("05-01")}}}, &FieldError{Field: "Turn"}},
		"an overdraft":      {Turn{Void: []GrantID{od.ID}}, ErrOverdraftImmutable},
		"a negative cap":    {Turn{Roll: []Rollover{{Grant: r1, Max: amt("-1")}}}, ErrAmountOutOfRange},
		"no amount":         {with(func(g *Grant) { g.Amount = amt("0") }), ErrAmountOutOfRange},
		"no room":           {with(func(g *Grant) { g.Amount = huge }), ErrAmountOutOfRange},
		"no type":           {with(func(g *Grant) { g.Type = 0 }), &FieldError{Field: "Type"}},
		"an overdraft made": {with(func(g *Grant) { g.Type = Overdraft }), &FieldError{Field: "Type"}},
		"no life":           {with(func(g *Grant) { g.ExpireAt = at("04-01") }), &FieldError{Field: "ExpireAt"}},
		"priority":          {with(func(g *Grant) { g.Priority = -1 }), &FieldError{Field: "Priority"}},
		"cost":              {with(func(g *Grant) { g.Cost = Money{Amount: amt("1")} }), &FieldError{Field: "Cost"}},
	} {
		before := f.pool.AppendBinary(nil)
		err := f.do(func(tx *Tx) error { _, err := f.pool.Turn(tx, c.turn); return err })
		if asked := f.pool.CheckTurn(f.now, c.turn); fmt.Sprint(asked) != fmt.Sprint(err) {
			t.Errorf("%s: asked before it says %v", name, asked)
		}
		var field, wantField *FieldError
		if errors.As(c.want, &wantField) {
			if !errors.As(err, &field) || field.Field != wantField.Field {
				t.Errorf("%s: %v, want a refusal of %s", name, err, wantField.Field)
			}
		} else if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if string(before) != string(f.pool.AppendBinary(nil)) {
			t.Errorf("%s: the pool has changed", name)
		}
	}
}
