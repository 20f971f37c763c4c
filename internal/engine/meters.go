package engine

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// meterKey names one cumulative meter of a customer: a feature, under a subscription, in one usage period.
type meterKey struct {
	Subscription string
	Feature      string
	Period       ledger.Time
}

// meterSet is the cumulative meters of one customer: those whose units depend on earlier events (semantics 8.2, 8.3).
type meterSet map[meterKey]*rating.State

func keyOfMeter(c *Charge) meterKey {
	return meterKey{Subscription: c.Subscription, Feature: c.Feature, Period: c.Meter.Period}
}

// advance moves the meter that a charge uses, and returns the units that it adds.
func (m *meterSet) advance(c *Charge) amount.Amount {
	if *m == nil {
		*m = meterSet{}
	}
	key := keyOfMeter(c)
	state := (*m)[key]
	if state == nil {
		state = &rating.State{}
		(*m)[key] = state
	}
	return state.Advance(c.Meter.Meter, c.Meter.Measure)
}

// preview returns the units that a charge would add, and changes nothing.
func (m meterSet) preview(c *Charge) amount.Amount {
	state := m[keyOfMeter(c)]
	if state == nil {
		state = &rating.State{}
	}
	return state.Preview(c.Meter.Meter, c.Meter.Measure)
}

// appendBinary writes the meters in key order, so that equal sets have equal bytes.
func (m meterSet) appendBinary(b []byte) []byte {
	keys := make([]meterKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y meterKey) int {
		return cmp.Or(cmp.Compare(x.Subscription, y.Subscription), cmp.Compare(x.Feature, y.Feature), cmp.Compare(x.Period, y.Period))
	})
	for _, k := range keys {
		b = appendString(appendString(b, k.Subscription), k.Feature)
		b = appendInt(b, int64(k.Period))
		state := m[k].AppendBinary(nil)
		b = binary.AppendUvarint(b, uint64(len(state)))
		b = append(b, state...)
	}
	return b
}

func decodeMeters(b []byte) (meterSet, error) {
	if len(b) == 0 {
		return nil, nil
	}
	m := meterSet{}
	r := &reader{rest: b}
	for len(r.rest) > 0 {
		k := meterKey{Subscription: r.string(), Feature: r.string(), Period: ledger.Time(r.int())}
		raw := r.bytes(r.count())
		if r.err != nil {
			return nil, r.err
		}
		state, err := rating.DecodeState(raw)
		if err != nil {
			return nil, err
		}
		m[k] = &state
	}
	return m, r.err
}
