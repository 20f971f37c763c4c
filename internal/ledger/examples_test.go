package ledger

import (
	"errors"
	"testing"
)

// The worked examples of semantics 23, at the level of one pool: every row with type, grant, amount, end and money.

func TestW1BurnOrder(t *testing.T) {
	t.Parallel() // Priority beats expiry, and promotional comes before paid.
	f := newFixture(t)
	f.grant("A", "50", Grant{Type: Paid, Priority: 1, ExpireAt: at("09-01")})
	f.grant("B", "20", Grant{Priority: 1, ExpireAt: at("09-01")})
	f.grant("C", "100", Grant{Priority: 2, ExpireAt: at("08-15")})
	f.wantRows("GRANTED A +50 = 50", "GRANTED B +20 = 70", "GRANTED C +100 = 170")
	f.now = at("03-02")
	f.burn("e1", "60")
	f.wantRows("CONSUMED B -20 = 150", "CONSUMED A -40 = 110")
	f.wantPool("110", "0", "0")
}

func TestW2FullTieBreak(t *testing.T) {
	t.Parallel() // Each key of the burn order decides once, and the rest goes to the overdraft.
	f := newFixture(t)
	g2 := f.now + second
	grants := []struct {
		name string
		g    Grant
	}{
		{"g1", Grant{Type: Paid}},
		{"g2", Grant{Type: Paid, ExpireAt: at("05-01")}},
		{"g3", Grant{ExpireAt: at("05-01")}},
		{"g4", Grant{Priority: 5, ExpireAt: at("03-10")}},
		{"g5", Grant{Type: Recurring, ExpireAt: at("05-01")}},
		{"g6", Grant{Type: Paid, ExpireAt: at("05-01"), EffectiveAt: g2}},
	}
	for _, c := range grants {
		f.grant(c.name, "10", c.g)
		f.now += second
	}
	f.shown = len(f.rows)
	f.now = at("03-02")
	f.burn("e1", "65")
	f.wantRows("CONSUMED g3 -10 = 50", "CONSUMED g5 -10 = 40", "CONSUMED g2 -10 = 30", "CONSUMED g6 -10 = 20",
		"CONSUMED g1 -10 = 10", "CONSUMED g4 -10 = 0", "CONSUMED OD -5 = -5")
	f.wantPool("-5", "0", "5")
}

func TestW3FullSettlement(t *testing.T) {
	t.Parallel() // Value that arrives settles the deficit in equal pairs, and recognises revenue doing so.
	f := newFixture(t)
	g1 := f.grant("G1", "10", Grant{})
	f.burn("e1", "25")
	f.wantPool("-15", "0", "15")
	od, _ := f.pool.OpenOverdraft()
	odID := od.ID
	f.grant("G2", "50", Grant{Type: Paid, Cost: usd("5.00")})
	f.wantRows("GRANTED G1 +10 = 10", "CONSUMED G1 -10 = 0", "CONSUMED OD -15 = -15",
		"GRANTED G2 +50 = 35", "TRANSFER_SOURCE OD +15 = 50", "TRANSFER_TARGET G2 -15 = 35 1.5 usd")
	f.wantPool("35", "0", "0")
	if closed := f.closedState(odID); closed.VoidedAt != f.now || closed.Status(f.now) != Voided {
		t.Errorf("overdraft is not closed: %+v", closed)
	}
	if g, _ := f.pool.Grant(g1); g.DepletedAt != f.now || g.Status(f.now) != Active {
		t.Errorf("G1 is not depleted and active: %+v", g)
	}
}

func TestW4PartialSettlement(t *testing.T) {
	t.Parallel() // One overdraft carries the deficit until all of it is settled; the next shortfall opens another.
	f := newFixture(t)
	f.burn("e1", "100")
	od, _ := f.pool.OpenOverdraft()
	first := od.ID
	f.grant("G1", "30", Grant{})
	f.burn("e2", "5")
	if od, _ := f.pool.OpenOverdraft(); od.ID != first {
		t.Errorf("overdraft %d instead of %d", od.ID, first)
	}
	f.grant("G2", "100", Grant{Type: Paid})
	f.wantRows("CONSUMED OD -100 = -100", "GRANTED G1 +30 = -70", "TRANSFER_SOURCE OD +30 = -40", "TRANSFER_TARGET G1 -30 = -70",
		"CONSUMED OD -5 = -75", "GRANTED G2 +100 = 25", "TRANSFER_SOURCE OD +75 = 100", "TRANSFER_TARGET G2 -75 = 25")
	f.burn("e3", "26")
	if od, ok := f.pool.OpenOverdraft(); !ok || od.ID == first {
		t.Errorf("no new overdraft")
	}
}

func TestW5ScheduledGrantWithDeficit(t *testing.T) {
	t.Parallel() // A scheduled grant activates at its instant, settles what waits, and expires at its instant.
	f := newFixture(t)
	f.grant("G1", "40", Grant{})
	g2 := f.grant("G2", "60", Grant{EffectiveAt: at("03-10"), ExpireAt: at("03-20")})
	f.now = at("03-05")
	f.burn("e1", "45")
	f.now = at("03-07")
	f.sweep()
	f.wantPool("-5", "0", "5")
	if g, _ := f.pool.Grant(g2); g.Status(f.now) != Scheduled {
		t.Errorf("G2 is %s", g.Status(f.now))
	}
	f.now = at("03-10")
	f.wantRows("GRANTED G1 +40 = 40 @03-01 00:00", "CONSUMED G1 -40 = 0 @03-05 00:00", "CONSUMED OD -5 = -5 @03-05 00:00")
	f.burn("e2", "20")
	f.wantRows("GRANTED G2 +60 = 55", "TRANSFER_SOURCE OD +5 = 60", "TRANSFER_TARGET G2 -5 = 55", "CONSUMED G2 -20 = 35")
	f.now = at("04-01")
	f.sweep()
	f.wantRows("EXPIRED G2 -35 = 0 @03-20 00:00")
}

func TestW6Void(t *testing.T) {
	t.Parallel() // A void takes what is not consumed, once; expired grants and overdrafts refuse it.
	f := newFixture(t)
	g1 := f.grant("G1", "100", Grant{Type: Paid, Cost: usd("10.00")})
	g2 := f.grant("G2", "20", Grant{Priority: 1, ExpireAt: at("03-05")})
	f.burn("e1", "30")
	void := func(id GrantID) (changed bool, err error) {
		err = f.do(func(tx *Tx) (err error) { changed, err = f.pool.Void(tx, id); return err })
		return changed, err
	}
	if changed, err := void(g1); !changed || err != nil {
		t.Errorf("void: %v, %v", changed, err)
	}
	f.wantRows("GRANTED G1 +100 = 100", "GRANTED G2 +20 = 120", "CONSUMED G1 -30 = 90 3 usd", "VOIDED G1 -70 = 20 7 usd")
	if g := f.closedState(g1); g.Deferred() != (Money{}) || g.VoidedAt != f.now {
		t.Errorf("voided grant: %+v", g)
	}
	if _, err := void(g1); !errors.Is(err, ErrGrantNotFound) {
		t.Errorf("second void: %v", err)
	}
	f.now = at("03-05")
	if _, err := void(g2); !errors.Is(err, ErrGrantExpired) {
		t.Errorf("void of an expired grant: %v", err)
	}
	f.burn("e2", "1")
	od, _ := f.pool.OpenOverdraft()
	if _, err := void(od.ID); !errors.Is(err, ErrOverdraftImmutable) {
		t.Errorf("void of the overdraft: %v", err)
	}
	f.wantRows("EXPIRED G2 -20 = 0", "CONSUMED OD -1 = -1")
}

func TestW7ExpiryInstant(t *testing.T) {
	t.Parallel() // A grant is burned right up to its expiry and not at it, though nobody swept.
	f := newFixture(t)
	f.grant("G1", "10", Grant{ExpireAt: at("03-05")})
	f.grant("G2", "10", Grant{Priority: 1})
	f.now = at("03-04 23:59:59.999")
	f.burn("e1", "3")
	f.now = at("03-05")
	f.burn("e2", "3")
	f.wantRows("GRANTED G1 +10 = 10 @03-01 00:00", "GRANTED G2 +10 = 20 @03-01 00:00", "CONSUMED G1 -3 = 17 @03-04 23:59",
		"EXPIRED G1 -7 = 10", "CONSUMED G2 -3 = 7")
}

func TestW8Update(t *testing.T) {
	t.Parallel() // The amount may go up and down to what is consumed; every accepted update has its row.
	f := newFixture(t)
	g1 := f.grant("G1", "100", Grant{})
	f.burn("e1", "40")
	update := func(c Change) error {
		return f.do(func(tx *Tx) error { return f.pool.Update(tx, g1, c) })
	}
	to := func(s string) Change { a := amt(s); return Change{Amount: &a} }
	for _, c := range []Change{to("150"), to("40")} {
		if err := update(c); err != nil {
			t.Fatal(err)
		}
	}
	var field *FieldError
	if err := update(to("39")); !errors.As(err, &field) || field.Field != "Amount" {
		t.Errorf("below consumed: %v", err)
	}
	priority := int32(3)
	if err := update(Change{Priority: &priority}); err != nil {
		t.Fatal(err)
	}
	f.wantRows("GRANTED G1 +100 = 100", "CONSUMED G1 -40 = 60", "UPDATED G1 +50 = 110", "UPDATED G1 -110 = 0", "UPDATED G1 +0 = 0")
}

func TestW9KeysAndPools(t *testing.T) {
	t.Parallel() // What the ledger sees of idempotency: the first event's row, and a resource's event in its own pool.
	f, r1 := newFixture(t), newFixture(t)
	f.grant("G1", "100", Grant{})
	f.burn("k1", "5")
	r1.burn("k1", "5")
	f.wantRows("GRANTED G1 +100 = 100", "CONSUMED G1 -5 = 95")
	r1.wantRows("CONSUMED OD -5 = -5")
}

func TestW10LateEvent(t *testing.T) {
	t.Parallel() // A late event reclaims an expired remainder inside the grace, and not without one.
	run := func(t *testing.T, grace Time) *fixture {
		f := newFixture(t)
		f.grace = grace
		f.grant("G1", "30", Grant{ExpireAt: at("03-10")})
		f.grant("G2", "100", Grant{Type: Paid, Priority: 1})
		f.now = at("03-09")
		f.burn("e1", "10")
		f.now = at("03-10 00:20")
		f.burnLate("e2", at("03-09 23:50"), "25")
		f.now = at("03-10 01:30")
		f.burnLate("e3", at("03-09 23:55"), "4")
		return f
	}
	f := run(t, hour)
	f.wantRows("GRANTED G1 +30 = 30 @03-01 00:00", "GRANTED G2 +100 = 130 @03-01 00:00", "CONSUMED G1 -10 = 120 @03-09 00:00",
		"EXPIRED G1 -20 = 100 @03-10 00:00", "EXPIRY_REVERSED G1 +20 = 120 @03-10 00:20", "CONSUMED G1 -20 = 100 @03-10 00:20",
		"CONSUMED G2 -5 = 95 @03-10 00:20", "CONSUMED G2 -4 = 91")
	run(t, 0).wantPool("71", "0", "0")
}

func TestLateEventOrder(t *testing.T) {
	t.Parallel() // A reclaimable grant takes its normal place: after a grant that comes first, before one that comes later.
	f := newFixture(t)
	f.grant("First", "5", Grant{ExpireAt: at("04-01")})
	f.grant("Gone", "10", Grant{Priority: 1, ExpireAt: at("03-10")})
	f.grant("Later", "50", Grant{Priority: 2})
	f.grant("Unborn", "10", Grant{EffectiveAt: at("03-09 23:58"), ExpireAt: at("03-10")})
	f.grant("Unpaid", "10", Grant{Type: Paid, AwaitsPayment: true, ExpireAt: at("03-10")})
	f.now = at("03-10 01:00") // the last instant of the grace
	f.sweep()
	f.shown = len(f.rows)
	f.burnLate("e1", at("03-09 23:55"), "20")
	f.wantRows("CONSUMED First -5 = 50", "EXPIRY_REVERSED Gone +10 = 60", "CONSUMED Gone -10 = 50", "CONSUMED Later -5 = 45")
}

func TestLateGraceEnds(t *testing.T) {
	t.Parallel() // The grace includes its last instant and nothing after it; no setting stretches it beyond 72 hours.
	for _, c := range []struct {
		grace, late Time
		reclaimed   bool
	}{{hour, hour, true}, {hour, hour + 1, false}, {100 * hour, MaxLateGrace, true}, {100 * hour, MaxLateGrace + 1, false}, {0, 0, false}} {
		f := newFixture(t)
		f.grace = c.grace
		f.grant("G", "10", Grant{ExpireAt: at("03-10")})
		f.now = at("03-10") + c.late
		f.burnLate("e1", at("03-09 23:59"), "4")
		if got := f.pool.Deficit().IsZero(); got != c.reclaimed {
			t.Errorf("grace %d, late %d: reclaimed %v", c.grace, c.late, got)
		}
	}
}

func TestW17Forgive(t *testing.T) {
	t.Parallel() // A deficit that is written off is gone before the next grant is issued.
	f := newFixture(t)
	f.grant("R-03", "100", Grant{Type: Recurring, ExpireAt: at("04-01")})
	f.now = at("03-20")
	f.burn("e1", "130")
	f.now = at("04-01")
	f.must(func(tx *Tx) error {
		if !f.pool.Forgive(tx) || f.pool.Forgive(tx) {
			t.Errorf("forgive must act exactly once")
		}
		return nil
	})
	f.shown = 3
	f.grant("R-04", "100", Grant{Type: Recurring, ExpireAt: at("05-01")})
	f.wantRows("UPDATED OD +30 = 0", "GRANTED R-04 +100 = 100")
}

func TestW25ResourceIsolation(t *testing.T) {
	t.Parallel() // A resource's pool goes into its own overdraft and leaves the customer's pool alone.
	customer, r1 := newFixture(t), newFixture(t)
	customer.grant("C", "100", Grant{})
	r1.grant("R", "20", Grant{})
	r1.burn("e1", "30")
	r1.wantRows("GRANTED R +20 = 20", "CONSUMED R -20 = 0", "CONSUMED OD -10 = -10")
	r1.wantPool("-10", "0", "10")
	customer.wantPool("100", "0", "0")
}

func TestW32Money(t *testing.T) {
	t.Parallel() // The money of a grant's rows adds up to its cost to the cent.
	f := newFixture(t)
	f.grant("A", "3", Grant{Type: Paid, Cost: usd("10")})
	f.burn("a1", "1")
	f.burn("a2", "1")
	f.burn("a3", "1")
	f.wantRows("GRANTED A +3 = 3", "CONSUMED A -1 = 2 3.33 usd", "CONSUMED A -1 = 1 3.34 usd", "CONSUMED A -1 = 0 3.33 usd")

	f = newFixture(t)
	b := f.grant("B", "1000", Grant{Type: Paid, Cost: usd("99.99"), ExpireAt: at("04-01")})
	deferred := func(want string) {
		t.Helper()
		if g, _ := f.pool.Grant(b); g.Deferred() != usd(want) {
			t.Errorf("deferred %v, want %s", g.Deferred(), want)
		}
	}
	f.burn("b1", "37")
	deferred("96.29")
	f.burn("b2", "400")
	deferred("56.29")
	f.now = at("04-01")
	f.sweep()
	deferred("")
	f.wantRows("GRANTED B +1000 = 1000 @03-01 00:00", "CONSUMED B -37 = 963 3.7 usd @03-01 00:00",
		"CONSUMED B -400 = 563 40 usd @03-01 00:00", "EXPIRED B -563 = 0 56.29 usd")
}

func TestW35Payment(t *testing.T) {
	t.Parallel() // Credits become usable when the method says so, once, and a failure leaves no trace in the ledger.
	start := at("03-01")
	pay := func(f *fixture, id GrantID, payment Payment, usable bool) {
		t.Helper()
		f.must(func(tx *Tx) error { return f.pool.SetPayment(tx, id, payment, usable) })
	}
	card := Grant{Type: Paid, Cost: usd("50"), Payment: PaymentProcessing, AwaitsPayment: true}

	f := newFixture(t) // (a) card, (c) invoice under policy PAID
	id := f.grant("G", "500", card)
	if g, _ := f.pool.Grant(id); g.Status(start) != PaymentPending {
		t.Errorf("status %s", g.Status(start))
	}
	f.now = start + minute
	f.burn("e1", "20")
	f.wantRows("CONSUMED OD -20 = -20")
	f.now = start + 2*minute
	pay(f, id, PaymentPaid, true)
	f.wantRows("GRANTED G +500 = 480", "TRANSFER_SOURCE OD +20 = 500", "TRANSFER_TARGET G -20 = 480 2 usd")
	before := f.txns
	pay(f, id, PaymentPaid, true)
	f.wantRows()
	if g, _ := f.pool.Grant(id); g.Payment != PaymentPaid || f.txns != before+1 {
		t.Errorf("payment %s", g.Payment)
	}

	f = newFixture(t) // (b) invoice under policy ISSUED
	id = f.grant("G", "500", Grant{Type: Paid, Cost: usd("50"), Payment: PaymentProcessing})
	pay(f, id, PaymentPaid, true)
	f.wantRows("GRANTED G +500 = 500")

	f = newFixture(t) // (d) card fails
	id = f.grant("G", "500", card)
	pay(f, id, PaymentFailed, false)
	f.now = start + 7*dayLong
	f.must(func(tx *Tx) error { _, err := f.pool.Void(tx, id); return err })
	f.wantRows()
	if g := f.closedState(id); g.Status(f.now) != Voided || g.Payment != PaymentFailed || !g.Remaining().IsZero() {
		t.Errorf("failed grant: %+v", g)
	}
}
