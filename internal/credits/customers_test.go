package credits_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
)

func TestProvisionCustomer_refusals(t *testing.T) {
	// Each broken rule is refused with its code and field.
	t.Parallel()
	w := setup(t)
	w.customer("ann")
	cases := []struct {
		code, field string
		in          credits.NewCustomer
	}{
		{credits.CodeDuplicate, "id", credits.NewCustomer{ID: "ann"}},
		{credits.CodeInvalid, "id", credits.NewCustomer{ID: "@ann"}},
		{credits.CodeInvalid, "email", credits.NewCustomer{ID: "bob", Email: "not an address"}},
		{credits.CodeInvalid, "email", credits.NewCustomer{ID: "bob", Email: "Bob <bob@x.io>"}},
		{credits.CodeInvalid, "name", credits.NewCustomer{ID: "bob", Name: strings.Repeat("n", 256)}},
		{credits.CodeInvalid, "billingCurrency", credits.NewCustomer{ID: "bob", BillingCurrency: "xxx"}},
	}
	for _, tc := range cases {
		_, err := w.ProvisionCustomer(w.ctx, env, actor, tc.in)
		wantError(t, err, tc.code, tc.field)
	}
	_, err := w.Customer(w.ctx, env, "bob")
	wantError(t, err, "CustomerNotFound", "")
	_, err = w.Customer(w.ctx, credits.EnvironmentProduction, "ann")
	wantError(t, err, "CustomerNotFound", "")
}

func TestUpdateCustomer(t *testing.T) {
	// Only what was sent changes, empty clears, and readers see it at once.
	t.Parallel()
	w := setup(t)
	must[*credits.Customer](t)(w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: "ann", Name: "Ann", Email: "a@x.io", Metadata: map[string]string{"a": "b"}}))
	must[*credits.Customer](t)(w.Customer(w.ctx, env, "ann"))
	w.tick(second)
	must[*credits.Customer](t)(w.UpdateCustomer(w.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set("Anna"), Email: credits.Set("")}))
	got := must[*credits.Customer](t)(w.Customer(w.ctx, env, "ann"))
	want := &credits.Customer{No: got.No, ID: "ann", Name: "Anna", Metadata: map[string]string{"a": "b"}, CreatedAt: start, UpdatedAt: start + second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err := w.UpdateCustomer(w.ctx, env, actor, "ann", credits.CustomerUpdate{Email: credits.Set("?")})
	wantError(t, err, credits.CodeInvalid, "email")
	_, err = w.UpdateCustomer(w.ctx, env, actor, "none", credits.CustomerUpdate{})
	wantError(t, err, "CustomerNotFound", "")
}

func TestArchiveCustomer(t *testing.T) {
	// Archiving cancels live subscriptions and can be undone for the customer, not for them.
	t.Parallel()
	w := seller(t)
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro"})
	w.tick(second)
	for range 2 {
		must[*credits.Customer](t)(w.ArchiveCustomer(w.ctx, env, actor, "ann"))
	}
	cs := must[*credits.CustomerState](t)(w.CustomerState(w.ctx, env, "ann"))
	if cs.Customer.ArchivedAt != w.now() || cs.Subscriptions[0].CancelReason != "CustomerArchived" {
		t.Errorf("state is %+v", cs)
	}
	if c := must[*credits.Customer](t)(w.UnarchiveCustomer(w.ctx, env, actor, "ann")); c.Archived() {
		t.Error("still archived")
	}
	if got := w.rates("ann", "", "email", w.now()); len(got) != 0 {
		t.Errorf("a canceled subscription prices events: %v", got)
	}
}

func TestImportCustomers(t *testing.T) {
	// An import adds and updates, names the new ones in order, and stores all or nothing.
	t.Parallel()
	w := setup(t)
	must[*credits.Customer](t)(w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: "ann", Name: "Ann", BillingID: "b1"}))
	created := must[[]string](t)(w.ImportCustomers(w.ctx, env, actor, []credits.NewCustomer{{ID: "zoe", Name: "Zoe"}, {ID: "ann", Name: "Anna"}, {ID: "bob"}}))
	if diff := cmp.Diff([]string{"zoe", "bob"}, created); diff != "" {
		t.Error(diff)
	}
	if ann := must[*credits.Customer](t)(w.Customer(w.ctx, env, "ann")); ann.Name != "Anna" || ann.BillingID != "b1" {
		t.Errorf("ann is %+v", ann)
	}
	_, err := w.ImportCustomers(w.ctx, env, actor, []credits.NewCustomer{{ID: "new"}, {ID: "new"}})
	wantError(t, err, credits.CodeInvalid, "customers[1].id")
	_, err = w.ImportCustomers(w.ctx, env, actor, []credits.NewCustomer{{ID: "new"}, {ID: "?"}})
	wantError(t, err, credits.CodeInvalid, "customers[1].id")
	_, err = w.ImportCustomers(w.ctx, env, actor, nil)
	wantError(t, err, credits.CodeInvalid, "customers")
	if list := must[credits.List[*credits.Customer]](t)(w.Customers(w.ctx, env, credits.CustomerFilter{}, credits.Page{})); len(list.Items) != 3 {
		t.Errorf("%d customers, want 3", len(list.Items))
	}
}

func TestCustomerState_concurrent(t *testing.T) {
	// A reader that starts after a change has returned never sees the state before it.
	t.Parallel()
	w := setup(t)
	w.customer("ann")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = w.CustomerState(w.ctx, env, "ann")
				}
			}
		})
	}
	for i := range 100 {
		name := fmt.Sprint(i)
		must[*credits.Customer](t)(w.UpdateCustomer(w.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set(name)}))
		if got := must[*credits.Customer](t)(w.Customer(w.ctx, env, "ann")); got.Name != name {
			t.Errorf("name is %q, want %q", got.Name, name)
		}
	}
	close(stop)
	wg.Wait()
}

func TestAudit(t *testing.T) {
	// Each change leaves one row with its actor and request; a refused one leaves none.
	t.Parallel()
	w := setup(t)
	ctx := credits.WithRequestID(w.ctx, "req-1")
	must[*credits.Customer](t)(w.ProvisionCustomer(ctx, env, actor, credits.NewCustomer{ID: "ann"}))
	_, err := w.ProvisionCustomer(ctx, env, actor, credits.NewCustomer{ID: "ann"})
	wantError(t, err, credits.CodeDuplicate, "id")
	var n int
	row := w.store.Reader().QueryRowContext(w.ctx, `SELECT COUNT(*) FROM audit WHERE request_id = $1 AND actor_id = $2 AND action = $3 AND object = $4`,
		"req-1", "key", "customer.provisioned", "ann")
	if err := row.Scan(&n); err != nil || n != 1 {
		t.Errorf("%d audit rows (%v), want 1", n, err)
	}
}
