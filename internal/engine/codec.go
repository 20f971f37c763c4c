package engine

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// entryVersion is the first byte of every entry. Old versions stay readable for ever.
const entryVersion = 1

// Which optional members an entry carries.
const (
	hasRequest = 1 << iota
	hasReason
	hasKey
	hasRef
	hasEvent
	hasTexts
	hasNews // something is to be told of it: who only tells need not decode the others
)

// encoder writes entries into a block.
type encoder struct {
	texts   *textTable
	charges []ledger.Charge // of the entry under way
}

// entry appends the stored form of e. Its position is not part of it: the block knows it.
func (c *encoder) entry(b []byte, e *Entry) []byte {
	b = append(b, entryVersion, byte(e.Kind), e.flags())
	b = c.texts.append(b, environmentText, e.Environment)
	b = appendString(b, e.Customer)
	b = appendInt(b, int64(e.At))
	b = append(b, byte(e.Actor.Kind))
	b = c.texts.append(b, actorText, e.Actor.ID)
	if e.Request != "" {
		b = c.texts.append(b, requestText, e.Request)
	}
	if e.Reason != "" {
		b = appendString(b, e.Reason)
	}
	if e.Key != "" {
		b = appendString(b, e.Key)
		b = binary.LittleEndian.AppendUint64(b, e.Fingerprint)
	}
	if e.Ref != 0 {
		b = binary.AppendUvarint(b, uint64(e.Ref))
		b = appendInt(b, int64(e.RefEventAt))
	}
	if e.Event != nil {
		b = c.event(b, e.Event, e.At)
	}
	if len(e.Texts) > 0 {
		b = binary.AppendUvarint(b, uint64(len(e.Texts)))
		for i := range e.Texts {
			b = appendTexts(b, &e.Texts[i])
		}
	}
	return c.pools(b, e.Pools)
}

func (e *Entry) flags() byte {
	var f byte
	set := func(flag byte, on bool) {
		if on {
			f |= flag
		}
	}
	set(hasRequest, e.Request != "")
	set(hasReason, e.Reason != "")
	set(hasKey, e.Key != "")
	set(hasRef, e.Ref != 0)
	set(hasEvent, e.Event != nil)
	set(hasTexts, len(e.Texts) > 0)
	set(hasNews, e.News())
	return f
}

// decodeEntry reads what encoder.entry wrote. The rows of the entry share one cause.
func decodeEntry(raw rawEntry, at Position) (*Entry, error) {
	e := &Entry{Position: at}
	r := &reader{rest: raw.bytes, block: raw.texts}
	if r.byte() != entryVersion {
		return nil, errCorrupt
	}
	e.Kind = EntryKind(r.byte())
	flags := r.byte()
	e.Environment, e.Customer = r.text(), r.string()
	e.At = ledger.Time(r.int())
	e.Actor = ledger.Actor{Kind: ledger.ActorKind(r.byte()), ID: r.text()}
	if flags&hasRequest != 0 {
		e.Request = r.text()
	}
	if flags&hasReason != 0 {
		e.Reason = r.string()
	}
	if flags&hasKey != 0 {
		e.Key = r.string()
		if raw := r.bytes(8); raw != nil {
			e.Fingerprint = binary.LittleEndian.Uint64(raw)
		}
	}
	if flags&hasRef != 0 {
		e.Ref, e.RefEventAt = Position(r.uint()), ledger.Time(r.int())
	}
	if flags&hasEvent != 0 {
		e.Event = r.event(e.At)
	}
	if flags&hasTexts != 0 {
		for range r.items() {
			e.Texts = append(e.Texts, r.texts())
		}
	}
	r.pools(e)
	if r.err == nil && (len(r.rest) > 0 || !e.wellFormed()) {
		r.fail()
	}
	if r.err != nil {
		return nil, r.err
	}
	return e, nil
}

// wellFormed tells whether the entry has what its kind needs to tell its keys.
func (e *Entry) wellFormed() bool {
	switch e.Kind {
	case EventEntry, ConsumeEntry, ResolveEntry:
		return e.Event != nil
	case ReserveEntry, SettleEntry, ReleaseEntry:
		return len(e.Pools) > 0
	case TurnEntry:
		return e.Key != ""
	}
	if e.Kind == CloseEntry {
		_, ok := e.closedUntil()
		return ok
	}
	return e.Kind != 0 && e.Kind <= SweepEntry
}

func (c *encoder) event(b []byte, ev *Event, at ledger.Time) []byte {
	b = c.texts.append(b, eventText, ev.Name)
	b = appendString(b, ev.Resource)
	b = appendInt(b, int64(at-ev.At))
	b = binary.AppendUvarint(b, uint64(len(ev.Dims)))
	for i := range ev.Dims {
		d := &ev.Dims[i]
		b = append(c.texts.append(b, dimensionText+i, d.Key), byte(d.Kind))
		b = appendString(b, d.Text)
	}
	b = append(b, byte(ev.Status))
	b = appendString(b, ev.Reason)
	b = binary.AppendUvarint(b, uint64(len(ev.Warnings)))
	for _, w := range ev.Warnings {
		b = appendString(b, string(w))
	}
	b = binary.AppendUvarint(b, uint64(len(ev.Charges)))
	for i := range ev.Charges {
		b = c.charge(b, &ev.Charges[i])
	}
	return b
}

func (r *reader) event(at ledger.Time) *Event {
	ev := &Event{Name: r.text(), Resource: r.string(), At: at - ledger.Time(r.int())}
	for range r.items() {
		ev.Dims = append(ev.Dims, rating.Dim{Key: r.text(), Kind: rating.Kind(r.byte()), Text: r.string()})
	}
	ev.Status = EventStatus(r.byte())
	ev.Reason = r.string()
	for range r.items() {
		ev.Warnings = append(ev.Warnings, rating.Warning(r.string()))
	}
	for range r.items() {
		ev.Charges = append(ev.Charges, r.charge())
	}
	return ev
}

// What a charge says of its meter; 0 means that there is none.
const (
	meterWithoutEnd = iota + 1
	meterWithEnd
)

func (c *encoder) charge(b []byte, charge *Charge) []byte {
	c.charges = append(c.charges, charge.Charge)
	b = c.texts.append(b, featureText, charge.Feature)
	b = c.texts.append(b, mappingText, charge.Mapping)
	b = appendInt(b, int64(charge.Version))
	b = c.texts.append(b, currencyText, charge.Currency)
	b = appendString(b, charge.Subscription)
	b = charge.Units.AppendBinary(b)
	b = charge.Cost.AppendBinary(b)
	m := charge.Meter
	switch {
	case m == nil:
		return append(b, 0)
	case m.End == 0:
		b = appendInt(append(b, meterWithoutEnd), int64(m.Period))
	default:
		b = appendInt(append(b, meterWithEnd), int64(m.Period))
		b = appendInt(b, int64(m.End-m.Period))
	}
	return appendMeterUse(b, m)
}

func (r *reader) charge() Charge {
	c := Charge{
		Charge:       ledger.Charge{Feature: r.text(), Mapping: r.text(), Version: int32(r.int())},
		Currency:     r.text(),
		Subscription: r.string(),
		Units:        r.amount(),
		Cost:         r.amount(),
	}
	switch kind := r.byte(); kind {
	case meterWithoutEnd, meterWithEnd:
		c.Meter = &MeterUse{Period: ledger.Time(r.int())}
		if kind == meterWithEnd {
			c.Meter.End = c.Meter.Period + ledger.Time(r.int())
		}
		r.meterUse(c.Meter)
	}
	return c
}

func appendTexts(b []byte, t *GrantTexts) []byte {
	b = binary.AppendUvarint(b, uint64(t.Grant))
	for _, s := range []string{t.DisplayName, t.Comment, t.Reason, t.CollectionMethod, t.SourceType, t.SourceID} {
		b = appendString(b, s)
	}
	b = append(b, byte(t.Actor.Kind))
	b = appendString(b, t.Actor.ID)
	b = binary.AppendUvarint(b, uint64(len(t.Metadata)))
	for _, k := range slices.Sorted(maps.Keys(t.Metadata)) {
		b = appendString(appendString(b, k), t.Metadata[k])
	}
	return b
}

func (r *reader) texts() GrantTexts {
	t := GrantTexts{Grant: ledger.GrantID(r.uint())}
	for _, s := range []*string{&t.DisplayName, &t.Comment, &t.Reason, &t.CollectionMethod, &t.SourceType, &t.SourceID} {
		*s = r.string()
	}
	t.Actor = ledger.Actor{Kind: ledger.ActorKind(r.byte()), ID: r.string()}
	for range r.items() {
		if t.Metadata == nil {
			t.Metadata = map[string]string{}
		}
		k := r.string()
		t.Metadata[k] = r.string()
	}
	return t
}

func (c *encoder) pools(b []byte, pools []PoolFacts) []byte {
	b = binary.AppendUvarint(b, uint64(len(pools)))
	for i := range pools {
		p := &pools[i]
		b = c.texts.append(b, poolText, p.Currency)
		b = appendString(b, p.Resource)
		b = binary.AppendUvarint(b, uint64(len(p.Facts)))
		for f := range p.Facts {
			fact := &p.Facts[f] // all rows of an entry share one cause
			b = ledger.AppendFact(b, fact, &ledger.Origin{Cause: fact.Row.Cause, Charges: c.charges})
		}
	}
	return b
}

func (r *reader) pools(e *Entry) {
	cause := e.cause()
	origin := ledger.Origin{Cause: &cause, SystemCause: &cause}
	if e.Event != nil {
		for i := range e.Event.Charges {
			origin.Charges = append(origin.Charges, e.Event.Charges[i].Charge)
		}
	}
	for range r.items() {
		p := PoolFacts{Currency: r.text(), Resource: r.string()}
		for range r.items() {
			fact, rest, err := ledger.DecodeFact(r.rest, &origin)
			if err != nil {
				r.fail()
				return
			}
			p.Facts, r.rest = append(p.Facts, fact), rest
		}
		e.Pools = append(e.Pools, p)
	}
}

// appendMeterUse keeps what a replay needs to advance the meter: how it aggregates, and what was measured.
func appendMeterUse(b []byte, m *MeterUse) []byte {
	b = append(b, byte(m.Meter.Aggregation))
	if t := m.Meter.Transform; t != nil {
		b = append(appendInt(b, t.DivideBy), byte(t.Round))
	} else {
		b = appendInt(b, 0)
	}
	b = m.Measure.Units.AppendBinary(b)
	return appendString(b, m.Measure.Value)
}

func (r *reader) meterUse(m *MeterUse) {
	m.Meter = &rating.Meter{Aggregation: rating.Aggregation(r.byte())}
	if divide := r.int(); divide != 0 {
		m.Meter.Transform = &rating.Transform{DivideBy: divide, Round: rating.Rounding(r.byte())}
	}
	m.Measure = rating.Measurement{Units: r.amount(), Value: r.string()}
}
