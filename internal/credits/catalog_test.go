package credits_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
)

func TestBootstrap(t *testing.T) {
	// The first start makes two environments; later starts change nothing.
	t.Parallel()
	w := setup(t)
	w.restart()
	var ids []string
	for _, e := range w.Environments() {
		ids = append(ids, e.ID)
	}
	if diff := cmp.Diff([]string{credits.EnvironmentDevelopment, credits.EnvironmentProduction}, ids); diff != "" {
		t.Error(diff)
	}
	keys := must[[]*credits.Key](t)(w.Keys(w.ctx, env))
	if len(keys) != 1 {
		t.Errorf("%d keys after two starts, want 1", len(keys))
	}
}

func TestCreateEnvironment(t *testing.T) {
	// An environment starts empty and its name is unique by slug.
	t.Parallel()
	w := setup(t)
	w.shop()
	e := must[*credits.Environment](t)(w.CreateEnvironment(w.ctx, actor, "Load test", false))
	if e.ID != "env_load-test" {
		t.Errorf("id is %q", e.ID)
	}
	if _, ok := w.Catalog(e.ID).CreditType("tokens"); ok {
		t.Error("a new environment sees another one's credit type")
	}
	_, err := w.CreateEnvironment(w.ctx, actor, "load  TEST", false)
	wantError(t, err, credits.CodeDuplicate, "id")
	_, err = w.CreateCreditType(w.ctx, "env_none", actor, credits.NewCreditType{ID: "x", DisplayName: "X"})
	wantError(t, err, "EnvironmentNotFound", "")
}

func TestIDs(t *testing.T) {
	// A slug starts with a letter or digit and is at most 255 long.
	t.Parallel()
	long := strings.Repeat("a", 255)
	for id, ok := range map[string]bool{"a": true, "A-1_b|c.d": true, long: true, long + "a": false, "": false, "-a": false,
		"a b": false, "a@b": false, "ä": false, ".": false} {
		if err := credits.ValidID("id", id); (err == nil) != ok {
			t.Errorf("%.20q: %v, want ok = %v", id, err, ok)
		}
	}
	w := setup(t)
	if _, err := w.ProvisionCustomer(w.ctx, env, actor, credits.NewCustomer{ID: "ann@x.io"}); err != nil {
		t.Errorf("a customer's id may hold an @: %v", err)
	}
}

func TestCreateCreditType_refusals(t *testing.T) {
	// Each bound of the wire is refused with its field.
	t.Parallel()
	w := setup(t)
	ok := credits.NewCreditType{ID: "ok", DisplayName: "Fine"}
	must[*credits.CreditType](t)(w.CreateCreditType(w.ctx, env, actor, ok))
	cases := []struct {
		field string
		spoil func(*credits.NewCreditType)
	}{
		{"id", func(c *credits.NewCreditType) { c.ID = "not ok" }},
		{"displayName", func(c *credits.NewCreditType) { c.DisplayName = " " }},
		{"displayName", func(c *credits.NewCreditType) { c.DisplayName = strings.Repeat("ä", 65) }},
		{"description", func(c *credits.NewCreditType) { c.Description = strings.Repeat("d", 256) }},
		{"symbol", func(c *credits.NewCreditType) { c.Symbol = strings.Repeat("s", 65) }},
		{"symbol", func(c *credits.NewCreditType) { c.Symbol = "\xff" }},
		{"units.plural", func(c *credits.NewCreditType) { c.Units = &credits.Units{Singular: "one"} }},
		{"metadata.k", func(c *credits.NewCreditType) { c.Metadata = map[string]string{"k": strings.Repeat("v", 1001)} }},
	}
	for _, tc := range cases {
		in := credits.NewCreditType{ID: "new", DisplayName: "New"}
		tc.spoil(&in)
		_, err := w.CreateCreditType(w.ctx, env, actor, in)
		wantError(t, err, credits.CodeInvalid, tc.field)
	}
	_, err := w.CreateCreditType(w.ctx, env, actor, ok)
	wantError(t, err, credits.CodeDuplicate, "id")
	_, err = w.UpdateCreditType(w.ctx, env, actor, "none", credits.CreditTypeUpdate{})
	wantError(t, err, "CurrencyNotFound", "")
}

func TestUpdateCreditType(t *testing.T) {
	// Only what was sent changes, empty clears, and a restart reads the same.
	t.Parallel()
	w := setup(t)
	must[*credits.CreditType](t)(w.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "tokens", DisplayName: "Tokens", Description: "d",
		Symbol: "T", Units: &credits.Units{Singular: "t", Plural: "ts"}, Metadata: map[string]string{"a": "b"}}))
	w.tick(second)
	got := must[*credits.CreditType](t)(w.UpdateCreditType(w.ctx, env, actor, "tokens", credits.CreditTypeUpdate{
		Description: credits.Set(""), Units: credits.Set[*credits.Units](nil)}))
	want := &credits.CreditType{No: got.No, ID: "tokens", DisplayName: "Tokens", Symbol: "T", Metadata: map[string]string{"a": "b"},
		CreatedAt: start, UpdatedAt: start + second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.restart()
	if diff := cmp.Diff(want, must[*credits.CreditType](t)(w.CreditType(env, "tokens"))); diff != "" {
		t.Errorf("after a restart:\n%s", diff)
	}
}

func TestArchiveCreditType(t *testing.T) {
	// A type in use by an active plan or add-on cannot be archived, and the answer lists the users.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.offer(credits.PlanRef("pro"), mapping("email", "1"))
	w.offer(credits.AddonRef("extra"), mapping("email", "2"))
	_, err := w.ArchiveCreditType(w.ctx, env, actor, "tokens")
	wantError(t, err, "CreditTypeInUse", "")
	if !strings.Contains(err.Error(), `plan "pro", addon "extra"`) {
		t.Errorf("the refusal does not list the users: %v", err)
	}
	users := must[[]credits.AssociatedEntity](t)(w.AssociatedEntities(env, "tokens"))
	if diff := cmp.Diff([]credits.AssociatedEntity{{ID: "pro", DisplayName: "pro", Type: "Plan"}, {ID: "extra", DisplayName: "extra", Type: "Addon"}}, users); diff != "" {
		t.Error(diff)
	}
	for _, ref := range []credits.PackageRef{credits.PlanRef("pro"), credits.AddonRef("extra")} {
		must[credits.PackageView](t)(w.ArchivePackage(w.ctx, env, actor, ref))
	}
	must[*credits.CreditType](t)(w.ArchiveCreditType(w.ctx, env, actor, "tokens"))
	if n := len(w.CreditTypes(env, true, false, credits.Page{}).Items); n != 0 {
		t.Errorf("%d active types listed, want none", n)
	}
	if n := len(w.CreditTypes(env, false, true, credits.Page{}).Items); n != 1 {
		t.Errorf("%d archived types listed, want 1", n)
	}
	must[credits.PackageView](t)(w.CreatePackage(w.ctx, env, actor, credits.NewPackage{Ref: credits.PlanRef("late"), ProductID: "app", DisplayName: "Late"}))
	wantError(t, w.price(credits.PlanRef("late"), mapping("email", "1")), "CreditTypeArchived", "charges.pricingModels[0].pricePeriods[0].creditRate.currencyId")
	must[*credits.CreditType](t)(w.UnarchiveCreditType(w.ctx, env, actor, "tokens"))
	if err := w.price(credits.PlanRef("late"), mapping("email", "1")); err != nil {
		t.Errorf("after unarchive: %v", err)
	}
}

func TestFailedChange(t *testing.T) {
	// A refused change leaves no trace in the snapshot.
	t.Parallel()
	w := setup(t)
	w.shop()
	before := w.Catalog(env).Revision()
	_, err := w.CreateProduct(w.ctx, env, actor, credits.NewProduct{ID: "app", DisplayName: "Again"})
	wantError(t, err, credits.CodeDuplicate, "id")
	if got := w.Catalog(env).Revision(); got != before {
		t.Errorf("revision moved from %d to %d", before, got)
	}
	w.feature("other", countOf("other"))
	if got := w.Catalog(env).Revision(); got != before+2 {
		t.Errorf("revision is %d after two changes, want %d", got, before+2)
	}
}

func TestSecondService(t *testing.T) {
	// A change made through another service over the same store is seen by the next change, and nothing is lost.
	t.Parallel()
	w := setup(t)
	first := w.Service
	w.restart()
	other := w.Service
	w.Service = first
	w.shop()
	must[*credits.CreditType](t)(other.CreateCreditType(w.ctx, env, actor, credits.NewCreditType{ID: "gems", DisplayName: "Gems"}))
	if _, ok := other.Catalog(env).CreditType("tokens"); !ok {
		t.Error("the other service has lost the first one's change")
	}
}
