package rating

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scrip-dev/scrip/internal/amount"
)

// sameAmount lets cmp compare amounts.
var sameAmount = cmp.Comparer(func(a, b amount.Amount) bool { return a == b })

func TestMeasure(t *testing.T) {
	// An event contributes what semantics 8.2 says; what it cannot contribute is 0 with a warning.
	t.Parallel()
	d := dims(t, `{"n": 1.5, "text": "2e3", "word": "many", "neg": -4, "flag": true, "user": "u1", "id": 7.0,
		"fine": 0.0000000001, "huge": 1e15, "zero": 0}`)
	for _, x := range []struct {
		aggregation Aggregation
		field       string
		units       string
		value       string
		warnings    []Warning
	}{
		{Count, "", "1", "", nil},
		{Sum, "n", "1.5", "", nil},
		{Sum, "text", "2000", "", nil},
		{Sum, "zero", "0", "", nil},
		{Sum, "quantity", "1", "", nil},
		{Sum, "gone", "0", "", []Warning{"MissingDimension:gone"}},
		{Sum, "word", "0", "", []Warning{"NotANumber:word"}},
		{Sum, "flag", "0", "", []Warning{"NotANumber:flag"}},
		{Sum, "neg", "0", "", []Warning{"NegativeValue:neg"}},
		{Sum, "fine", "0", "", []Warning{"NumberTooLong:fine"}},
		{Max, "huge", "0", "", []Warning{"NumberTooLong:huge"}},
		{Max, "n", "1.5", "", nil},
		{Max, "neg", "0", "", []Warning{"NegativeValue:neg"}},
		{Unique, "user", "1", "u1", nil},
		{Unique, "id", "1", "7", nil},
		{Unique, "flag", "1", "true", nil},
		{Unique, "gone", "0", "", []Warning{"MissingDimension:gone"}},
		{Min, "n", "0", "", nil},
		{Avg, "n", "0", "", nil},
	} {
		m := Meter{Aggregation: x.aggregation, Field: x.field}
		got, warnings := m.Measure(d)
		want := Measurement{Units: credits(t, x.units), Value: x.value}
		if diff := cmp.Diff(want, got, sameAmount); diff != "" {
			t.Errorf("%s(%s): %s", x.aggregation, x.field, diff)
		}
		if diff := cmp.Diff(x.warnings, warnings); diff != "" {
			t.Errorf("%s(%s): %s", x.aggregation, x.field, diff)
		}
	}
	m := Meter{Aggregation: Sum, Field: "quantity"}
	if got, _ := m.Measure(dims(t, `{"quantity": 12}`)); got.Units != amount.FromInt(12) {
		t.Errorf("a quantity of 12 counts %s", got.Units)
	}
}

// use is one step of a worked example: the event's dimensions and the credits it burns.
type use struct{ dims, burned string }

func TestWorkedExamples(t *testing.T) {
	// W11 to W14: the credits burned event by event, and the period's total, which order does not change.
	t.Parallel()
	for _, x := range []struct {
		name  string
		meter Meter
		rate  string
		uses  []use
		total string
	}{
		{"W11 UNIQUE", Meter{Aggregation: Unique, Field: "userId"}, "10",
			[]use{{`{"userId": "u1"}`, "10"}, {`{"userId": "u2"}`, "10"}, {`{"userId": "u1"}`, "0"}}, "20"},
		{"W11 other order", Meter{Aggregation: Unique, Field: "userId"}, "10",
			[]use{{`{"userId": "u2"}`, "10"}, {`{"userId": "u1"}`, "10"}, {`{"userId": "u1"}`, "0"}}, "20"},
		{"W11 next period", Meter{Aggregation: Unique, Field: "userId"}, "10", []use{{`{"userId": "u1"}`, "10"}}, "10"},
		{"W12 MAX", Meter{Aggregation: Max, Field: "concurrency"}, "2",
			[]use{{`{"concurrency": 5}`, "10"}, {`{"concurrency": 3}`, "0"}, {`{"concurrency": 8}`, "6"}}, "16"},
		{"W12 other order", Meter{Aggregation: Max, Field: "concurrency"}, "2",
			[]use{{`{"concurrency": 8}`, "16"}, {`{"concurrency": 5}`, "0"}, {`{"concurrency": 3}`, "0"}}, "16"},
		{"W13 blocks", Meter{Aggregation: Sum, Field: "bytes", Transform: &Transform{1000, RoundUp}}, "2",
			[]use{{`{"bytes": 400}`, "2"}, {`{"bytes": 700}`, "2"}, {`{"bytes": 100}`, "0"}, {`{"bytes": 1900}`, "4"}}, "8"},
		{"W13 down", Meter{Aggregation: Sum, Field: "bytes", Transform: &Transform{1000, RoundDown}}, "2",
			[]use{{`{"bytes": 400}`, "0"}, {`{"bytes": 700}`, "2"}, {`{"bytes": 100}`, "0"}, {`{"bytes": 1900}`, "4"}}, "6"},
		{"W14 messages", Meter{Aggregation: Count}, "1", []use{{`{"tokens": 150}`, "1"}}, "1"},
		{"W14 tokens", Meter{Aggregation: Sum, Field: "tokens"}, "0.002", []use{{`{"tokens": 150}`, "0.3"}}, "0.3"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			rate := Rate{Flat: credits(t, x.rate)}
			var s State
			var total amount.Amount
			for i, u := range x.uses {
				measured, _ := x.meter.Measure(dims(t, u.dims))
				priced, err := rate.Price(s.Advance(&x.meter, measured), nil)
				if err != nil || priced.Cost != credits(t, u.burned) {
					t.Errorf("event %d burns %s, %v; want %s", i, priced.Cost, err, u.burned)
				}
				total = total.Add(priced.Cost)
			}
			if total != credits(t, x.total) {
				t.Errorf("total %s, want %s", total, x.total)
			}
		})
	}
}

// anyMeter draws a meter whose units depend on the period, and events for it.
func anyMeter(t *rapid.T) (Meter, []Measurement) {
	m := Meter{Aggregation: rapid.SampledFrom([]Aggregation{Count, Sum, Unique, Max}).Draw(t, "aggregation"), Field: "x"}
	if rapid.Bool().Draw(t, "transformed") {
		m.Transform = &Transform{
			DivideBy: rapid.Int64Range(1, 50).Draw(t, "divide"),
			Round:    rapid.SampledFrom([]Rounding{RoundUp, RoundDown}).Draw(t, "round"),
		}
	}
	values := rapid.SliceOfN(rapid.IntRange(0, 30_000), 1, 30).Draw(t, "values")
	events := make([]Measurement, len(values))
	for i, v := range values {
		text := strconv.Itoa(v/1000) + "." + fmt.Sprintf("%03d", v%1000)
		events[i], _ = m.Measure(Dims{{Key: "x", Kind: Number, Text: text}})
	}
	return m, events
}

func TestOrderDoesNotMatter(t *testing.T) {
	// The units of a period depend only on the set of its events, never shrink, and survive encoding half-way.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, events := anyMeter(t)
		shuffled := slices.Clone(events)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		var a, b State
		var totalA, totalB amount.Amount
		for i := range events {
			preview := a.Preview(&m, events[i])
			added := a.Advance(&m, events[i])
			if added.Sign() < 0 || added != preview {
				t.Fatalf("event %d adds %s, previewed %s", i, added, preview)
			}
			totalA = totalA.Add(added)
			totalB = totalB.Add(b.Advance(&m, shuffled[i]))
			b = restore(t, &b)
		}
		if totalA != totalB || !bytes.Equal(a.AppendBinary(nil), b.AppendBinary(nil)) || a.Total() != b.Total() {
			t.Fatalf("totals %s and %s", totalA, totalB)
		}
	})
}

func restore(t *rapid.T, s *State) State {
	restored, err := DecodeState(s.AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	return restored
}

func TestStateClone(t *testing.T) {
	// A clone and its original do not see each other's events.
	t.Parallel()
	m := Meter{Aggregation: Unique, Field: "x"}
	seen := func(v string) Measurement { return Measurement{Units: amount.FromInt(1), Value: v} }
	var s State
	s.Advance(&m, seen("a"))
	c := s.Clone()
	c.Advance(&m, seen("b"))
	if s.Total() != amount.FromInt(1) || s.Advance(&m, seen("b")).IsZero() || !c.Advance(&m, seen("a")).IsZero() {
		t.Error("the clone is not independent")
	}
}

func TestDecodeStateRefuses(t *testing.T) {
	// Bytes that were not written by AppendBinary are refused.
	t.Parallel()
	m := Meter{Aggregation: Unique, Field: "x"}
	var s State
	s.Advance(&m, Measurement{Units: amount.FromInt(1), Value: "a"})
	good := s.AppendBinary(nil)
	twice := append(slices.Clone(good), good[len(good)-16:]...)
	twice[3] = 2 // version, two bytes of total, then the count
	huge := append([]byte{stateVersion, 0}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)
	for i, b := range [][]byte{nil, {0}, {stateVersion}, good[:len(good)-1], append(slices.Clone(good), 0), twice, huge} {
		if _, err := DecodeState(b); err != ErrCorruptState {
			t.Errorf("case %d: %v", i, err)
		}
	}
}

func TestStateless(t *testing.T) {
	// Only COUNT and SUM without transformation do without a state.
	t.Parallel()
	for _, x := range []struct {
		meter Meter
		want  bool
	}{
		{Meter{Aggregation: Count}, true}, {Meter{Aggregation: Sum}, true}, {Meter{Aggregation: Unique}, false},
		{Meter{Aggregation: Max}, false}, {Meter{Aggregation: Count, Transform: &Transform{10, RoundUp}}, false},
	} {
		if got := x.meter.Stateless(); got != x.want {
			t.Errorf("%v: %v", x.meter, got)
		}
	}
}

func BenchmarkMeasure(b *testing.B) {
	m := Meter{Aggregation: Sum, Field: "tokens"}
	d := dims(b, `{"model": "large", "tokens": 1200, "user": "u1", "region": "eu"}`)
	b.ReportAllocs()
	for b.Loop() {
		m.Measure(d)
	}
}

func BenchmarkAdvanceUnique(b *testing.B) {
	m := Meter{Aggregation: Unique, Field: "user"}
	x, _ := m.Measure(dims(b, `{"user": "u1"}`))
	var s State
	b.ReportAllocs()
	for b.Loop() {
		s.Advance(&m, x)
	}
}
