package years

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Categories of lots, in the order in which they burn (semantics 5).
const (
	promotional = iota
	included
	paid
)

// lot is a grant of the model.
type lot struct {
	source       string
	given, left  *big.Rat
	begins, ends time.Time // ends is zero when it never does
	category     int
	born         int64 // microseconds, a carried over lot one less
	no           int
	active, gone bool
}

// account is a pool of the model.
type account struct {
	lots    []*lot
	deficit *big.Rat
	rows    []string
	made    int
}

func (a *account) row(at time.Time, kind string, amount *big.Rat, source string) {
	if amount.Sign() != 0 {
		a.rows = append(a.rows, line(at, kind, amount, source))
	}
}

// line is a row as text.
func line(at time.Time, kind string, amount *big.Rat, source string) string {
	return fmt.Sprintf("%s %s %s %s", at.Format(time.RFC3339Nano), kind, amount.RatString(), source)
}

// expire ends what is over at an instant.
func (a *account) expire(at time.Time) {
	for _, l := range a.lots {
		if l.gone || l.ends.IsZero() || l.ends.After(at) {
			continue
		}
		if l.active {
			a.row(at, "EXPIRED", new(big.Rat).Neg(l.left), l.source)
		}
		l.gone = true
	}
}

// activate begins what begins at an instant.
func (a *account) activate(at time.Time) {
	for _, l := range a.lots {
		if !l.gone && !l.active && !l.begins.After(at) {
			l.active = true
			a.row(at, "GRANTED", l.given, l.source)
		}
	}
}

// add puts a lot into the account, active when it begins by now.
func (a *account) add(at time.Time, kind string, l *lot) *lot {
	a.made++
	l.no, l.left = a.made, new(big.Rat).Set(l.given)
	if l.born == 0 {
		l.born = at.UnixMicro()
	}
	if l.begins.IsZero() {
		l.begins = at
	}
	a.lots = append(a.lots, l)
	if !l.begins.After(at) {
		l.active = true
		a.row(at, kind, l.given, l.source)
	}
	return l
}

// usable lists what can be burned, in burn order.
func (a *account) usable() []*lot {
	a.lots = slices.DeleteFunc(a.lots, func(l *lot) bool { return l.gone })
	var list []*lot
	for _, l := range a.lots {
		if l.active && l.left.Sign() > 0 {
			list = append(list, l)
		}
	}
	end := func(l *lot) int64 {
		if l.ends.IsZero() {
			return 1 << 62
		}
		return l.ends.UnixMicro()
	}
	slices.SortFunc(list, func(x, y *lot) int {
		return cmp.Or(cmp.Compare(end(x), end(y)), cmp.Compare(x.category, y.category), x.begins.Compare(y.begins),
			cmp.Compare(x.born, y.born), cmp.Compare(x.no, y.no))
	})
	return list
}

func (a *account) burn(amount *big.Rat) {
	for _, l := range a.usable() {
		x := least(amount, l.left)
		l.left, amount = minus(l.left, x), minus(amount, x)
	}
	a.deficit = new(big.Rat).Add(a.deficit, amount)
}

// settle pays a deficit with what has arrived.
func (a *account) settle() {
	owed := a.deficit
	a.deficit = new(big.Rat)
	a.burn(owed)
}

func (a *account) balance() *big.Rat {
	sum := new(big.Rat).Neg(a.deficit)
	for _, l := range a.lots {
		if l.active && !l.gone {
			sum.Add(sum, l.left)
		}
	}
	return sum
}

// void takes a lot away.
func (a *account) void(at time.Time, l *lot) {
	if !l.gone {
		a.row(at, "VOIDED", new(big.Rat).Neg(l.left), l.source)
		l.gone = true
	}
}
