package rating

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
)

func TestFormulaWorkedExample(t *testing.T) {
	// W34, every line of it.
	t.Parallel()
	const tokens = `(input_tokens + 4*output_tokens)/1000 * lookup(model,"large",3,"small",1,1)`
	for _, x := range []struct {
		source, dims, cost string
		warnings           []Warning
	}{
		{tokens, `{"input_tokens": 1200, "output_tokens": 350, "model": "small"}`, "2.6", nil},
		{tokens, `{"input_tokens": 1200, "output_tokens": 350, "model": "large"}`, "7.8", nil},
		{tokens, `{"input_tokens": 1200, "output_tokens": 350}`, "2.6", []Warning{"MissingDimension:model"}},
		{tokens, `{"input_tokens": 1200, "model": "small"}`, "1.2", []Warning{"MissingDimension:output_tokens"}},
		{tokens, `{"input_tokens": "1200", "output_tokens": 350, "model": "small"}`, "2.6", nil},
		{`1/3`, `{}`, "0.333333333", nil},
		{`10 - discount`, `{"discount": 15}`, "0", []Warning{NegativeCost}},
		{`0.0000000005`, `{}`, "0.000000001", nil},
		{`0.00000000049`, `{}`, "0", nil},
	} {
		got, err := Rate{Formula: formula(t, x.source)}.Price(amount.FromInt(1), dims(t, x.dims))
		if err != nil || got.Cost != credits(t, x.cost) {
			t.Errorf("%s with %s costs %s, %v; want %s", x.source, x.dims, got.Cost, err, x.cost)
		}
		if diff := cmp.Diff(x.warnings, got.Warnings); diff != "" {
			t.Errorf("%s with %s: %s", x.source, x.dims, diff)
		}
	}
	_, err := Rate{Formula: formula(t, `1/x`)}.Price(amount.FromInt(1), nil)
	if formulaError := (*FormulaError)(nil); !errors.As(err, &formulaError) || formulaError.Message != "division by zero" {
		t.Errorf("1/x without x: %v", err)
	}
}

// example is a formula with what it costs for exampleDims, or what it complains about.
type example struct{ source, want string }

const exampleDims = `{"a": 2, "b": 3.5, "neg": -7.25, "text": "word", "digits": "12.5", "yes": true, "no": false,
	"two words": 9, "units": 77, "wide": 123456789012345678901234567890.123456789012345678901234567890,
	"model": "gpt", "tier": 2, "quote\"": 1, "and": 5}`

// checkExamples evaluates with 6 units added.
func checkExamples(t *testing.T, examples []example) {
	t.Helper()
	d := dims(t, exampleDims)
	for _, x := range examples {
		got, err := Rate{Formula: formula(t, x.source)}.Price(amount.FromInt(6), d)
		if err != nil {
			if !strings.Contains(err.Error(), x.want) || strings.Trim(x.want, "0123456789.") == "" {
				t.Errorf("%s: %v; want %s", x.source, err, x.want)
			}
		} else if got.Cost.String() != x.want {
			t.Errorf("%s costs %s, want %s", x.source, got.Cost, x.want)
		}
	}
}

func TestFormulaOperators(t *testing.T) {
	// Operators bind and compute as the grammar of semantics 9.2 says.
	t.Parallel()
	checkExamples(t, []example{
		{"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"10 - 4 - 3", "3"}, {"100 / 10 / 5", "2"}, {"12 / 4 * 3", "9"},
		{"2 * -3 + 7", "1"}, {"-a + 5", "3"}, {"-(a - 5)", "3"}, {"5 - -a", "7"}, {"1.5e2", "150"}, {"2E-1", "0.2"},
		{"a*b", "7"}, {"units", "6"}, {"`units`", "77"}, {"`two words` + `and`", "14"}, {"units * 0.5", "3"},
		{"quantity", "1"}, {"digits * 2", "25"}, {"\n\ta\r\n+ 1 ", "3"},
		{"if(a < 3, 1, 2)", "1"}, {"if(a < 2, 1, 2)", "2"}, {"if(a <= 2, 1, 2)", "1"}, {"if(a > 2, 1, 2)", "2"},
		{"if(a >= 2, 1, 2)", "1"}, {"if(a == 2.0, 1, 2)", "1"}, {"if(a != 2, 1, 2)", "2"}, {"if(digits > 12, 1, 2)", "1"},
		{"if(yes and no, 1, 2)", "2"}, {"if(yes or no, 1, 2)", "1"}, {"if(not no, 1, 2)", "1"}, {"if(not a == 3, 1, 2)", "1"},
		{"if(yes or no and no, 1, 2)", "1"}, {"if((yes or no) and no, 1, 2)", "2"}, {"if(no or yes and a < b, 1, 2)", "1"},
		{"if(yes == yes, 1, 2)", "1"}, {"if(yes == no, 1, 2)", "2"}, {"if((a < b) == yes, 1, 2)", "1"},
		{`if(text == "word", 1, 2)`, "1"}, {`if(text == 'Word', 1, 2)`, "2"}, {`if(text != "x", 1, 2)`, "1"},
		{`if(digits == 12.50, 1, 2)`, "1"}, {`if(digits == "12.50", 1, 2)`, "2"}, {`if(12.5 == digits, 1, 2)`, "1"},
		{"if(text == 1, 1, 2)", "2"}, {"if(yes == 1, 1, 2)", "2"}, {`if('a\'b' == "a'b", 1, 2)`, "1"}, {`if("\\" == '\\', 1, 2)`, "1"},
		{"if(gone, 1, 2)", "2"}, {"if(gone == 0, 1, 2)", "1"}, {`if(gone == "", 1, 2)`, "2"}, {"gone + 4", "4"},
		{"if(if(a < b, yes, no), 1, 2)", "1"}, {"if(lookup(model, 'gpt', yes, no), 1, 2)", "1"},
		{"if(if(yes, text, model) == 'word', 1, 2)", "1"}, {"wide - wide + 1", "1"}, {"wide / wide", "1"},
		{"if(wide == wide, 1, 2)", "1"}, {"if(wide > 1e29, 1, 2)", "1"}, {"if(-wide < 0, 1, 2)", "1"},
		{"1e14 * 10 - 1e15 + 1", "1"}, {"1e-9 * 0.1 * 1e10", "1"}, {"1 / 1e-9 / 1e9", "1"},
		{"1/3*3", "1"}, {"2/3", "0.666666667"}, {"1/8", "0.125"}, {"0/5", "0"}, {"0.0000000004999 * 1", "0"},
		{"1/3*3*1e34 - 1e34 + 2", "1"}, // 34 digits of 1/3
	})
}

func TestFormulaFunctions(t *testing.T) {
	// Every function returns what its name says.
	t.Parallel()
	checkExamples(t, []example{
		{"min(3, 1, 2)", "1"}, {"max(3, 1, 2)", "3"}, {"min(a)", "2"}, {"max(neg, -8) + 10", "2.75"}, {"max(wide, 1) - wide", "0"},
		{"abs(neg)", "7.25"}, {"abs(a)", "2"}, {"abs(-wide) - wide", "0"},
		{"ceil(b)", "4"}, {"ceil(1e-10)", "1"}, {"floor(0 - 1e-10) + 5", "4"}, {"ceil(a)", "2"}, {"ceil(neg) + 10", "3"}, {"ceil(wide) - wide + 0.123456789012345678901234567890", "1"},
		{"floor(b)", "3"}, {"floor(neg) + 10", "2"}, {"floor(wide) - wide + 1", "0.876543211"}, {"ceil(999999999999999.5) - 1e15 + 1", "1"},
		{"floor(-999999999999999.5) + 1e15 + 1", "1"},
		{"round(2.5)", "3"}, {"round(-2.5) + 4", "1"}, {"round(2.345, 2)", "2.35"}, {"round(-2.345, 2) + 3", "0.65"},
		{"round(1249, -2)", "1200"}, {"round(1250, -2)", "1300"}, {"round(5, -1)", "10"}, {"round(4, -1)", "0"},
		{"round(wide, 29) - wide + 1", "1"}, {"round(1/3, 34) * 3", "1"}, {"round(999999999999999.5) - 1e15 + 3", "3"},
		{"round(a, 9)", "2"}, {"round(0.0000000015 * 0.1, 10) * 1e10", "2"},
		{"round(1, 0.5)", "whole number of digits"}, {"round(1, 35)", "whole number"}, {"round(1, -16)", "whole number"},
		{"round(1, wide)", "whole number"},
		{"if(yes, 1, 1/0)", "1"}, {"if(no, text + 1, 2)", "2"}, {"if(yes or 1/0 > 1, 1, 2)", "1"}, {"if(no and 1/0 > 1, 1, 2)", "2"},
		{"coalesce(gone, a)", "2"}, {"coalesce(a, gone)", "2"}, {"coalesce(gone, missing, 5)", "5"}, {"coalesce(gone, missing)", "0"},
		{"coalesce(coalesce(gone, missing), a, 1/0)", "2"}, {"coalesce(gone + 1, a)", "1"},
		{`if(coalesce(gone, text) == "word", 1, 2)`, "1"}, {"coalesce(quantity, 5)", "1"},
		{`lookup(model, "x", 1, "gpt", 2, 3)`, "2"}, {`lookup(model, "GPT", 1, 3)`, "3"}, {`lookup(tier, 1, 10, 2, 20, 0)`, "20"},
		{`lookup(tier, "1", 10, "2.0", 20, 0)`, "20"}, {`lookup(gone, 0, 1, 4)`, "4"}, {`lookup(coalesce(gone, model), "gpt", 7, 4)`, "7"},
		{`lookup(coalesce(gone, missing), 0, 7, 4)`, "4"}, {`lookup(model, "gpt", 1, "gpt", 1/0, 1/0)`, "1"},
		{`lookup(a + 1, 3, 8, 0)`, "8"}, {`lookup(yes, no, 1, yes, 2, 3)`, "2"}, {`lookup(model, 1, 1, text, 2, 3)`, "3"},
	})
}

func TestFormulaErrors(t *testing.T) {
	// An event that a formula cannot price is refused with a reason: wrong types, zero divisors, numbers out of bounds.
	t.Parallel()
	checkExamples(t, []example{
		{"a / 0", "division by zero"}, {"a / gone", "division by zero"}, {"1 / (a - 2)", "division by zero"},
		{"text + 1", `"text" is not a number`}, {"yes + 1", `"yes" is not a number`}, {"text", `"text" is not a number`},
		{"if(a, 1, 2)", `"a" is not a boolean`}, {"if(text and yes, 1, 2)", `"text" is not a boolean`},
		{`if(lookup(a, 2, 3, "x"), 1, 2)`, "a number stands where a condition is needed"},
		{`lookup(model, "gpt", "x", 1)`, "a text stands where a number is needed"}, {`if(yes, a < b, 1)`, "a condition stands where a number"},
		{"1e15", "more than 15 digits"}, {"wide", "more than 15 digits"}, {"-1e15", "more than 15 digits"},
		{"999999999999999.9999999995", "more than 15 digits"}, {"999999999999999.9999999994", "999999999999999.999999999"},
		{strings.Repeat("wide*", 6) + "wide", "more than 400 digits"}, {"1e50" + strings.Repeat("*1e50", 6), "more than 15"},
		{"1e-50" + strings.Repeat("*1e-50", 8), "more than 400 digits"}, {"1e59" + strings.Repeat("*1e59", 6) + "*1e-50", "more than 400"},
	})
	rate := Rate{Formula: formula(t, "big + 0")}
	for text, ok := range map[string]bool{
		strings.Repeat("1", 60): true, strings.Repeat("1", 61): false, "0." + strings.Repeat("1", 60): true,
		"1e60": false, "1e-61": false, "1e-60": true, "1e999999999999": false, "1e-99999": false, "1e2147483648": false,
		strings.Repeat("1", 1_000_000): false, "NaN": false, "Infinity": false, "": false, "+1": false,
	} {
		_, err := rate.Price(amount.Zero, Dims{{Key: "big", Kind: Number, Text: text}})
		if tooLong := err != nil && strings.Contains(err.Error(), "60 digits"); tooLong == ok {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}

func TestFormulaExplanation(t *testing.T) {
	// A price names what it read, once and in the order of reading, and nothing of branches not taken.
	t.Parallel()
	const source = "if(vip, skipped, units * a + a + gone + gone) + coalesce(gone, missing, b) + quantity"
	got, err := Rate{Formula: formula(t, source)}.Price(amount.FromInt(3), dims(t, `{"vip": false, "a": 2.0, "b": "7", "skipped": 1}`))
	want := Priced{
		Cost:     amount.FromInt(16),
		Warnings: []Warning{"MissingDimension:gone"},
		Inputs:   []Input{{"vip", "false"}, {"units", "3"}, {"a", "2.0"}, {"b", "7"}, {"quantity", "1"}},
	}
	if diff := cmp.Diff(want, got, sameAmount); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	f := formula(t, source)
	names := []string{"vip", "skipped", "a", "gone", "missing", "b", "quantity"}
	if diff := cmp.Diff(names, f.Dimensions()); diff != "" || !f.UsesUnits() || f.Source() != source {
		t.Errorf("dimensions %s, units %v, source %q", diff, f.UsesUnits(), f.Source())
	}
	if formula(t, "`units` + a").UsesUnits() {
		t.Error("a quoted name is a dimension")
	}
}

func TestStrictRate(t *testing.T) {
	// A strict rate refuses events that lack what is read, and only those.
	t.Parallel()
	for source, ok := range map[string]bool{
		"a + quantity": true, "a + gone": false, "if(a == 2, 1, gone)": true, "if(gone, 1, 2)": false, "coalesce(gone, a)": true,
		"coalesce(gone, missing)": false, "lookup(gone, 1, 2, 3)": false, "lookup(a, gone, 2, 3)": false,
	} {
		_, err := Rate{Formula: formula(t, source), Strict: true}.Price(amount.FromInt(1), dims(t, `{"a": 2}`))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "has no dimension") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestFlatRate(t *testing.T) {
	// A flat rate multiplies and rounds once, and refuses costs out of range.
	t.Parallel()
	for _, x := range []struct{ units, flat, cost string }{
		{"150", "0.002", "0.3"}, {"1", "5", "5"}, {"0", "5", "0"}, {"0.5", "0.000000001", "0.000000001"},
		{"0.4", "0.000000001", "0"}, {"1", "-1", "0"}, {"1e14", "10", ""}, {"1e14", "-10", ""},
	} {
		got, err := Rate{Flat: credits(t, x.flat)}.Price(credits(t, x.units), nil)
		if x.cost == "" {
			if err != errCostTooLarge {
				t.Errorf("%s × %s: %v", x.units, x.flat, err)
			}
		} else if err != nil || got.Cost != credits(t, x.cost) || (len(got.Warnings) > 0) != (x.flat == "-1") {
			t.Errorf("%s × %s = %v, %v; want %s", x.units, x.flat, got, err, x.cost)
		}
	}
}

func TestRateValidate(t *testing.T) {
	// A rate must fit its meter: not negative, and with units where units depend on the period.
	t.Parallel()
	sum, unique := &Meter{Aggregation: Sum}, &Meter{Aggregation: Unique}
	blocks := &Meter{Aggregation: Count, Transform: &Transform{10, RoundUp}}
	for _, x := range []struct {
		rate  Rate
		meter *Meter
		field string
	}{
		{Rate{}, unique, ""}, {Rate{Flat: amount.FromInt(-1)}, sum, "amount"}, {Rate{Flat: amount.FromInt(1e15)}, nil, "amount"},
		{Rate{Formula: formula(t, "a")}, sum, ""}, {Rate{Formula: formula(t, "a")}, nil, ""},
		{Rate{Formula: formula(t, "a")}, unique, "costFormula"}, {Rate{Formula: formula(t, "a")}, blocks, "costFormula"},
		{Rate{Formula: formula(t, "a * units")}, unique, ""}, {Rate{Formula: formula(t, "units")}, blocks, ""},
	} {
		checkField(t, x.rate.Validate(x.meter), x.field)
	}
}

func BenchmarkPrice(b *testing.B) {
	d := dims(b, `{"model": "large", "input_tokens": 1200, "output_tokens": 350, "user": "u1"}`)
	for name, rate := range map[string]Rate{
		"flat":       {Flat: credits(b, "0.002")},
		"two_tokens": {Formula: formula(b, "input_tokens * 0.000003 + output_tokens * 0.000015")},
		"lookup":     {Formula: formula(b, `(input_tokens + 4*output_tokens)/1000 * lookup(model,"large",3,"small",1,1)`)},
		"slow":       {Formula: formula(b, "input_tokens / 9 + output_tokens / 11")},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			units := amount.FromInt(150)
			for b.Loop() {
				if _, err := rate.Price(units, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleFormula() {
	f, _ := ParseFormula(`tokens / 1000 * lookup(model, "large", 3, 1)`)
	event, _ := NewDims([]Dim{{Key: "tokens", Kind: Number, Text: "2600"}, {Key: "model", Kind: String, Text: "large"}})
	priced, _ := Rate{Formula: f}.Price(amount.FromInt(1), event)
	fmt.Println(priced.Cost, priced.Inputs)
	// Output: 7.8 [{tokens 2600} {model large}]
}
