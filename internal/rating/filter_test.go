package rating

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestOperators(t *testing.T) {
	// Each operator follows semantics 8.1, also for missing dimensions, other types and text that is a number.
	t.Parallel()
	d := dims(t, `{"s": "Large", "n": 5, "f": 5.0, "big": 123456789012345678901234567890.5, "text": "7.50", "t": true, "empty": ""}`)
	for _, x := range []struct {
		field    string
		operator Operator
		values   string // separated by commas
		want     bool
	}{
		{"s", Equals, "Large", true}, {"s", Equals, "large", false}, {"n", Equals, "5", true}, {"f", Equals, "5", true},
		{"n", Equals, "5.00", true}, {"n", Equals, "five", false}, {"text", Equals, "7.5", false}, {"t", Equals, "true", true},
		{"t", Equals, "1", false}, {"gone", Equals, "", false}, {"empty", Equals, "", true},
		{"big", Equals, "123456789012345678901234567890.50", true},
		{"s", NotEquals, "Large", false}, {"s", NotEquals, "large", true}, {"f", NotEquals, "5", false}, {"gone", NotEquals, "x", true},
		{"n", GreaterThan, "4.9", true}, {"n", GreaterThan, "5", false}, {"text", GreaterThan, "7.4", true},
		{"s", GreaterThan, "1", false}, {"t", GreaterThan, "0", false}, {"gone", GreaterThan, "-1", false},
		{"big", GreaterThan, "123456789012345678901234567890", true}, {"n", GreaterThan, "1e400", false},
		{"n", GreaterThanOrEqual, "5.0", true}, {"n", GreaterThanOrEqual, "5.1", false}, {"gone", GreaterThanOrEqual, "0", false},
		{"n", LessThan, "5.1", true}, {"n", LessThan, "5", false}, {"s", LessThan, "9", false}, {"gone", LessThan, "1", false},
		{"n", LessThanOrEqual, "5", true}, {"n", LessThanOrEqual, "4", false}, {"gone", LessThanOrEqual, "1", false},
		{"s", IsNull, "", false}, {"gone", IsNull, "", true}, {"empty", IsNull, "", false},
		{"s", IsNotNull, "", true}, {"gone", IsNotNull, "", false}, {"empty", IsNotNull, "", true},
		{"s", Contains, "arg", true}, {"s", Contains, "ARG", false}, {"n", Contains, "5", true}, {"gone", Contains, "", false},
		{"s", StartsWith, "Lar", true}, {"s", StartsWith, "ar", false}, {"gone", StartsWith, "", false},
		{"s", EndsWith, "ge", true}, {"s", EndsWith, "g", false}, {"gone", EndsWith, "", false},
		{"s", In, "small,Large", true}, {"s", In, "small,large", false}, {"f", In, "4,5", true}, {"gone", In, "a,b", false},
		{"quantity", Equals, "1", true}, {"quantity", IsNull, "", false},
	} {
		m := Meter{Aggregation: Count, Groups: []Group{onEvent("e", Condition{x.field, x.operator, strings.Split(x.values, ",")})}}
		if got := m.Matches("e", d); got != x.want {
			t.Errorf("%s %s %s is %v", x.field, x.operator, x.values, got)
		}
		if m.Matches("other", d) {
			t.Errorf("%s %s %s matches another event", x.field, x.operator, x.values)
		}
	}
}

func TestGroups(t *testing.T) {
	// Groups are alternatives, conditions in a group hold together, and both names of the name field mean the event.
	t.Parallel()
	m := Meter{Aggregation: Count, Groups: []Group{
		onEvent("chat", Condition{"model", Equals, []string{"large"}}, Condition{"tokens", GreaterThan, []string{"10"}}),
		{{"event_name", StartsWith, []string{"image."}}},
	}}
	for _, x := range []struct {
		event, dims string
		name, want  bool
	}{
		{"chat", `{"model": "large", "tokens": 11}`, true, true},
		{"chat", `{"model": "large", "tokens": 10}`, true, false},
		{"chat", `{"model": "small", "tokens": 11}`, true, false},
		{"image.resize", `{}`, true, true},
		{"other", `{"eventName": "chat", "event_name": "image.x", "model": "large", "tokens": 11}`, false, false},
	} {
		if got := m.Matches(x.event, dims(t, x.dims)); got != x.want {
			t.Errorf("%s %s: matches is %v", x.event, x.dims, got)
		}
		if got := m.MatchesName(x.event); got != x.name {
			t.Errorf("%s: matches by name is %v", x.event, got)
		}
	}
}

func TestMeterValidate(t *testing.T) {
	// Validate names the member that is wrong, and accepts what is right.
	t.Parallel()
	on := func(c ...Condition) Meter { return Meter{Aggregation: Count, Groups: []Group{onEvent("e", c...)}} }
	many := make(Group, ConditionsMax+1)
	for _, x := range []struct {
		meter Meter
		field string
	}{
		{on(), ""},
		{on(Condition{"a", In, []string{"x", "y"}}, Condition{"b", IsNull, nil}, Condition{"c", LessThan, []string{"-1.5e3"}}), ""},
		{Meter{Aggregation: Sum, Field: "x", Groups: []Group{onEvent("e")}, Transform: &Transform{1000, RoundUp}}, ""},
		{Meter{Groups: []Group{onEvent("e")}}, "meter.aggregation.function"},
		{Meter{Aggregation: Avg + 1, Groups: []Group{onEvent("e")}}, "meter.aggregation.function"},
		{Meter{Aggregation: Unique, Groups: []Group{onEvent("e")}}, "meter.aggregation.field"},
		{Meter{Aggregation: Count}, "meter.filters"},
		{Meter{Aggregation: Count, Groups: make([]Group, GroupsMax+1)}, "meter.filters"},
		{Meter{Aggregation: Count, Groups: []Group{many}}, "meter.filters[0].conditions"},
		{Meter{Aggregation: Count, Groups: []Group{onEvent("e"), {{"a", IsNull, nil}}}}, "meter.filters[1].conditions"},
		{Meter{Aggregation: Count, Groups: []Group{{}}}, "meter.filters[0].conditions"},
		{on(Condition{"", Equals, []string{"x"}}), "meter.filters[0].conditions[1].field"},
		{on(Condition{"a", 0, []string{"x"}}), "meter.filters[0].conditions[1].operation"},
		{on(Condition{"a", Equals, nil}), "meter.filters[0].conditions[1].value"},
		{on(Condition{"a", Contains, []string{"x", "y"}}), "meter.filters[0].conditions[1].value"},
		{on(Condition{"a", GreaterThan, []string{"many"}}), "meter.filters[0].conditions[1].value"},
		{on(Condition{"a", In, nil}), "meter.filters[0].conditions[1].values"},
		{on(Condition{"a", In, make([]string, ValuesMax+1)}), "meter.filters[0].conditions[1].values"},
		{Meter{Aggregation: Count, Groups: []Group{onEvent("e")}, Transform: &Transform{0, RoundUp}}, "unitTransformation.divide"},
		{Meter{Aggregation: Count, Groups: []Group{onEvent("e")}, Transform: &Transform{10, 0}}, "unitTransformation.round"},
	} {
		checkField(t, x.meter.Validate(), x.field)
	}
}

// checkField checks that err is a *FieldError about a field, or nil if field is empty.
func checkField(t *testing.T, err error, field string) {
	t.Helper()
	fieldError, ok := err.(*FieldError)
	switch {
	case err == nil && field == "":
	case !ok || fieldError.Field != field:
		t.Errorf("got %v, want an error about %q", err, field)
	}
}

func TestNames(t *testing.T) {
	// Enumerations are read and written by their wire names, and refuse every other name.
	t.Parallel()
	for i := Count; i <= Avg; i++ {
		if got, ok := ParseAggregation(i.String()); !ok || got != i || i.CreditsAllowed() != (i < Min) {
			t.Errorf("aggregation %d: %v, %v", i, got, ok)
		}
	}
	for i := Equals; i <= In; i++ {
		if got, ok := ParseOperator(i.String()); !ok || got != i {
			t.Errorf("operator %d: %v, %v", i, got, ok)
		}
	}
	for i := RoundUp; i <= RoundDown; i++ {
		if got, ok := ParseRounding(i.String()); !ok || got != i {
			t.Errorf("rounding %d: %v, %v", i, got, ok)
		}
	}
	if _, ok := ParseOperator("equals"); ok {
		t.Error("names are upper case")
	}
	type all struct {
		A Aggregation
		O Operator
		R Rounding
	}
	const text = `{"A":"UNIQUE","O":"STARTS_WITH","R":"DOWN"}`
	var v all
	if err := json.Unmarshal([]byte(text), &v); err != nil || v != (all{Unique, StartsWith, RoundDown}) {
		t.Errorf("got %v, %v", v, err)
	}
	if out, err := json.Marshal(v); err != nil || string(out) != text {
		t.Errorf("got %s, %v", out, err)
	}
	if _, err := json.Marshal(all{}); err == nil {
		t.Error("a value without a name was written")
	}
	if err := json.Unmarshal([]byte(`{"A":""}`), &v); err == nil {
		t.Error("an empty name was read")
	}
}

// FuzzMeter checks that no meter and no event, valid or not, makes matching and measuring fail.
func FuzzMeter(f *testing.F) {
	f.Add(uint8(Sum), "tokens", "model", uint8(Equals), "large", "chat", "large", uint8(String), int64(10), uint8(RoundUp))
	f.Add(uint8(Max), "n", "n", uint8(GreaterThan), "1e999", "e", "-1e-999999999", uint8(Number), int64(-1), uint8(0))
	f.Add(uint8(200), "", "eventName", uint8(200), "", "", "true", uint8(Bool), int64(0), uint8(9))
	f.Fuzz(func(t *testing.T, agg uint8, field, key string, op uint8, operand, event, text string, kind uint8, divide int64, rounding uint8) {
		m := Meter{
			Aggregation: Aggregation(agg), Field: field, Transform: &Transform{divide, Rounding(rounding)},
			Groups: []Group{onEvent(event, Condition{key, Operator(op), []string{operand}}), {{key, Operator(op), nil}}},
		}
		d, _ := NewDims([]Dim{{Key: key, Kind: Kind(kind), Text: text}, {Key: "quantity", Kind: Number, Text: operand}})
		valid := m.Validate() == nil
		if m.Matches(event, d) && !m.MatchesName(event) {
			t.Fatal("an event matches, but not by its name")
		}
		x, warnings := m.Measure(d)
		var s State
		preview := s.Preview(&m, x)
		added := s.Advance(&m, x)
		if preview != added || valid && added.Sign() < 0 || x.Units.Sign() < 0 || !x.Units.InRange() {
			t.Fatalf("measured %v, previewed %s, added %s", x, preview, added)
		}
		if len(warnings) > 0 && !x.Units.IsZero() {
			t.Fatalf("%v with units %s", warnings, x.Units)
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	d := dims(b, `{"model": "large", "tokens": 1200, "user": "u1", "region": "eu"}`)
	for _, groups := range []int{1, 5} {
		m := Meter{Aggregation: Count}
		for i := range groups {
			model := Condition{"model", Equals, []string{fmt.Sprint("model", i)}}
			m.Groups = append(m.Groups, onEvent("chat", model))
		}
		m.Groups[groups-1] = onEvent("chat", Condition{"tokens", GreaterThan, []string{"1000"}})
		b.Run(fmt.Sprint(groups), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !m.Matches("chat", d) {
					b.Fatal("no match")
				}
			}
		})
	}
}
