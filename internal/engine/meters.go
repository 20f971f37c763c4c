package engine

import (
	"cmp"
	"encoding/binary"
	"maps"
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
// Periods that are over are forgotten.
type meterSet map[meterKey]*meterState

// meterState is what a meter has counted in its period.
type meterState struct {
	rating.State
	end ledger.Time // of the period; 0 when it never ends
}

// meterReach is how long meters outlive their period: as long as an event may be late before only a person can let it in
// (semantics 7.3), and the longest grace. It decides what a replay keeps, so it is part of the database format.
const meterReach = 31*24*3600*1_000_000 + ledger.MaxLateGrace

// Over tells whether the period ended so long ago that its meter may have been forgotten. Moving it then needs Tx.Recall.
func (m *MeterUse) Over(at ledger.Time) bool { return isOver(m.End, at) }

func isOver(end, at ledger.Time) bool { return end != 0 && end+meterReach <= at }

func keyOfMeter(c *Charge) meterKey {
	return meterKey{Subscription: c.Subscription, Feature: c.Feature, Period: c.Meter.Period}
}

// advance moves the meter that a charge uses, in the entry of an instant, and returns the units that it adds. A meter that
// is new makes room by forgetting those that are over. What is kept depends on the entries alone (E5); and since the new one
// stays, whatever its age, a set never becomes empty again, whose row would not be written.
func (m *meterSet) advance(c *Charge, at ledger.Time) amount.Amount {
	if *m == nil {
		*m = meterSet{}
	}
	key := keyOfMeter(c)
	state := (*m)[key]
	if state == nil {
		maps.DeleteFunc(*m, func(_ meterKey, old *meterState) bool { return isOver(old.end, at) })
		state = &meterState{}
		(*m)[key] = state
	}
	state.end = max(state.end, c.Meter.End)
	return state.Advance(c.Meter.Meter, c.Meter.Measure)
}

// preview returns the units that a charge would add, and changes nothing.
func (m meterSet) preview(c *Charge) amount.Amount {
	state := m[keyOfMeter(c)]
	if state == nil {
		state = &meterState{}
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
		b = appendInt(appendInt(b, int64(k.Period)), int64(m[k].end))
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
		end := ledger.Time(r.int())
		raw := r.bytes(r.count())
		if r.err != nil {
			return nil, r.err
		}
		state, err := rating.DecodeState(raw)
		if err != nil {
			return nil, err
		}
		m[k] = &meterState{State: state, end: end}
	}
	return m, r.err
}
