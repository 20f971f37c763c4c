package ledger

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) mustReverse(event string, replace *Grant) GrantID {
	f.t.Helper()
	id, err := f.reverse(event, replace)
	if err != nil {
		f.t.Fatalf("reverse: %v", err)
	}
	return id
}

func TestW31Reversal(t *testing.T) {
	t.Parallel() // A reversal returns slices newest first; what returns to an expired grant expires or is replaced.
	setup := func(t *testing.T, date string) *fixture {
		f := newFixture(t)
		f.grant("B", "25", Grant{ExpireAt: at("04-01")})
		f.grant("A", "50", Grant{Type: Paid, Cost: usd("5")})
		f.burn("e1", "60")
		f.wantRows("GRANTED B +25 = 25", "GRANTED A +50 = 75", "CONSUMED B -25 = 50", "CONSUMED A -35 = 15 3.5 usd")
		f.now = at(date)
		return f
	}
	f := setup(t, "03-03")
	f.mustReverse("e1", nil)
	f.wantRows("CONSUMPTION_REVERSED A +35 = 50 -3.5 usd", "CONSUMPTION_REVERSED B +25 = 75")

	want := []string{"CONSUMPTION_REVERSED A +35 = 50 -3.5 usd", "CONSUMPTION_REVERSED B +25 = 75", "EXPIRED B -25 = 50"}
	f = setup(t, "04-02") // B is still kept for late events
	f.mustReverse("e1", nil)
	f.wantRows(want...)

	f = setup(t, "04-02")
	f.sweep()
	f.now = at("04-10") // B is forgotten by the first row
	f.mustReverse("e1", nil)
	f.wantRows(want...)

	f = setup(t, "04-10")
	f.burn("e2", "1") // B is forgotten before
	f.shown = len(f.rows)
	f.mustReverse("e1", nil)
	f.wantRows("CONSUMPTION_REVERSED A +35 = 49 -3.5 usd", "CONSUMPTION_REVERSED B +25 = 74", "EXPIRED B -25 = 49")

	f = setup(t, "04-02")
	id := f.mustReverse("e1", &Grant{ExpireAt: at("05-01")})
	f.names[id] = "N"
	f.wantRows(append(want, "GRANTED N +25 = 75")...)
	if g, ok := f.pool.Grant(id); !ok || g.Type != Promotional || g.ExpireAt != at("05-01") {
		t.Errorf("replacement: %+v", g)
	}
}

func TestReversalKeepsItsBearers(t *testing.T) {
	t.Parallel() // A bearer that the reversal's own first row makes the pool forget is recalled without the caller.
	f := newFixture(t)
	b := f.grant("B", "25", Grant{ExpireAt: at("04-01")})
	a := f.grant("A", "50", Grant{})
	f.burn("e1", "60")
	f.now = at("04-02")
	f.sweep()
	f.must(func(tx *Tx) error { return f.pool.Update(tx, a, Change{Texts: true}) })
	f.now = at("04-20")
	f.shown = len(f.rows)
	f.must(func(tx *Tx) error {
		_, err := f.pool.Reverse(tx, Reversal{Borne: []Bearer{{Grant: a, Amount: amt("35")}, {Grant: b, Amount: amt("25")}}})
		return err
	})
	f.wantRows("CONSUMPTION_REVERSED A +35 = 50", "CONSUMPTION_REVERSED B +25 = 75", "EXPIRED B -25 = 50")
}

func TestReversalOfSettledDeficit(t *testing.T) {
	t.Parallel() // What went to the overdraft and was settled since returns to the settling grant, first in first out.
	f := newFixture(t)
	f.burn("e1", "10")
	f.burn("e2", "30")
	f.burn("e3", "5")
	g1 := f.grant("G1", "25", Grant{Type: Paid, Cost: usd("25")})
	od, _ := f.pool.OpenOverdraft()
	got := BearersNow(f.rowsOf("e2"), f.overdraftRows())
	want := []Bearer{{od.ID, amt("15"), Charge{Feature: "feature"}}, {g1, amt("15"), Charge{Feature: "feature"}}}
	if diff := cmp.Diff(want, got, cmp.Comparer(equalAmount)); diff != "" {
		t.Errorf("bearers (-want +got):\n%s", diff)
	}
	f.shown = len(f.rows)
	f.mustReverse("e2", nil)
	f.wantRows("CONSUMPTION_REVERSED OD +15 = -5", "CONSUMPTION_REVERSED G1 +15 = 10 -15 usd", "TRANSFER_SOURCE OD +5 = 15", "TRANSFER_TARGET G1 -5 = 10 5 usd")
	f.wantPool("10", "0", "0")

	f.shown = len(f.rows)
	f.mustReverse("e3", nil) // e2's own unsettled part is out of the queue by now
	f.wantRows("CONSUMPTION_REVERSED G1 +5 = 15 -5 usd")
	f.mustReverse("e1", nil)
	f.wantRows("CONSUMPTION_REVERSED G1 +10 = 25 -10 usd")
}

func TestReversalToVoidedAndForgiven(t *testing.T) {
	t.Parallel() // What returns to a voided grant is voided again; what was forgiven returns to nobody.
	f := newFixture(t)
	g := f.grant("G", "10", Grant{Type: Paid, Cost: usd("1")})
	f.burn("e1", "25")
	f.must(func(tx *Tx) error { _, err := f.pool.Void(tx, g); return err })
	f.must(func(tx *Tx) error { f.pool.Forgive(tx); return nil })
	f.shown = len(f.rows)
	f.mustReverse("e1", nil)
	f.wantRows("CONSUMPTION_REVERSED G +10 = 10 -1 usd", "VOIDED G -10 = 0 1 usd")
}

func TestReverseRefusals(t *testing.T) {
	t.Parallel() // A reversal that does not fit its grants changes nothing.
	f := newFixture(t)
	g := f.grant("G", "10", Grant{})
	f.burn("e1", "4")
	f.shown = len(f.rows)
	for _, c := range []struct {
		borne []Bearer
		want  error
	}{
		{[]Bearer{{Grant: 99, Amount: amt("1")}}, ErrGrantNotFound},
		{[]Bearer{{Grant: g, Amount: amt("0")}}, ErrAmountOutOfRange},
		{[]Bearer{{Grant: g, Amount: amt("3")}, {Grant: g, Amount: amt("2")}}, ErrAmountOutOfRange},
	} {
		err := f.do(func(tx *Tx) error { _, err := f.pool.Reverse(tx, Reversal{Borne: c.borne}); return err })
		if !errors.Is(err, c.want) {
			t.Errorf("%v: got %v, want %v", c.borne, err, c.want)
		}
	}
	f.wantRows()
}
