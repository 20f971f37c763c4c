package rating

import (
	"cmp"
	"slices"
	"sort"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Kind is the JSON type of a dimension's value. Journals keep the numbers: they never change.
type Kind uint8

// The kinds of value. There is no null: a dimension without a value is missing.
const (
	String Kind = iota
	Number
	Bool
)

// Dim is one dimension of an event (semantics 7.1).
type Dim struct {
	Key  string
	Kind Kind
	// Text is the string itself, the number's literal as it stood in the JSON, or "true" or "false".
	Text string
}

// Dims are the dimensions of an event, sorted by Key, each key once. NewDims makes them.
type Dims []Dim

// quantity is the dimension that every event has: 1 unless the event says otherwise (semantics 7.1).
var quantity = Dim{Key: "quantity", Kind: Number, Text: "1"}

// NewDims sorts d in place and returns it as Dims. It is false if two dimensions have the same key.
func NewDims(d []Dim) (Dims, bool) {
	slices.SortFunc(d, func(a, b Dim) int { return cmp.Compare(a.Key, b.Key) })
	for i := 1; i < len(d); i++ {
		if d[i-1].Key == d[i].Key {
			return nil, false
		}
	}
	return d, true
}

// Get returns the dimension with that key. It knows only what the event carried: it does not make up a quantity.
func (d Dims) Get(key string) (Dim, bool) {
	i := sort.Search(len(d), func(i int) bool { return d[i].Key >= key })
	if i < len(d) && d[i].Key == key {
		return d[i], true
	}
	return Dim{}, false
}

// find is Get with the default of quantity. All rules of the package read dimensions through it.
func (d Dims) find(key string) (Dim, bool) {
	found, ok := d.Get(key)
	if !ok && key == quantity.Key {
		return quantity, true
	}
	return found, ok
}

// Equal tells whether two sets of dimensions say the same: the same keys, kinds and values. Numbers are compared by
// value where they fit an amount, so 1.0 equals 1.
func (d Dims) Equal(e Dims) bool { return slices.EqualFunc(d, e, Dim.equal) }

func (d Dim) equal(e Dim) bool {
	if d.Key != e.Key || d.Kind != e.Kind {
		return false
	}
	if d.Text == e.Text || d.Kind != Number {
		return d.Text == e.Text
	}
	x, errX := amount.Parse(d.Text)
	y, errY := amount.Parse(e.Text)
	return errX == nil && errY == nil && x == y
}
