package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// addCustomers inserts customers c1, c2, … with row numbers from the store and the number as instant of creation.
func addCustomers(t *testing.T, s credits.Store, env string, ids ...string) {
	t.Helper()
	update(t, s, func(tx credits.Tx) error {
		for _, id := range ids {
			no, err := tx.NextNo(t.Context(), env)
			if err != nil {
				return err
			}
			c := &credits.Customer{No: no, ID: id, CreatedAt: ledger.Time(no)}
			if err := tx.InsertCustomer(t.Context(), env, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func customers(t *testing.T, s credits.Store) {
	// A customer comes back as written last, by id and through every filter.
	c := &credits.Customer{No: 1, ID: "a", Name: "Ann", Email: "a@x.io", Metadata: map[string]string{"k": "v"}, CreatedAt: 10, UpdatedAt: 10,
		PaymentMethod: &credits.PaymentMethod{Type: "CARD"}, Integrations: []credits.Integration{{ID: "i", Vendor: "STRIPE"}}}
	update(t, s, func(tx credits.Tx) error { return tx.InsertCustomer(t.Context(), envA, c) })
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertCustomer(t.Context(), envA, c) })
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second customer of the same id: %v, want ErrTaken", err)
	}
	c.Name, c.Email, c.ArchivedAt = "Anna", "b@x.io", 20
	update(t, s, func(tx credits.Tx) error { return tx.UpdateCustomer(t.Context(), envA, c) })
	ten, eleven := ledger.Time(10), ledger.Time(11)
	filters := []struct {
		filter credits.CustomerFilter
		found  bool
	}{
		{credits.CustomerFilter{}, true},
		{credits.CustomerFilter{Name: "Anna", Email: "b@x.io"}, true},
		{credits.CustomerFilter{Name: "Ann"}, false},
		{credits.CustomerFilter{Email: "B@x.io"}, false},
		{credits.CustomerFilter{Created: credits.TimeRange{From: &ten, Before: &eleven}}, true},
		{credits.CustomerFilter{Created: credits.TimeRange{Through: &ten}}, true},
		{credits.CustomerFilter{Created: credits.TimeRange{After: &ten}}, false},
	}
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.Customer(t.Context(), envA, "a")
		same(t, got, c)
		for _, f := range filters {
			list, err := tx.Customers(t.Context(), envA, f.filter, credits.Page{})
			if err != nil || (len(list) == 1) != f.found {
				t.Errorf("filter %+v found %d (%v), want found = %v", f.filter, len(list), err, f.found)
			}
		}
		if _, err := tx.Customer(t.Context(), envA, "none"); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("missing customer: %v, want ErrMissing", err)
		}
		return err
	})
}

func subscriptions(t *testing.T, s credits.Store) {
	// A subscription comes back as written last, alone and among those of its customer.
	addCustomers(t, s, envA, "a", "b")
	price := amount.FromInt(2)
	sub := &credits.Subscription{No: 3, ID: "s", CustomerID: "a", ResourceID: "r", ProductID: "app", PlanID: "pro", PricingType: credits.PricingPaid,
		Versions: []credits.PlanSpan{{From: 5, PlanID: "pro", Version: 1, Addons: []credits.SubscribedAddon{{ID: "x", Version: 2, Quantity: 3}},
			Overrides: []credits.PriceOverride{{ID: "o", CreditTypeID: "tokens", Amount: &price, Currency: "usd"}}}},
		StartAt: 5, CreatedAt: 5, Metadata: map[string]string{"k": "v"}}
	update(t, s, func(tx credits.Tx) error { return tx.InsertSubscription(t.Context(), envA, sub) })
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertSubscription(t.Context(), envA, sub) })
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second subscription of the same id: %v, want ErrTaken", err)
	}
	sub.EndAt, sub.CanceledAt, sub.CancelReason = 9, 9, "Immediate"
	update(t, s, func(tx credits.Tx) error { return tx.UpdateSubscription(t.Context(), envA, sub) })
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.Subscription(t.Context(), envA, "s")
		same(t, got, sub)
		ofA, errA := tx.SubscriptionsOf(t.Context(), envA, "a")
		same(t, ofA, []*credits.Subscription{sub})
		ofB, errB := tx.SubscriptionsOf(t.Context(), envA, "b")
		if len(ofB) != 0 {
			t.Errorf("customer b has %d subscriptions, want none", len(ofB))
		}
		return errors.Join(err, errA, errB)
	})
}

// walk reads all pages in one direction and returns the ids page by page.
func walk(t *testing.T, s credits.Store, page credits.Page, step func(credits.List[*credits.Customer]) (credits.Page, bool)) [][]string {
	t.Helper()
	var pages [][]string
	for range 20 {
		var list credits.List[*credits.Customer]
		view(t, s, func(tx credits.Tx) error {
			rows, err := tx.Customers(t.Context(), envA, credits.CustomerFilter{}, page)
			list = credits.MakeList(page, rows)
			return err
		})
		var ids []string
		for _, c := range list.Items {
			ids = append(ids, c.ID)
		}
		pages = append(pages, ids)
		next, more := step(list)
		if !more {
			return pages
		}
		page = next
	}
	t.Fatal("paging does not end")
	return nil
}

func paging(t *testing.T, s credits.Store) {
	// Walking forwards and backwards shows every row once, newest first.
	addCustomers(t, s, envA, "c1", "c2", "c3", "c4", "c5")
	forward := walk(t, s, credits.Page{Limit: 2}, func(l credits.List[*credits.Customer]) (credits.Page, bool) {
		return credits.Page{After: l.Next, Limit: 2}, l.Next != 0
	})
	same(t, forward, [][]string{{"c5", "c4"}, {"c3", "c2"}, {"c1"}})
	backward := walk(t, s, credits.Page{Before: 1, Limit: 2}, func(l credits.List[*credits.Customer]) (credits.Page, bool) {
		return credits.Page{Before: l.Prev, Limit: 2}, l.Prev != 0
	})
	same(t, backward, [][]string{{"c3", "c2"}, {"c5", "c4"}})
}

func pagingStable(t *testing.T, s credits.Store) {
	// Rows that are added while someone walks forwards are not shown, and none is shown twice or left out.
	addCustomers(t, s, envA, "c1", "c2", "c3", "c4")
	n := 0
	pages := walk(t, s, credits.Page{Limit: 2}, func(l credits.List[*credits.Customer]) (credits.Page, bool) {
		n++
		addCustomers(t, s, envA, fmt.Sprintf("late%d", n))
		return credits.Page{After: l.Next, Limit: 2}, l.Next != 0
	})
	same(t, pages, [][]string{{"c4", "c3"}, {"c2", "c1"}})
}

func environmentIsolation(t *testing.T, s credits.Store) {
	// The same ids live side by side in two environments, and each sees its own only.
	addCustomers(t, s, envA, "a")
	addCustomers(t, s, envB, "a", "b")
	update(t, s, func(tx credits.Tx) error {
		c, err := tx.LockCustomer(t.Context(), envB, "a")
		if err != nil {
			return err
		}
		c.Name = "of B"
		return tx.UpdateCustomer(t.Context(), envB, c)
	})
	view(t, s, func(tx credits.Tx) error {
		a, err := tx.Customer(t.Context(), envA, "a")
		if err == nil && a.Name != "" {
			t.Errorf("a change in one environment shows in the other: %q", a.Name)
		}
		list, listErr := tx.Customers(t.Context(), envA, credits.CustomerFilter{}, credits.Page{})
		if len(list) != 1 {
			t.Errorf("environment A lists %d customers, want 1", len(list))
		}
		_, missing := tx.Customer(t.Context(), envA, "b")
		if !errors.Is(missing, credits.ErrMissing) {
			t.Errorf("foreign customer: %v, want ErrMissing", missing)
		}
		return errors.Join(err, listErr)
	})
}

func references(t *testing.T, s credits.Store) {
	// Nothing can refer to a row of another environment.
	addCustomers(t, s, envA, "a")
	err := s.Update(t.Context(), func(tx credits.Tx) error {
		return tx.InsertSubscription(t.Context(), envB, &credits.Subscription{No: 1, ID: "s", CustomerID: "a"})
	})
	if err == nil {
		t.Error("a subscription for a foreign customer was stored")
	}
}

func rollback(t *testing.T, s credits.Store) {
	// After an error nothing of the transaction is stored, and the error comes back as it was.
	refused := errors.New("refused")
	err := s.Update(t.Context(), func(tx credits.Tx) error {
		if err := tx.InsertCustomer(t.Context(), envA, &credits.Customer{No: 1, ID: "a"}); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("error is %v, want the one returned inside", err)
	}
	err = s.View(t.Context(), func(tx credits.Tx) error { _, err := tx.Customer(t.Context(), envA, "a"); return err })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("customer after rollback: %v, want ErrMissing", err)
	}
}

func viewCannotWrite(t *testing.T, s credits.Store) {
	// A read-only transaction refuses to write.
	err := s.View(t.Context(), func(tx credits.Tx) error {
		return tx.InsertCustomer(t.Context(), envA, &credits.Customer{No: 1, ID: "a"})
	})
	if err == nil {
		t.Error("View has written")
	}
	addCustomers(t, s, envA, "a")
}

// inParallel runs fn from eight goroutines, 25 times each.
func inParallel(fn func() error) error {
	const goroutines, times = 8, 25
	var wg sync.WaitGroup
	errs := make([]error, goroutines)
	for g := range goroutines {
		wg.Go(func() {
			for range times {
				errs[g] = errors.Join(errs[g], fn())
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func concurrentRowNumbers(t *testing.T, s credits.Store) {
	// Concurrent writers all succeed, and row numbers are unique without a gap.
	var mu sync.Mutex
	seen := map[int64]bool{}
	err := inParallel(func() error {
		return s.Update(t.Context(), func(tx credits.Tx) error {
			no, err := tx.NextNo(t.Context(), envA)
			mu.Lock()
			defer mu.Unlock()
			seen[no] = true
			return err
		})
	})
	if err != nil || len(seen) != 200 || !seen[1] || !seen[200] {
		t.Errorf("%d row numbers (%v), want 1 to 200", len(seen), err)
	}
}

func concurrentReadModify(t *testing.T, s credits.Store) {
	// No change is lost when many read a customer under its lock and write it back.
	addCustomers(t, s, envA, "a")
	err := inParallel(func() error {
		return s.Update(t.Context(), func(tx credits.Tx) error {
			c, err := tx.LockCustomer(t.Context(), envA, "a")
			if err != nil {
				return err
			}
			c.UpdatedAt++
			return tx.UpdateCustomer(t.Context(), envA, c)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	view(t, s, func(tx credits.Tx) error {
		c, err := tx.Customer(t.Context(), envA, "a")
		if err == nil && c.UpdatedAt != 200 {
			t.Errorf("%d changes kept, want 200", c.UpdatedAt)
		}
		return err
	})
}

func readsFollowOwnWrites(t *testing.T, s credits.Store) {
	// A View sees every Update that returned before it.
	for i := range 50 {
		id := fmt.Sprint("c", i)
		addCustomers(t, s, envA, id)
		view(t, s, func(tx credits.Tx) error { _, err := tx.Customer(t.Context(), envA, id); return err })
	}
}

func grantKeys(t *testing.T, s credits.Store) {
	// A key belongs to the first customer who takes it, in each environment by itself.
	bind := func(env, key, customer string) (owner string) {
		update(t, s, func(tx credits.Tx) (err error) {
			owner, err = tx.BindGrantKey(t.Context(), env, key, customer)
			return err
		})
		return owner
	}
	view(t, s, func(tx credits.Tx) error {
		if owner, err := tx.GrantKeyOwner(t.Context(), envA, "k"); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("a key that nobody took belongs to %q, %v", owner, err)
		}
		return nil
	})
	for _, c := range []struct{ env, key, customer, want string }{
		{envA, "k", "c1", "c1"}, {envA, "k", "c2", "c1"}, {envA, "k", "c1", "c1"}, {envB, "k", "c2", "c2"}, {envA, "K", "c2", "c2"},
	} {
		if owner := bind(c.env, c.key, c.customer); owner != c.want {
			t.Errorf("key %s of %s in %s belongs to %s, want %s", c.key, c.customer, c.env, owner, c.want)
		}
	}
	view(t, s, func(tx credits.Tx) error {
		owner, err := tx.GrantKeyOwner(t.Context(), envA, "k")
		if owner != "c1" {
			t.Errorf("the key belongs to %q, %v", owner, err)
		}
		return err
	})
}
