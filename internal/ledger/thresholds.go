package ledger

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/scrip-dev/scrip/internal/amount"
)

// How many thresholds a pool may be watched for.
const (
	BalanceThresholdsMax = 20 // percentages and amounts together
	GrantThresholdsMax   = 10
)

// percentStep is the precision of thresholds in percent: a hundredth, so that comparing is multiplying by small numbers.
const percentStep = 100

// Thresholds say what a pool is watched for (semantics 16.2). They never change once made, and equal ones are one pointer.
// A nil *Thresholds has none.
type Thresholds struct {
	percents []level // of the balance, remaining; highest first
	amounts  []level // of the balance
	grants   []level // of a grant, consumed; highest first
	form     []byte  // as stored
}

// level is a threshold. For one in percent, share counts its hundredths.
type level struct {
	value amount.Amount
	share int64
}

// known holds Thresholds by their stored form. There are as many as configurations that were met, which are few.
var known sync.Map

// NewThresholds makes thresholds from percentages of the alert base that remain, balances, and percentages of a grant that
// are consumed, each in any order. Percentages are above 0 and at most 100, with two decimals at most; amounts are not
// negative. It fails with *FieldError.
func NewThresholds(percents, amounts, grants []amount.Amount) (*Thresholds, error) {
	switch {
	case len(percents)+len(amounts) > BalanceThresholdsMax:
		return nil, &FieldError{"Percents", "has too many thresholds"}
	case len(grants) > GrantThresholdsMax:
		return nil, &FieldError{"Grants", "has too many thresholds"}
	}
	t := &Thresholds{}
	var err error
	if t.percents, err = percentLevels("Percents", percents); err != nil {
		return nil, err
	}
	if t.grants, err = percentLevels("Grants", grants); err != nil {
		return nil, err
	}
	for _, value := range amounts {
		if value.Sign() < 0 || !value.InRange() {
			return nil, &FieldError{"Amounts", "must not be negative or too large"}
		}
		t.amounts = append(t.amounts, level{value: value})
	}
	if t.amounts = descending(t.amounts); repeats(t.amounts) {
		return nil, &FieldError{"Amounts", "must not repeat a threshold"}
	}
	return t.shared(), nil
}

func percentLevels(field string, values []amount.Amount) ([]level, error) {
	var levels []level
	for _, value := range values {
		share, ok := hundredths(value)
		if !ok {
			return nil, &FieldError{field, "must be above 0 and at most 100, with at most two decimals"}
		}
		levels = append(levels, level{value, share})
	}
	if levels = descending(levels); repeats(levels) {
		return nil, &FieldError{field, "must not repeat a threshold"}
	}
	return levels, nil
}

// hundredths counts the hundredths of a percentage; false when it is not one that a threshold may have.
func hundredths(percent amount.Amount) (int64, bool) {
	share, whole := percent.Times(percentStep).Int64()
	return share, whole && share > 0 && share <= 100*percentStep
}

func descending(levels []level) []level {
	slices.SortFunc(levels, func(a, b level) int { return b.value.Cmp(a.value) })
	return levels
}

func repeats(levels []level) bool {
	for i := 1; i < len(levels); i++ {
		if levels[i] == levels[i-1] {
			return true
		}
	}
	return false
}

// shared returns the one pointer for thresholds like these, nil when there are none.
func (t *Thresholds) shared() *Thresholds {
	if len(t.percents)+len(t.amounts)+len(t.grants) == 0 {
		return nil
	}
	for _, levels := range [...][]level{t.percents, t.amounts, t.grants} {
		t.form = binary.AppendUvarint(t.form, uint64(len(levels)))
		for _, l := range levels {
			t.form = l.value.AppendBinary(t.form)
		}
	}
	one, _ := known.LoadOrStore(string(t.form), t)
	return one.(*Thresholds)
}

// appendThresholds appends the stored form: three lists, each with its length.
func appendThresholds(b []byte, t *Thresholds) []byte {
	if t == nil {
		return append(b, 0, 0, 0)
	}
	return append(b, t.form...)
}

// thresholds reads what appendThresholds wrote. What is like thresholds met before is not read again.
func (d *decoder) thresholds() *Thresholds {
	from := d.rest
	var lists [3][]amount.Amount
	for i := range lists {
		for range d.count(1) {
			lists[i] = append(lists[i], d.amount())
		}
	}
	if d.err != nil {
		return nil
	}
	t, err := NewThresholds(lists[0], lists[1], lists[2])
	if err != nil || !bytes.Equal(appendThresholds(nil, t), from[:len(from)-len(d.rest)]) {
		d.fail("impossible thresholds")
	}
	return t
}

// Percents lists the percentages of the alert base, highest first.
func (t *Thresholds) Percents() []amount.Amount { return valuesOf(t.orNone().percents) }

// Amounts lists the balances, highest first.
func (t *Thresholds) Amounts() []amount.Amount { return valuesOf(t.orNone().amounts) }

// Grants lists the percentages of a grant consumed, highest first.
func (t *Thresholds) Grants() []amount.Amount { return valuesOf(t.orNone().grants) }

// noThresholds stands in for nil.
var noThresholds Thresholds

func (t *Thresholds) orNone() *Thresholds {
	if t == nil {
		return &noThresholds
	}
	return t
}

func valuesOf(levels []level) []amount.Amount {
	list := make([]amount.Amount, len(levels))
	for i, l := range levels {
		list[i] = l.value
	}
	return list
}

// balances is how many thresholds of the balance there are.
func (t *Thresholds) balances() int {
	if t == nil {
		return 0
	}
	return len(t.percents) + len(t.amounts)
}

// balance returns the i-th threshold of the balance, and whether it is an amount: percentages come first.
func (t *Thresholds) balance(i int) (l level, absolute bool) {
	if i < len(t.percents) {
		return t.percents[i], false
	}
	return t.amounts[i-len(t.percents)], true
}

// place finds a threshold of the balance; −1 when it is not one of these.
func (t *Thresholds) place(l level, absolute bool) int {
	for i := range t.balances() {
		if other, amounts := t.balance(i); other == l && amounts == absolute {
			return i
		}
	}
	return -1
}
