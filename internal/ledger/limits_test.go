package ledger

import (
	"errors"
	"testing"
)

const most = "999999999999999.999999999"

func TestAmountLimits(t *testing.T) {
	t.Parallel() // What would leave the range is refused and changes nothing.
	f := newFixture(t)
	f.grant("G", "999999999999999", Grant{})
	refused := func(name string, op func(tx *Tx) error) {
		t.Helper()
		before := f.pool.AppendBinary(nil)
		if err := f.do(op); !errors.Is(err, ErrAmountOutOfRange) {
			t.Errorf("%s: %v", name, err)
		}
		if string(before) != string(f.pool.AppendBinary(nil)) {
			t.Errorf("%s changed the pool", name)
		}
	}
	refused("grant", func(tx *Tx) error {
		_, err := f.pool.AddGrant(tx, Grant{Type: Promotional, Amount: amt("1"), ExpireAt: Never})
		return err
	})
	refused("scheduled grant", func(tx *Tx) error {
		_, err := f.pool.AddGrant(tx, Grant{Type: Promotional, Amount: amt("1"), EffectiveAt: f.now + hour, ExpireAt: Never})
		return err
	})
	refused("raise", func(tx *Tx) error { a := amt(most).Add(amt("1")); return f.pool.Update(tx, 1, Change{Amount: &a}) })
	refused("negative burn", func(tx *Tx) error { return f.pool.Burn(tx, amt("-1"), Charge{}) })
	refused("zero consume", func(tx *Tx) error { return f.pool.Consume(tx, amt("0"), Charge{}, false) })
	f.burn("e1", most)
	f.wantPool("-0.999999999", "0", "0.999999999")
	refused("burn", func(tx *Tx) error { return f.pool.Burn(tx, amt("0.000000001"), Charge{}) })
	refused("hold", func(tx *Tx) error {
		_, err := f.pool.Reserve(tx, HoldSpec{ID: "R", Amount: amt("1"), ExpiresAt: f.now + hour, AllowOverdraft: true})
		return err
	})
}

func TestHoldsNeedRoom(t *testing.T) {
	t.Parallel() // What is held counts as if consumed, so that no settle or capture can leave the range.
	f := newFixture(t)
	if _, err := f.tryReserve(HoldSpec{ID: "R", Amount: amt(most), AllowOverdraft: true, Capture: true}); err != nil {
		t.Fatal(err)
	}
	if err := f.do(func(tx *Tx) error { return f.pool.Burn(tx, amt("1"), Charge{}) }); !errors.Is(err, ErrAmountOutOfRange) {
		t.Errorf("burn beside a hold of everything: %v", err)
	}
	f.now += hour
	f.sweep()
	f.wantPool("-"+most, "0", most)
}

func TestStrictConsume(t *testing.T) {
	t.Parallel() // A strict call needs the whole amount available, holds deducted; a plain one overdraws.
	f := newFixture(t)
	f.grant("G", "10", Grant{})
	f.reserve("R", "4")
	consume := func(s string, strict bool) error {
		return f.do(func(tx *Tx) error { return f.pool.Consume(tx, amt(s), Charge{}, strict) })
	}
	var short *Insufficient
	if err := consume("6.000000001", true); !errors.As(err, &short) || short.Available != amt("6") {
		t.Errorf("beyond: %v", err)
	}
	if err := consume("6", true); err != nil {
		t.Errorf("exactly: %v", err)
	}
	if err := consume("1", false); err != nil {
		t.Errorf("plain: %v", err)
	}
	f.wantRows("GRANTED G +10 = 10", "CONSUMED G -6 = 4", "CONSUMED OD -1 = 3")
}

func TestAddGrantRefusals(t *testing.T) {
	t.Parallel() // A grant that breaks a rule is refused with the field's name.
	f := newFixture(t)
	for name, g := range map[string]Grant{
		"Type":      {Type: Overdraft, ExpireAt: Never},
		"ExpireAt":  {Type: Promotional, ExpireAt: f.now},
		"Priority":  {Type: Promotional, ExpireAt: Never, Priority: -1},
		"Cost":      {Type: Promotional, ExpireAt: Never, Cost: usd("1")},
		"ExpireAt ": {Type: Paid, EffectiveAt: f.now + hour, ExpireAt: f.now + hour},
		"Cost ":     {Type: Paid, ExpireAt: Never, Cost: usd("-1")},
		"Cost  ":    {Type: Paid, ExpireAt: Never, Cost: usd(most)},
	} {
		g.Amount = amt("1")
		err := f.do(func(tx *Tx) error { _, err := f.pool.AddGrant(tx, g); return err })
		var field *FieldError
		if !errors.As(err, &field) || field.Field[:4] != name[:4] {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.wantRows()
}

func TestUpdateRules(t *testing.T) {
	t.Parallel() // What may change depends on type and status; an expiry in the past means now.
	f := newFixture(t)
	od := GrantID(0)
	paid := f.grant("P", "10", Grant{Type: Paid, Cost: usd("1")})
	promo := f.grant("M", "10", Grant{Priority: 1})
	scheduled := f.grant("S", "10", Grant{EffectiveAt: f.now + hour})
	f.burn("e1", "25")
	if g, ok := f.pool.OpenOverdraft(); ok {
		od = g.ID
	}
	f.shown = len(f.rows)
	update := func(id GrantID, c Change) error {
		return f.do(func(tx *Tx) error { return f.pool.Update(tx, id, c) })
	}
	now, past, later, a, free := f.now, f.now-hour, f.now+2*hour, amt("20"), Money{}
	var field *FieldError
	for name, err := range map[string]error{
		"amount of paid":         update(paid, Change{Amount: &a}),
		"cost after consumption": update(paid, Change{Cost: &free}),
		"start of active":        update(promo, Change{EffectiveAt: &later}),
		"start after end":        update(scheduled, Change{EffectiveAt: &later, ExpireAt: &later}),
	} {
		if !errors.As(err, &field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := update(od, Change{Texts: true}); !errors.Is(err, ErrOverdraftImmutable) {
		t.Errorf("overdraft: %v", err)
	}
	f.wantRows()
	if g, _ := f.pool.Grant(promo); g.DepletedAt != now {
		t.Errorf("not depleted: %+v", g)
	}
	for _, c := range []struct {
		id GrantID
		c  Change
	}{
		{promo, Change{}}, {promo, Change{Texts: true}}, {promo, Change{Amount: &a}}, {promo, Change{ExpireAt: &past}},
		{scheduled, Change{Amount: &a}}, {scheduled, Change{EffectiveAt: &now}},
	} {
		if err := update(c.id, c.c); err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	f.wantRows("UPDATED M +0 = -5", "UPDATED M +10 = 5", "TRANSFER_SOURCE OD +5 = 10", "TRANSFER_TARGET M -5 = 5",
		"UPDATED M +0 = 5", "EXPIRED M -5 = 0", "UPDATED S +0 = 0", "UPDATED S +0 = 0", "GRANTED S +20 = 20")
	if g, _ := f.pool.Grant(promo); g.DepletedAt != 0 || g.ExpireAt != now || g.ExpiredAt != now {
		t.Errorf("raised, and expired in the past, which means now: %+v", g)
	}
	if err := update(promo, Change{Texts: true}); !errors.Is(err, ErrGrantExpired) {
		t.Errorf("expired: %v", err)
	}
}

func TestExpiryFromActivation(t *testing.T) {
	t.Parallel() // An expiry given as a duration starts at activation; a payment after the expiry gives nothing.
	f := newFixture(t)
	id := f.grant("G", "10", Grant{Type: Paid, AwaitsPayment: true})
	late := f.grant("L", "10", Grant{Type: Paid, AwaitsPayment: true, ExpireAt: f.now + hour})
	f.now += 2 * hour
	f.must(func(tx *Tx) error {
		if err := f.pool.SetExpiry(tx, id, f.now+hour); err != nil {
			return err
		}
		return f.pool.SetPayment(tx, id, PaymentPaid, true)
	})
	f.must(func(tx *Tx) error { return f.pool.SetPayment(tx, late, PaymentPaid, true) })
	if g, _ := f.pool.Grant(late); g.Status(f.now) != Expired || g.Payment != PaymentPaid {
		t.Errorf("paid after expiry: %+v", g)
	}
	f.wantRows("GRANTED G +10 = 10")
	f.now += hour
	f.sweep()
	f.wantRows("EXPIRED G -10 = 0")
}

func TestPostingTime(t *testing.T) {
	t.Parallel() // A clock that runs back never takes posting times with it.
	f := newFixture(t)
	f.grant("G", "10", Grant{})
	f.now -= hour
	f.burn("e1", "1")
	if got := f.pool.LastPostedAt(); got != at("03-01") {
		t.Errorf("posted at %d", got)
	}
}

func TestGrantsAreForgotten(t *testing.T) {
	t.Parallel() // Expired grants stay for the longest grace, then the next row drops them; depleted ones stay open.
	f := newFixture(t)
	expired := f.grant("E", "10", Grant{ExpireAt: at("03-02")})
	depleted := f.grant("D", "10", Grant{})
	f.burn("e1", "20")
	for date, open := range map[string]bool{"03-05": true, "03-06": false} {
		p := f.pool.Clone()
		tx := newBenchTx()
		tx.Now, tx.NewGrant = at(date), func() GrantID { return 99 }
		if err := p.Burn(tx, amt("1"), Charge{}); err != nil {
			t.Fatal(err)
		}
		if _, ok := p.Grant(expired); ok != open {
			t.Errorf("%s: expired grant open %v, want %v", date, ok, open)
		}
		if _, ok := p.Grant(depleted); !ok {
			t.Errorf("%s: the depleted grant is gone", date)
		}
	}
}
