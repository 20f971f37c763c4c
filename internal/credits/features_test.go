package credits_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
)

func TestCreateFeature_refusals(t *testing.T) {
	// Each broken rule is refused with its field.
	t.Parallel()
	w := setup(t)
	cases := []struct {
		field string
		in    credits.NewFeature
	}{
		{"id", credits.NewFeature{ID: "", DisplayName: "F", Type: credits.FeatureNumber}},
		{"displayName", credits.NewFeature{ID: "f", Type: credits.FeatureNumber}},
		{"featureType", credits.NewFeature{ID: "f", DisplayName: "F", Type: "TEXT"}},
		{"featureType", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureBoolean, MeterType: credits.MeterIncremental}},
		{"meterType", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureNumber, MeterType: "INCREASING"}},
		{"enumConfiguration", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureNumber, Enum: []credits.EnumValue{{DisplayName: "A", Value: "a"}}}},
		{"enumConfiguration[1].value", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureEnum,
			Enum: []credits.EnumValue{{DisplayName: "A", Value: "a"}, {DisplayName: "B", Value: "a"}}}},
		{"unitTransformation.divide", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureNumber, Transformation: &credits.UnitTransformation{}}},
		{"unitTransformation.round", credits.NewFeature{ID: "f", DisplayName: "F", Type: credits.FeatureNumber,
			Transformation: &credits.UnitTransformation{Divide: 2, Round: "NEAREST"}}},
	}
	for i, tc := range cases {
		t.Run(fmt.Sprint(i, "_", tc.field), func(t *testing.T) {
			_, err := w.CreateFeature(w.ctx, env, actor, tc.in)
			wantError(t, err, credits.CodeInvalid, tc.field)
		})
	}
}

func TestUpdateFeature_meter(t *testing.T) {
	// A meter without a condition on the event's name, or of an unknown kind, is refused; a good one makes the feature metered.
	t.Parallel()
	w := setup(t)
	must[*credits.Feature](t)(w.CreateFeature(w.ctx, env, actor, credits.NewFeature{ID: "chat", DisplayName: "Chat", Type: credits.FeatureNumber}))
	write := func(rule *credits.MeterRule) error {
		_, err := w.UpdateFeature(w.ctx, env, actor, "chat", credits.FeatureUpdate{Meter: credits.Set(rule)})
		return err
	}
	unnamed := ruleOf("COUNT", "", "chat")
	unnamed.Filters[0].Conditions[0].Field = "model"
	wantError(t, write(unnamed), credits.CodeInvalid, "meter.filters[0].conditions")
	unknown := ruleOf("COUNT", "", "chat")
	unknown.Filters[0].Conditions[0].Operation = "LIKE"
	wantError(t, write(unknown), credits.CodeInvalid, "meter.filters[0].conditions[0].operation")
	wantError(t, write(ruleOf("MEDIAN", "n", "chat")), credits.CodeInvalid, "meter.aggregation.function")
	if err := write(countOf("chat")); err != nil {
		t.Fatal(err)
	}
	if f, _ := w.Feature(env, "chat"); !f.Metered() || f.Meter == nil {
		t.Error("the feature is not metered")
	}
}

func TestFeaturesForEvent(t *testing.T) {
	// An event name finds the features whose meter may match, by id; suspended ones are left out.
	t.Parallel()
	w := setup(t)
	for _, id := range []string{"b", "a", "c"} {
		w.feature(id, countOf("chat"))
	}
	w.feature("d", countOf("image"))
	must[*credits.Feature](t)(w.ArchiveFeature(w.ctx, env, actor, "c"))
	w.restart()
	for range 2 {
		var ids []string
		for _, f := range w.Catalog(env).FeaturesForEvent("chat") {
			ids = append(ids, f.ID)
		}
		if diff := cmp.Diff([]string{"a", "b"}, ids); diff != "" {
			t.Error(diff)
		}
	}
	if found := w.Catalog(env).FeaturesForEvent("none"); len(found) != 0 {
		t.Errorf("an unknown event finds %d features", len(found))
	}
}

func TestMappedFeature(t *testing.T) {
	// A feature that burns credits keeps an aggregation its mapping can follow, and cannot be archived.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.feature("chat", ruleOf("SUM", "tokens", "chat"))
	w.offer(credits.PlanRef("pro"), mapping("email", "1"), mapping("chat", "input * 2"))
	write := func(id string, rule *credits.MeterRule) error {
		_, err := w.UpdateFeature(w.ctx, env, actor, id, credits.FeatureUpdate{Meter: credits.Set(rule)})
		return err
	}
	wantError(t, write("email", ruleOf("AVG", "n", "email")), "UnsupportedAggregation", "meter.aggregation.function")
	wantError(t, write("chat", ruleOf("MAX", "tokens", "chat")), "InvalidFormula", "meter.aggregation.function")
	_, err := w.ArchiveFeature(w.ctx, env, actor, "email")
	wantError(t, err, "FeatureInUse", "")
	must[credits.PackageView](t)(w.ArchivePackage(w.ctx, env, actor, credits.PlanRef("pro")))
	must[*credits.Feature](t)(w.ArchiveFeature(w.ctx, env, actor, "email"))
	f := must[*credits.Feature](t)(w.UnarchiveFeature(w.ctx, env, actor, "email"))
	if f.Status != credits.FeatureActive {
		t.Errorf("status is %s after unarchive", f.Status)
	}
}

func TestFeatures_filter(t *testing.T) {
	// Filters select by every column of the wire.
	t.Parallel()
	w := setup(t)
	w.feature("metered", countOf("x"))
	must[*credits.Feature](t)(w.CreateFeature(w.ctx, env, actor, credits.NewFeature{ID: "sso", DisplayName: "SSO", Type: credits.FeatureBoolean}))
	later := start + second
	cases := map[string]struct {
		filter credits.FeatureFilter
		want   int
	}{
		"all":     {credits.FeatureFilter{}, 2},
		"id":      {credits.FeatureFilter{ID: "sso"}, 1},
		"type":    {credits.FeatureFilter{Types: []credits.FeatureType{credits.FeatureBoolean, credits.FeatureEnum}}, 1},
		"meter":   {credits.FeatureFilter{MeterTypes: []credits.MeterType{credits.MeterIncremental}}, 1},
		"status":  {credits.FeatureFilter{Statuses: []credits.FeatureStatus{credits.FeatureSuspended}}, 0},
		"created": {credits.FeatureFilter{Created: credits.TimeRange{From: &later}}, 0},
	}
	for name, tc := range cases {
		if got := len(w.Features(env, tc.filter, credits.Page{}).Items); got != tc.want {
			t.Errorf("%s: %d features, want %d", name, got, tc.want)
		}
	}
}
