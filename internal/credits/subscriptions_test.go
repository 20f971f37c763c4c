package credits_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// seller is a world with plan pro (email 1) and customer ann.
func seller(t *testing.T) *world {
	t.Helper()
	w := setup(t)
	w.shop()
	w.offer(pro, mapping("email", "1"), topUp("0.5", "usd", 250, 8000))
	w.customer("ann")
	return w
}

func TestProvisionSubscription(t *testing.T) {
	// A subscription is active at once, pinned to the published version, and kept over a restart.
	t.Parallel()
	w := seller(t)
	sub := w.subscribe(credits.NewSubscription{CustomerID: "ann", PlanID: "pro", Metadata: map[string]string{"a": "b"}})
	if sub.Status(w.now()) != credits.SubscriptionActive || sub.PaymentCollectionMethod != "NONE" || sub.Current().Version != 1 ||
		sub.PricingType != credits.PricingPaid || !strings.HasPrefix(sub.ID, "sub_") {
		t.Errorf("subscription is %+v", sub)
	}
	w.restart()
	got := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, sub.ID))
	if diff := cmp.Diff(sub, got); diff != "" {
		t.Errorf("after a restart:\n%s", diff)
	}
}

func TestProvisionSubscription_refusals(t *testing.T) {
	// Each broken rule is refused with its code and field, and nothing is stored.
	t.Parallel()
	w := seller(t)
	w.draft(credits.PlanRef("draft"))
	w.offer(credits.AddonRef("extra"), mapping("email", "2"))
	w.offer(credits.PlanRef("gone"), mapping("email", "1"))
	must[credits.PackageView](t)(w.ArchivePackage(w.ctx, env, actor, credits.PlanRef("gone")))
	w.customer("old")
	must[*credits.Customer](t)(w.ArchiveCustomer(w.ctx, env, actor, "old"))
	past := start - second
	tokens := func(quantity string) []credits.PurchasedQuantity {
		return []credits.PurchasedQuantity{{Type: credits.EntitlementCredit, ID: "tokens", Quantity: dec(quantity)}}
	}
	formula := &credits.CreditRate{CreditTypeID: "tokens", Formula: "1 +"}
	cases := []struct {
		code, field string
		spoil       func(*credits.NewSubscription)
	}{
		{"PlanNotFound", "planId", func(s *credits.NewSubscription) { s.PlanID = "none" }},
		{"PackageNotPublished", "planId", func(s *credits.NewSubscription) { s.PlanID = "draft" }},
		{"PackageArchived", "planId", func(s *credits.NewSubscription) { s.PlanID = "gone" }},
		{"CustomerNotFound", "", func(s *credits.NewSubscription) { s.CustomerID = "none" }},
		{"CustomerIsArchived", "", func(s *credits.NewSubscription) { s.CustomerID = "old" }},
		{"CustomerNotFound", "payingCustomerId", func(s *credits.NewSubscription) { s.PayingCustomerID = "none" }},
		{credits.CodeInvalid, "id", func(s *credits.NewSubscription) { s.ID = "a b" }},
		{credits.CodeInvalid, "resourceId", func(s *credits.NewSubscription) { s.ResourceID = "a@b" }},
		{credits.CodeInvalid, "billingPeriod", func(s *credits.NewSubscription) { s.BillingPeriod = "DAILY" }},
		{credits.CodeInvalid, "paymentCollectionMethod", func(s *credits.NewSubscription) { s.PaymentCollectionMethod = "CASH" }},
		{credits.CodeInvalid, "cancellationDate", func(s *credits.NewSubscription) { s.CancellationAt = &past }},
		{"AddonNotFound", "addons[0].id", func(s *credits.NewSubscription) { s.Addons = []credits.SubscribedAddon{{ID: "none", Quantity: 1}} }},
		{credits.CodeInvalid, "addons[0].quantity", func(s *credits.NewSubscription) { s.Addons = []credits.SubscribedAddon{{ID: "extra"}} }},
		{credits.CodeInvalid, "addons[1].id", func(s *credits.NewSubscription) {
			s.Addons = []credits.SubscribedAddon{{ID: "extra", Quantity: 1}, {ID: "extra", Quantity: 1}}
		}},
		{credits.CodeOutOfRange, "charges[0].quantity", func(s *credits.NewSubscription) { s.Charges = tokens("249") }},
		{credits.CodeOutOfRange, "charges[0].quantity", func(s *credits.NewSubscription) { s.Charges = tokens("8000.000000001") }},
		{credits.CodeInvalid, "charges[0].id", func(s *credits.NewSubscription) { s.Charges = tokens("1"); s.Charges[0].ID = "gems" }},
		{"InvalidFormula", "priceOverrides[0].creditRate.costFormula", func(s *credits.NewSubscription) {
			s.PriceOverrides = []credits.PriceOverride{{FeatureID: "email", CreditRate: formula}}
		}},
		{credits.CodeInvalid, "priceOverrides[0].featureId", func(s *credits.NewSubscription) {
			s.PriceOverrides = []credits.PriceOverride{{CreditRate: &credits.CreditRate{CreditTypeID: "tokens"}}}
		}},
		{credits.CodeInvalid, "priceOverrides[0].amount", func(s *credits.NewSubscription) { s.PriceOverrides = []credits.PriceOverride{{}} }},
		{credits.CodeInvalid, "entitlements[0].amount", func(s *credits.NewSubscription) {
			s.Entitlements = []credits.EntitlementOverride{{EntitlementRef: credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"}}}
		}},
	}
	for _, tc := range cases {
		in := credits.NewSubscription{CustomerID: "ann", PlanID: "pro"}
		tc.spoil(&in)
		_, err := w.ProvisionSubscription(w.ctx, env, actor, in)
		wantError(t, err, tc.code, tc.field)
	}
	if list := must[credits.List[*credits.Subscription]](t)(w.Subscriptions(w.ctx, env, credits.SubscriptionFilter{}, credits.Page{})); len(list.Items) != 0 {
		t.Errorf("%d subscriptions stored", len(list.Items))
	}
}

func TestProvisionSubscription_one_live(t *testing.T) {
	// A customer has one live subscription per product and resource, unless the product allows more.
	t.Parallel()
	w := seller(t)
	ask := credits.NewSubscription{ID: "s1", CustomerID: "ann", PlanID: "pro"}
	w.subscribe(ask)
	_, err := w.ProvisionSubscription(w.ctx, env, actor, ask)
	wantError(t, err, credits.CodeDuplicate, "id")
	ask.ID = "s2"
	_, err = w.ProvisionSubscription(w.ctx, env, actor, ask)
	wantError(t, err, "ActiveSubscriptionExists", "")
	w.subscribe(credits.NewSubscription{ID: "r1", CustomerID: "ann", PlanID: "pro", ResourceID: "site"})
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s1", credits.Cancellation{}))
	w.subscribe(ask)
	must[*credits.Product](t)(w.UpdateProduct(w.ctx, env, actor, "app", credits.ProductUpdate{MultipleSubscriptions: credits.Set(true)}))
	w.subscribe(credits.NewSubscription{ID: "s3", CustomerID: "ann", PlanID: "pro"})
	if diff := cmp.Diff([]string{"s2:1@1", "s3:1@1"}, w.rates("ann", "", "email", w.now())); diff != "" {
		t.Error(diff)
	}
	resources := must[credits.List[credits.Resource]](t)(w.Resources(w.ctx, env, "ann", credits.Page{}))
	if len(resources.Items) != 1 || resources.Items[0].ID != "site" {
		t.Errorf("resources are %+v", resources.Items)
	}
}

func TestStartDate(t *testing.T) {
	// A later start is NOT_STARTED until then; an earlier one covers the past.
	t.Parallel()
	w := seller(t)
	past, future := start-10*second, start+10*second
	sub := w.subscribe(credits.NewSubscription{ID: "f", CustomerID: "ann", PlanID: "pro", StartAt: &future})
	if got := sub.Status(w.now()); got != credits.SubscriptionNotStarted {
		t.Errorf("status is %s", got)
	}
	w.subscribe(credits.NewSubscription{ID: "p", CustomerID: "ann", PlanID: "pro", ResourceID: "r", StartAt: &past})
	for at, want := range map[ledger.Time]int{past - 1: 0, past: 1, start: 1} {
		if got := len(w.rates("ann", "r", "email", at)); got != want {
			t.Errorf("%d candidates at %d, want %d", got, at-start, want)
		}
	}
	if got := w.rates("ann", "", "email", start); len(got) != 0 {
		t.Errorf("a subscription that has not started prices events: %v", got)
	}
	w.tick(10 * second)
	if diff := cmp.Diff([]string{"f:1@1"}, w.rates("ann", "", "email", w.now())); diff != "" {
		t.Error(diff)
	}
}

func TestMigration(t *testing.T) {
	// W15: a version published for all customers prices events from that instant on; late ones keep the version of their time.
	t.Parallel()
	w := seller(t)
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro"})
	change := w.tick(10 * second)
	w.reprice(pro, credits.MigrateAll, mapping("email", "3"))
	w.tick(5 * 60 * second)
	for range 2 {
		for at, want := range map[ledger.Time]string{change - 1: "s:1@1", change: "s:3@2", w.now(): "s:3@2"} {
			if diff := cmp.Diff([]string{want}, w.rates("ann", "", "email", at)); diff != "" {
				t.Errorf("at %d: %s", at-change, diff)
			}
		}
		w.restart()
	}
	sub := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, "s"))
	var spans []int64
	for _, span := range w.Catalog(env).PlanSpans(sub) {
		spans = append(spans, int64(span.From-start), int64(span.Version))
	}
	if diff := cmp.Diff([]int64{0, 1, int64(10 * second), 2}, spans); diff != "" {
		t.Error(diff)
	}
}

func TestMigration_new_customers(t *testing.T) {
	// A version for new customers leaves others where they are, until they are migrated one by one or by a later version.
	t.Parallel()
	w := seller(t)
	w.customer("bob")
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro"})
	w.tick(second)
	w.reprice(pro, credits.MigrateNew, mapping("email", "3"))
	w.subscribe(credits.NewSubscription{ID: "t", CustomerID: "bob", PlanID: "pro"})
	expect := func(ann, bob string) {
		t.Helper()
		if diff := cmp.Diff([]string{ann, bob}, append(w.rates("ann", "", "email", w.now()), w.rates("bob", "", "email", w.now())...)); diff != "" {
			t.Error(diff)
		}
	}
	expect("s:1@1", "t:3@2")
	moved := w.tick(second)
	must[*credits.Subscription](t)(w.MigrateSubscription(w.ctx, env, actor, "s", ""))
	expect("s:3@2", "t:3@2")
	if diff := cmp.Diff([]string{"s:1@1"}, w.rates("ann", "", "email", moved-1)); diff != "" {
		t.Errorf("before the migration: %s", diff)
	}
	w.tick(second)
	w.reprice(pro, credits.MigrateAll, mapping("email", "4"))
	expect("s:4@3", "t:4@3")
}

func TestMigration_backdated(t *testing.T) {
	// A subscription made after a migration but starting before it has its own version all along.
	t.Parallel()
	w := seller(t)
	w.tick(10 * second)
	w.reprice(pro, credits.MigrateAll, mapping("email", "3"))
	w.tick(10 * second)
	w.reprice(pro, credits.MigrateNew, mapping("email", "4"))
	past := start
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro", StartAt: &past})
	for _, at := range []ledger.Time{start, start + 10*second, w.now()} {
		if diff := cmp.Diff([]string{"s:4@3"}, w.rates("ann", "", "email", at)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCandidates_precedence(t *testing.T) {
	// S9.3: an override beats an add-on's mapping, which beats the plan's; each from its own instant.
	t.Parallel()
	w := seller(t)
	w.offer(credits.AddonRef("extra"), mapping("email", "2"))
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro"})
	change := func(in credits.SubscriptionUpdate) ledger.Time {
		at := w.tick(second)
		must[*credits.Subscription](t)(w.UpdateSubscription(w.ctx, env, actor, "s", in))
		return at
	}
	rate := &credits.CreditRate{CreditTypeID: "tokens", Amount: dec("7")}
	addon := change(credits.SubscriptionUpdate{Addons: credits.Set([]credits.SubscribedAddon{{ID: "extra", Quantity: 1}})})
	override := change(credits.SubscriptionUpdate{PriceOverrides: credits.Set([]credits.PriceOverride{{FeatureID: "email", CreditRate: rate}})})
	removed := change(credits.SubscriptionUpdate{PriceOverrides: credits.Set([]credits.PriceOverride{{FeatureID: "email"}})})
	dropped := change(credits.SubscriptionUpdate{Addons: credits.Set([]credits.SubscribedAddon{})})
	ended := w.tick(second)
	must[*credits.Subscription](t)(w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{Time: "IMMEDIATE"}))
	w.restart()
	cases := []struct {
		at   ledger.Time
		want []string
	}{
		{start - 1, nil}, {start, []string{"s:1@1"}}, {addon - 1, []string{"s:1@1"}}, {addon, []string{"s:2@1"}},
		{override, []string{"s:7@1"}}, {removed, []string{"s:2@1"}}, {dropped, []string{"s:1@1"}}, {ended - 1, []string{"s:1@1"}}, {ended, nil},
	}
	for _, tc := range cases {
		if diff := cmp.Diff(tc.want, w.rates("ann", "", "email", tc.at)); diff != "" {
			t.Errorf("at %d s: %s", (tc.at-start)/second, diff)
		}
	}
}

func TestAddons(t *testing.T) {
	// Add-ons keep to compatibility, dependencies and quantity.
	t.Parallel()
	w := seller(t)
	two := int32(2)
	for _, id := range []string{"a", "b"} {
		w.draft(credits.AddonRef(id))
	}
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, credits.AddonRef("b"), credits.PackageUpdate{
		Dependencies: credits.Set([]string{"a"}), MaxQuantity: credits.Set(&two)}))
	for _, id := range []string{"a", "b"} {
		must[credits.PackageView](t)(w.PublishPackage(w.ctx, env, actor, credits.AddonRef(id), credits.MigrateNew))
	}
	try := func(addons ...credits.SubscribedAddon) error {
		_, err := w.ProvisionSubscription(w.ctx, env, actor, credits.NewSubscription{CustomerID: "ann", PlanID: "pro", Addons: addons})
		return err
	}
	wantError(t, try(credits.SubscribedAddon{ID: "b", Quantity: 1}), "AddonDependencyMissing", "addons[0].id")
	wantError(t, try(credits.SubscribedAddon{ID: "a", Quantity: 1}, credits.SubscribedAddon{ID: "b", Quantity: 3}), credits.CodeInvalid, "addons[1].quantity")
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{CompatibleAddonIDs: credits.Set([]string{"b"})}))
	wantError(t, try(credits.SubscribedAddon{ID: "a", Quantity: 1}), "IncompatibleAddon", "addons[0].id")
	must[credits.PackageView](t)(w.UpdatePackage(w.ctx, env, actor, pro, credits.PackageUpdate{CompatibleAddonIDs: credits.Set[[]string](nil)}))
	if err := try(credits.SubscribedAddon{ID: "b", Quantity: 2}, credits.SubscribedAddon{ID: "a", Quantity: 1}); err != nil {
		t.Error(err)
	}
}

func TestCancelSubscription(t *testing.T) {
	// Canceling ends at once and only once; unknown instants and dates without need are refused.
	t.Parallel()
	w := seller(t)
	w.subscribe(credits.NewSubscription{ID: "s", CustomerID: "ann", PlanID: "pro"})
	cancel := func(when string) error {
		_, err := w.CancelSubscription(w.ctx, env, actor, "s", credits.Cancellation{Time: when})
		return err
	}
	wantError(t, cancel("SPECIFIC_DATE"), credits.CodeInvalid, "endDate")
	wantError(t, cancel("SOON"), credits.CodeInvalid, "cancellationTime")
	if err := cancel(""); err != nil {
		t.Fatal(err)
	}
	wantError(t, cancel(""), "SubscriptionNotActive", "")
	_, err := w.UpdateSubscription(w.ctx, env, actor, "s", credits.SubscriptionUpdate{})
	wantError(t, err, "SubscriptionNotActive", "")
	_, err = w.Subscription(w.ctx, env, "none")
	wantError(t, err, "SubscriptionNotFound", "")
	sub := must[*credits.Subscription](t)(w.Subscription(w.ctx, env, "s"))
	if sub.Status(w.now()) != credits.SubscriptionCanceled || sub.CancelReason != "Immediate" || sub.EndAt != w.now() {
		t.Errorf("subscription is %+v", sub)
	}
}

func TestBillingPeriodAt(t *testing.T) {
	// W16: periods start on the anchor's day, clamped to the end of the month.
	t.Parallel()
	const jan31 = ledger.Time(1_801_389_600_000_000) // 2027-01-31T10:00:00Z
	const hour = 3600 * second
	days := []ledger.Time{0, 28, 59, 89, 120, 150} // 31 Jan, 28 Feb, 31 Mar, 30 Apr, 31 May, 30 Jun
	sub := &credits.Subscription{StartAt: jan31, Versions: []credits.PlanSpan{{BillingPeriod: credits.PeriodMonthly}}}
	for i := range len(days) - 1 {
		from, to := jan31+days[i]*24*hour, jan31+days[i+1]*24*hour
		for _, at := range []ledger.Time{from, to - 1} {
			if gotFrom, gotTo := sub.BillingPeriodAt(at); gotFrom != from || gotTo != to {
				t.Errorf("period %d is %d to %d, want %d to %d", i, gotFrom, gotTo, from, to)
			}
		}
	}
	const leap = ledger.Time(1_835_431_200_000_000) // 2028-02-29T10:00:00Z
	yearly := &credits.Subscription{StartAt: leap, Versions: []credits.PlanSpan{{BillingPeriod: credits.PeriodAnnually}}}
	from, to := yearly.BillingPeriodAt(leap + 366*24*hour)
	if from != leap+365*24*hour || to != leap+(365+365)*24*hour {
		t.Errorf("the leap year's second period is %d to %d days", (from-leap)/(24*hour), (to-leap)/(24*hour))
	}
}
