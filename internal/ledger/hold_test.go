package ledger

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
)

func (f *fixture) tryReserve(spec HoldSpec) (h Hold, err error) {
	f.t.Helper()
	if spec.ExpiresAt == 0 {
		spec.ExpiresAt = f.now + hour
	}
	err = f.do(func(tx *Tx) (err error) { h, err = f.pool.Reserve(tx, spec); return err })
	return h, err
}

func (f *fixture) reserve(id, amount string) Hold {
	f.t.Helper()
	h, err := f.tryReserve(HoldSpec{ID: id, Amount: amt(amount)})
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

func (f *fixture) trySettle(id, amount string, final bool, extendTo Time) (h Hold, err error) {
	f.t.Helper()
	err = f.do(func(tx *Tx) (err error) { h, err = f.pool.Settle(tx, id, amt(amount), final, extendTo); return err })
	return h, err
}

func (f *fixture) settle(id, amount string) Hold {
	f.t.Helper()
	h, err := f.trySettle(id, amount, true, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

func (f *fixture) release(id string) (h Hold) {
	f.t.Helper()
	f.must(func(tx *Tx) (err error) { h, err = f.pool.Release(tx, id); return err })
	return h
}

func TestW21TwentyReservations(t *testing.T) {
	t.Parallel() // Holds never promise more than is there, and settle for less.
	f := newFixture(t)
	f.grant("G", "500", Grant{})
	granted := 0
	for i := range 20 {
		_, err := f.tryReserve(HoldSpec{ID: fmt.Sprint("r", i), Amount: amt("75")})
		var short *Insufficient
		switch {
		case err == nil:
			granted++
		case !errors.As(err, &short) || short.Available != amt("50") || short.Needed != amt("75"):
			t.Fatalf("reservation %d: %v", i, err)
		}
	}
	f.wantPool("500", "450", "0")
	for i := range granted {
		if h := f.settle(fmt.Sprint("r", i), "60"); h.End != HoldSettled || h.Settled != amt("60") {
			t.Errorf("hold: %+v", h)
		}
	}
	f.wantRows("GRANTED G +500 = 500", "CONSUMED G -60 = 440", "CONSUMED G -60 = 380", "CONSUMED G -60 = 320",
		"CONSUMED G -60 = 260", "CONSUMED G -60 = 200", "CONSUMED G -60 = 140")
	f.wantPool("140", "0", "0")
}

func TestW22PinnedSlices(t *testing.T) {
	t.Parallel() // What a hold pins nobody else takes; it burns its own slices first, then like anyone.
	setup := func(t *testing.T) *fixture {
		f := newFixture(t)
		a := f.grant("A", "40", Grant{ExpireAt: at("04-01")})
		b := f.grant("B", "100", Grant{Type: Paid})
		h := f.reserve("R1", "60")
		if diff := cmp.Diff([]Slice{{a, amt("40")}, {b, amt("20")}}, h.Slices, cmp.Comparer(equalAmount)); diff != "" {
			t.Errorf("slices:\n%s", diff)
		}
		f.burn("x1", "30")
		f.wantPool("110", "60", "0")
		f.wantRows("GRANTED A +40 = 40", "GRANTED B +100 = 140", "CONSUMED B -30 = 110")
		return f
	}
	f := setup(t)
	f.settle("R1", "45")
	f.wantRows("CONSUMED A -40 = 70", "CONSUMED B -5 = 65")
	f.wantPool("65", "0", "0")

	f = setup(t)
	f.settle("R1", "75")
	f.wantRows("CONSUMED A -40 = 70", "CONSUMED B -35 = 35")

	f = setup(t)
	f.settle("R1", "141") // 60 held, 50 free, 31 beyond
	f.wantRows("CONSUMED A -40 = 70", "CONSUMED B -70 = 0", "CONSUMED OD -31 = -31")

	f = setup(t)
	if h := f.release("R1"); h.End != HoldReleased {
		t.Errorf("end %s", h.End)
	}
	f.wantRows()
	f.wantPool("110", "0", "0")
}

func equalAmount(a, b amount.Amount) bool { return a == b }

func TestW23HoldAcrossExpiry(t *testing.T) {
	t.Parallel() // What a hold pins outlives the grant, for the hold alone; what it frees expires with it.
	setup := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.grant("A", "100", Grant{ExpireAt: at("03-01 01:00")})
		f.now = at("03-01 00:30")
		f.reserve("R", "60")
		f.now = at("03-01 01:00")
		f.sweep()
		f.shown = 1
		f.wantRows("EXPIRED A -40 = 60")
		f.wantPool("60", "60", "0")
		f.now = at("03-01 01:10")
		return f
	}
	f := setup(t)
	f.settle("R", "25")
	f.wantRows("CONSUMED A -25 = 35", "EXPIRED A -35 = 0")
	f = setup(t)
	f.release("R")
	f.wantRows("EXPIRED A -60 = 0")
}

func TestHoldOnVoidedGrant(t *testing.T) {
	t.Parallel() // A void leaves held slices out and takes them when the hold ends.
	f := newFixture(t)
	g := f.grant("G", "100", Grant{Type: Paid, Cost: usd("10")})
	f.reserve("R", "60")
	f.must(func(tx *Tx) error { _, err := f.pool.Void(tx, g); return err })
	f.must(func(tx *Tx) error {
		if changed, err := f.pool.Void(tx, g); changed || err != nil {
			t.Errorf("second void: %v, %v", changed, err)
		}
		return nil
	})
	f.wantPool("60", "60", "0")
	f.settle("R", "20")
	f.wantRows("GRANTED G +100 = 100", "VOIDED G -40 = 60 4 usd", "CONSUMED G -20 = 40 2 usd", "VOIDED G -40 = 0 4 usd")
	if _, ok := f.pool.Grant(g); ok {
		t.Errorf("the voided grant is still there")
	}
}

func TestHoldTimeout(t *testing.T) {
	t.Parallel() // A TTL ends a hold at its instant: freeing it, or charging it; a settle then learns what happened.
	f := newFixture(t)
	f.grant("G", "100", Grant{})
	f.reserve("R", "60")
	if _, err := f.tryReserve(HoldSpec{ID: "C", Amount: amt("30"), ExpiresAt: f.now + 2*hour, Capture: true}); err != nil {
		t.Fatal(err)
	}
	f.now += 3 * hour
	h, err := f.trySettle("R", "10", true, 0)
	var ended *HoldEnded
	if !errors.As(err, &ended) || !errors.Is(err, ErrHoldEnded) || ended.Hold.End != HoldExpired || h.EndedAt != at("03-01 01:00") {
		t.Errorf("late settle: %+v, %v", h, err)
	}
	f.wantRows("GRANTED G +100 = 100 @03-01 00:00", "CONSUMED G -30 = 70 @03-01 02:00")
	f.wantPool("70", "0", "0")
	if _, err := f.trySettle("R", "10", true, 0); !errors.Is(err, ErrHoldNotFound) {
		t.Errorf("settle of a forgotten hold: %v", err)
	}
}

func TestHoldFreesForDeficit(t *testing.T) {
	t.Parallel() // Credits that a hold frees settle the deficit at once; those that expire at that instant do not.
	f := newFixture(t)
	f.grant("G", "100", Grant{})
	f.reserve("R", "80")
	f.burn("e1", "50")
	f.wantPool("50", "80", "30")
	f.release("R")
	f.wantRows("GRANTED G +100 = 100", "CONSUMED G -20 = 80", "CONSUMED OD -30 = 50", "TRANSFER_SOURCE OD +30 = 80", "TRANSFER_TARGET G -30 = 50")

	f = newFixture(t)
	f.grant("G", "100", Grant{ExpireAt: f.now + hour})
	f.reserve("R", "80")
	f.burn("e1", "50")
	f.now += hour
	f.shown = 3
	f.sweep()
	f.wantRows("EXPIRED G -80 = -30")
}

func TestCaptureAtExpiry(t *testing.T) {
	t.Parallel() // At one instant the hold timeout comes before the expiry and the expiry before an activation.
	f := newFixture(t)
	end := f.now + hour
	f.grant("A", "100", Grant{ExpireAt: end})
	f.grant("B", "50", Grant{EffectiveAt: end, ExpireAt: end + hour})
	if _, err := f.tryReserve(HoldSpec{ID: "R", Amount: amt("120"), ExpiresAt: end, Capture: true, AllowOverdraft: true}); err != nil {
		t.Fatal(err)
	}
	f.wantPool("100", "120", "0")
	f.now = end + minute
	f.sweep()
	f.shown = 1
	f.now = end
	f.wantRows("CONSUMED A -100 = 0", "CONSUMED OD -20 = -20", "GRANTED B +50 = 30", "TRANSFER_SOURCE OD +20 = 50", "TRANSFER_TARGET B -20 = 30")
}

func TestCaptureSparesExpiring(t *testing.T) {
	t.Parallel() // A capture never burns, beyond its own slices, what expires at that very instant.
	f := newFixture(t)
	end := f.now + hour
	f.grant("A", "10", Grant{ExpireAt: end})
	if _, err := f.tryReserve(HoldSpec{ID: "R", Amount: amt("12"), ExpiresAt: end, Capture: true, AllowOverdraft: true}); err != nil {
		t.Fatal(err)
	}
	f.grant("Z", "30", Grant{ExpireAt: end})
	f.now = end
	f.sweep()
	f.shown = 2
	f.wantRows("CONSUMED A -10 = 30", "CONSUMED OD -2 = 28", "EXPIRED Z -30 = -2")
}

func TestPartialSettle(t *testing.T) {
	t.Parallel() // A partial settle burns part, keeps the rest held, and may extend the TTL up to 24 h from creation.
	f := newFixture(t)
	f.grant("A", "40", Grant{ExpireAt: at("04-01")})
	b := f.grant("B", "100", Grant{})
	f.reserve("R", "60")
	created := f.now
	f.now += 50 * minute
	h, err := f.trySettle("R", "45", false, created+5*hour)
	if err != nil || h.Settled != amt("45") || h.ExpiresAt != created+5*hour || h.End != HoldOpen {
		t.Fatalf("partial settle: %+v, %v", h, err)
	}
	if diff := cmp.Diff([]Slice{{b, amt("15")}}, h.Slices, cmp.Comparer(equalAmount)); diff != "" {
		t.Errorf("slices:\n%s", diff)
	}
	f.wantPool("95", "15", "0")
	var field *FieldError
	if _, err := f.trySettle("R", "1", false, created+25*hour); !errors.As(err, &field) {
		t.Errorf("extension beyond 24 h: %v", err)
	}
	if _, err := f.trySettle("R", most, false, 0); !errors.Is(err, ErrAmountOutOfRange) {
		t.Errorf("beyond all amounts: %v", err)
	}
	if h, err := f.trySettle("R", "0", false, 0); err != nil || len(h.Slices) != 1 {
		t.Errorf("settle of nothing: %+v, %v", h, err)
	}
	f.now = created + 4*hour
	if h := f.settle("R", "20"); h.Settled != amt("65") || h.End != HoldSettled {
		t.Errorf("final settle: %+v", h)
	}
	f.shown = 2
	f.now = created + 50*minute
	f.wantRows("CONSUMED A -40 = 100", "CONSUMED B -5 = 95", "CONSUMED B -20 = 75 @03-01 04:00")
}

func TestPartialSettleBeyondHeld(t *testing.T) {
	t.Parallel() // A partial settle may use up the hold and more; the hold stays open with nothing in it.
	f := newFixture(t)
	f.grant("A", "40", Grant{})
	if _, err := f.tryReserve(HoldSpec{ID: "R", Amount: amt("50"), AllowOverdraft: true}); err != nil {
		t.Fatal(err)
	}
	if h, err := f.trySettle("R", "40", false, 0); err != nil || h.Unfunded != amt("10") || len(h.Slices) != 0 {
		t.Errorf("slices used up: %+v, %v", h, err)
	}
	if h, err := f.trySettle("R", "25", false, 0); err != nil || !h.Unfunded.IsZero() || h.End != HoldOpen {
		t.Errorf("beyond: %+v, %v", h, err)
	}
	f.wantRows("GRANTED A +40 = 40", "CONSUMED A -40 = 0", "CONSUMED OD -25 = -25")
	f.wantPool("-25", "0", "25")
	if h := f.settle("R", "0"); h.End != HoldSettled || h.Settled != amt("65") {
		t.Errorf("end: %+v", h)
	}
}

func TestReserveRefusals(t *testing.T) {
	t.Parallel() // Repeating a reservation is harmless; what breaks its rules changes nothing.
	f := newFixture(t)
	f.grant("G", "100", Grant{})
	first := f.reserve("R", "60")
	if again := f.reserve("R", "60"); again.CreatedAt != first.CreatedAt || len(again.Slices) != 1 {
		t.Errorf("repeated: %+v", again)
	}
	if _, err := f.tryReserve(HoldSpec{ID: "R", Amount: amt("61")}); !errors.Is(err, ErrHoldMismatch) {
		t.Errorf("other amount: %v", err)
	}
	var field *FieldError
	for _, spec := range []HoldSpec{{Amount: amt("1")}, {ID: "x", Amount: amt("1"), ExpiresAt: f.now}, {ID: "x", Amount: amt("1"), ExpiresAt: f.now + 25*hour}} {
		if _, err := f.tryReserve(spec); !errors.As(err, &field) {
			t.Errorf("%+v: %v", spec, err)
		}
	}
	if _, err := f.tryReserve(HoldSpec{ID: "x"}); !errors.Is(err, ErrAmountOutOfRange) {
		t.Errorf("zero amount: %v", err)
	}
	f.wantPool("100", "60", "0")
	if h := f.settle("R", "0"); h.End != HoldReleased {
		t.Errorf("settle of 0: %s", h.End)
	}
}

func TestTooManyHolds(t *testing.T) {
	t.Parallel() // A pool refuses the hold beyond its limit.
	p := NewPool(Key{})
	tx := newBenchTx()
	if _, err := p.AddGrant(tx, Grant{Type: Promotional, Amount: amt("5000"), ExpireAt: Never}); err != nil {
		t.Fatal(err)
	}
	for i := range MaxHolds + 1 {
		_, err := p.Reserve(tx, HoldSpec{ID: fmt.Sprint(i), Amount: amt("1"), ExpiresAt: tx.Now + hour})
		if (err != nil) != (i == MaxHolds) {
			t.Fatalf("hold %d: %v", i, err)
		}
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
}
