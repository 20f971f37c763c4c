package rating

import (
	"cmp"
	"encoding/json"
	"slices"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
)

// dims makes dimensions from a JSON object of strings, numbers and booleans.
func dims(t testing.TB, object string) Dims {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &raw); err != nil {
		t.Fatalf("dims %s: %v", object, err)
	}
	var list []Dim
	for key, lit := range raw {
		d := Dim{Key: key, Kind: Number, Text: string(lit)}
		switch lit[0] {
		case '"':
			d.Kind = String
			if err := json.Unmarshal(lit, &d.Text); err != nil {
				t.Fatal(err)
			}
		case 't', 'f':
			d.Kind = Bool
		}
		list = append(list, d)
	}
	d, ok := NewDims(list)
	if !ok {
		t.Fatalf("dims %s: a key twice", object)
	}
	return d
}

func credits(t testing.TB, s string) amount.Amount {
	t.Helper()
	a, err := amount.Parse(s)
	if err != nil {
		t.Fatalf("amount %q: %v", s, err)
	}
	return a
}

func formula(t testing.TB, src string) *Formula {
	t.Helper()
	f, err := ParseFormula(src)
	if err != nil {
		t.Fatalf("formula %s: %v", src, err)
	}
	return f
}

// onEvent is the group of all events of a name, with more conditions.
func onEvent(name string, more ...Condition) Group {
	return append(Group{{Field: "eventName", Operator: Equals, Values: []string{name}}}, more...)
}

func TestDims(t *testing.T) {
	// Dims are sorted, refuse a key twice, and find exactly the keys they have.
	t.Parallel()
	d, ok := NewDims([]Dim{{Key: "b"}, {Key: "a", Text: "x"}, {Key: "c"}})
	if !ok || !slices.IsSortedFunc(d, func(x, y Dim) int { return cmp.Compare(x.Key, y.Key) }) {
		t.Fatalf("got %v, %v", d, ok)
	}
	if a, ok := d.Get("a"); !ok || a.Text != "x" {
		t.Errorf("Get(a) = %v, %v", a, ok)
	}
	for _, key := range []string{"", "aa", "d", "quantity"} {
		if _, ok := d.Get(key); ok {
			t.Errorf("found %q", key)
		}
	}
	if _, ok := NewDims([]Dim{{Key: "a"}, {Key: "b"}, {Key: "a"}}); ok {
		t.Error("a key twice was accepted")
	}
}
