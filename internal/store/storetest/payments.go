package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func sampleOrder(id string, no int64) *credits.Order {
	cost := ledger.Money{Amount: amount.FromInt(50), Currency: "usd"}
	return &credits.Order{No: no, ID: id, RequestKey: "key " + id, State: credits.OrderOpen, Attempts: 1, CreatedAt: 5,
		Grant: credits.NewGrant{Customer: "a", CreditType: "tokens", Amount: amount.FromInt(5), Cost: &cost, Collection: credits.CollectInvoice}}
}

func sampleAttempt(id, order string, no int64) *credits.PaymentAttempt {
	return &credits.PaymentAttempt{No: no, ID: id, OrderID: order, Number: 1, Customer: "a", CreditType: "tokens", State: credits.AttemptPending,
		Credits: amount.FromInt(5), NextAt: 10}
}

func orders(t *testing.T, s credits.Store) {
	// An order comes back as written last, by id, request and grant, and one request has one order.
	addCustomers(t, s, envA, "a")
	o := sampleOrder("o", 10)
	update(t, s, func(tx credits.Tx) error { return tx.InsertOrder(t.Context(), envA, o) })
	again := sampleOrder("p", 11)
	again.RequestKey = o.RequestKey
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertOrder(t.Context(), envA, again) })
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second order of one request: %v, want ErrTaken", err)
	}
	update(t, s, func(tx credits.Tx) error {
		locked, err := tx.LockOrder(t.Context(), envA, "o")
		if err != nil {
			return err
		}
		locked.GrantID, locked.UnpaidAt, locked.Flags = 7, 20, []string{credits.FlagDisputed}
		o = locked
		return tx.UpdateOrder(t.Context(), envA, locked)
	})
	view(t, s, func(tx credits.Tx) error {
		byID, err1 := tx.Order(t.Context(), envA, "o")
		byKey, err2 := tx.OrderByKey(t.Context(), envA, "key o")
		byGrant, err3 := tx.OrdersOfGrants(t.Context(), envA, []ledger.GrantID{7, 8})
		same(t, byID, o)
		same(t, byKey, o)
		same(t, byGrant, []*credits.Order{o})
		early, err4 := tx.UnpaidOrders(t.Context(), envA, 19, 5)
		due, err5 := tx.UnpaidOrders(t.Context(), envA, 20, 5)
		next, err6 := tx.NextUnpaid(t.Context(), envA)
		none, err7 := tx.NextUnpaid(t.Context(), envB)
		if got := fmt.Sprint(early, due, next, none == ledger.Never); got != "[] [o] 20 true" {
			t.Errorf("unpaid orders: %s", got)
		}
		_, missing := tx.OrderByKey(t.Context(), envA, "")
		if _, err := tx.Order(t.Context(), envB, "o"); !errors.Is(err, credits.ErrMissing) || !errors.Is(missing, credits.ErrMissing) {
			t.Errorf("missing orders: %v and %v, want ErrMissing", err, missing)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
}

func paymentAttempts(t *testing.T, s credits.Store) {
	// One attempt of an order is unsettled at a time, one automatic one of a pool, and a claim shuts everybody else out.
	addCustomers(t, s, envA, "a")
	first := sampleAttempt("x", "o", 20)
	first.Automatic = true
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.InsertOrder(t.Context(), envA, sampleOrder("o", 10)), tx.InsertOrder(t.Context(), envA, sampleOrder("p", 11)),
			tx.InsertAttempt(t.Context(), envA, first))
	})
	second, automatic := sampleAttempt("y", "o", 21), sampleAttempt("y", "p", 21)
	automatic.Automatic = true
	for name, a := range map[string]*credits.PaymentAttempt{"of one order": second, "automatic": automatic} {
		err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertAttempt(t.Context(), envA, a) })
		if !errors.Is(err, credits.ErrTaken) {
			t.Errorf("second unsettled attempt, %s: %v, want ErrTaken", name, err)
		}
	}
	claim := func(id string, now ledger.Time) []*credits.PaymentAttempt {
		var claimed []*credits.PaymentAttempt
		update(t, s, func(tx credits.Tx) (err error) {
			claimed, err = tx.ClaimAttempts(t.Context(), envA, id, now, now+100, 5)
			return err
		})
		return claimed
	}
	if early, other := claim("", 9), claim("z", 10); len(early)+len(other) != 0 {
		t.Errorf("claimed %d early and %d others", len(early), len(other))
	}
	got := claim("x", 10)
	if len(got) != 1 || got[0].Fence != 1 || got[0].LeaseUntil != 110 {
		t.Fatalf("claimed %+v", got)
	}
	if again := claim("", 109); len(again) != 0 {
		t.Error("claimed while leased")
	}
	if taken := claim("", 110); len(taken) != 1 || taken[0].Fence != 2 {
		t.Errorf("after the lease: %+v", taken)
	}
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.UpdateAttempt(t.Context(), envA, got[0]) })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("a write under an old fence: %v, want ErrMissing", err)
	}
	settleAttempt(t, s)
	update(t, s, func(tx credits.Tx) error { return tx.InsertAttempt(t.Context(), envA, second) })
	view(t, s, func(tx credits.Tx) error {
		ofOrder, err1 := tx.AttemptsOf(t.Context(), envA, "o")
		paid, err2 := tx.Attempts(t.Context(), envA, credits.AttemptFilter{Customer: "a", Grant: 7, States: []credits.AttemptState{credits.AttemptPaid}}, credits.Page{})
		next, err3 := tx.NextAttempt(t.Context(), envA)
		if len(ofOrder) != 2 || ofOrder[0].ID != "x" || ofOrder[0].GrantID != 7 || len(paid) != 1 || next != 10 {
			t.Errorf("%d attempts of the order, %d paid, next at %d", len(ofOrder), len(paid), next)
		}
		return errors.Join(err1, err2, err3)
	})
}

// settleAttempt takes attempt x over and settles it.
func settleAttempt(t *testing.T, s credits.Store) {
	t.Helper()
	update(t, s, func(tx credits.Tx) error {
		a, err := tx.LockAttempt(t.Context(), envA, "x", 0)
		if err != nil {
			return err
		}
		if _, err := tx.LockAttempt(t.Context(), envA, "x", a.Fence-1); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("lock under an old fence: %v, want ErrMissing", err)
		}
		if a, err = tx.LockAttempt(t.Context(), envA, "x", a.Fence); err != nil {
			return err
		}
		a.State, a.NextAt, a.LeaseUntil = credits.AttemptPaid, ledger.Never, 0
		return errors.Join(tx.UpdateAttempt(t.Context(), envA, a), tx.SetAttemptsGrant(t.Context(), envA, "o", 7))
	})
	view(t, s, func(tx credits.Tx) error {
		next, err := tx.NextAttempt(t.Context(), envA)
		if next != ledger.Never {
			t.Errorf("work is due at %d, want never", next)
		}
		a, missing := tx.Attempt(t.Context(), envA, "x")
		if missing != nil || a.State != credits.AttemptPaid {
			t.Errorf("the attempt: %+v (%v)", a, missing)
		}
		return err
	})
}

func paymentMethods(t *testing.T, s credits.Store) {
	// Payment methods come back as written last, the oldest first, to their customer only.
	addCustomers(t, s, envA, "a", "b")
	m := &credits.StoredMethod{No: 10, ID: "pm", Customer: "a", Provider: "fake", Default: true, Method: credits.PaymentMethod{Type: "CARD"}, CreatedAt: 3}
	update(t, s, func(tx credits.Tx) error { return tx.PutPaymentMethod(t.Context(), envA, m) })
	m.Default = false
	update(t, s, func(tx credits.Tx) error { return tx.PutPaymentMethod(t.Context(), envA, m) })
	view(t, s, func(tx credits.Tx) error {
		ofA, errA := tx.PaymentMethods(t.Context(), envA, "a")
		ofB, errB := tx.PaymentMethods(t.Context(), envA, "b")
		same(t, ofA, []*credits.StoredMethod{m})
		if len(ofB) != 0 {
			t.Errorf("customer b has %d methods", len(ofB))
		}
		return errors.Join(errA, errB)
	})
	update(t, s, func(tx credits.Tx) error { return tx.DeletePaymentMethod(t.Context(), envA, "a", "pm") })
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.DeletePaymentMethod(t.Context(), envA, "a", "pm") })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("delete of a missing method: %v, want ErrMissing", err)
	}
}

func invoices(t *testing.T, s credits.Store) {
	// Invoices come back in every order, both ways, page by page, and through every filter.
	addCustomers(t, s, envA, "a")
	due := []ledger.Time{300, 100, 200}
	total := []int64{5, 5, 1}
	update(t, s, func(tx credits.Tx) error {
		for i := range due {
			n := int64(i + 1)
			if err := tx.InsertOrder(t.Context(), envA, sampleOrder(fmt.Sprint("o", n), 10+n)); err != nil {
				return err
			}
			in := &credits.Invoice{No: 20 + n, ID: fmt.Sprint("i", n), Number: n, Customer: "a", OrderID: fmt.Sprint("o", n), State: credits.InvoiceOpen,
				IssuedAt: ledger.Time(10 * n), DueAt: due[i]}
			if err := tx.InsertInvoice(t.Context(), envA, in, total[i]); err != nil {
				return err
			}
		}
		third, err := tx.InvoiceOf(t.Context(), envA, "o3")
		if err != nil {
			return err
		}
		third.State = credits.InvoiceSettled
		return tx.UpdateInvoice(t.Context(), envA, third)
	})
	from := ledger.Time(20)
	for _, test := range []struct {
		filter credits.InvoiceFilter
		page   credits.Page
		want   string
	}{
		{credits.InvoiceFilter{}, credits.Page{}, "i1 i2 i3"},
		{credits.InvoiceFilter{Descending: true}, credits.Page{}, "i3 i2 i1"},
		{credits.InvoiceFilter{OrderBy: credits.InvoicesByDue}, credits.Page{}, "i2 i3 i1"},
		{credits.InvoiceFilter{OrderBy: credits.InvoicesByTotal}, credits.Page{}, "i3 i1 i2"},
		{credits.InvoiceFilter{OrderBy: credits.InvoicesByTotal}, credits.Page{After: 21}, "i2"},
		{credits.InvoiceFilter{OrderBy: credits.InvoicesByTotal}, credits.Page{Before: 22}, "i3 i1"},
		{credits.InvoiceFilter{OrderBy: credits.InvoicesByDue, Descending: true}, credits.Page{After: 21}, "i3 i2"},
		{credits.InvoiceFilter{States: []credits.InvoiceState{credits.InvoiceSettled}}, credits.Page{}, "i3"},
		{credits.InvoiceFilter{Issued: credits.TimeRange{From: &from}}, credits.Page{}, "i2 i3"},
	} {
		test.filter.Customer = "a"
		view(t, s, func(tx credits.Tx) error {
			list, err := tx.Invoices(t.Context(), envA, test.filter, test.page)
			got := ""
			for _, i := range list {
				got += " " + i.ID
			}
			if got != " "+test.want {
				t.Errorf("%+v %+v: %s, want %s", test.filter, test.page, got, test.want)
			}
			return err
		})
	}
	view(t, s, func(tx credits.Tx) error {
		last, err := tx.LastInvoiceNumber(t.Context(), envA)
		none, errB := tx.LastInvoiceNumber(t.Context(), envB)
		if _, missing := tx.InvoiceOf(t.Context(), envA, "o9"); last != 3 || none != 0 || !errors.Is(missing, credits.ErrMissing) {
			t.Errorf("last numbers %d and %d, missing invoice %v", last, none, missing)
		}
		return errors.Join(err, errB)
	})
}
