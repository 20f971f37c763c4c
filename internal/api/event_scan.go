package api

import (
	"strings"
	"sync"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Limits of a batch of events (wire reference 2.12, 5.1).
const (
	eventsMax = 1000
	dimsMax   = 64
	keyMax    = 255 // characters of an idempotency key or an event name
)

// eventScan reads the body of an event report in one pass and without reflection. It knows the usual shape only: texts
// without escapes, numbers without exponents, times in UTC. On anything else, rubbish included, it gives up, and the
// general decoder reads the body again from the start: that one says what is wrong. What eventScan accepts the general
// decoder accepts, with the same result.
//
// Texts of an event are parts of one copy of the body. The engine keeps two of them for long, as the names of pools: the
// customer and the resource. Those are copied apart, so that a short text does not keep a whole body in memory.
type eventScan struct {
	body   string
	at     int
	events []credits.ReportedEvent
	dims   []rating.Dim // backing of the dimensions of several events

	day      string // the date read last
	dayStart int64  // of day, in microseconds

	customers interner
}

// eventScans keeps scanners, for the memory of their lists and their interned texts.
var eventScans = sync.Pool{New: func() any { return &eventScan{} }}

// scanEvents reads the usual report. It is false when the general decoder has to look. The events may be used until the
// scanner is released; one that is never released is left to the garbage collector.
func scanEvents(body []byte) (*eventScan, bool) {
	s := eventScans.Get().(*eventScan)
	s.body, s.at = string(body), 0
	ok := s.report()
	if !ok {
		s.release()
	}
	return s, ok
}

// dimsKept bounds what a scanner keeps between two bodies.
const dimsKept = 16 << 10

// release gives the scanner back. Nothing may use its events any more.
func (s *eventScan) release() {
	clear(s.events)
	clear(s.dims)
	s.body, s.day, s.events, s.dims = "", "", s.events[:0], s.dims[:0]
	if cap(s.dims) > dimsKept {
		s.dims = nil
	}
	eventScans.Put(s)
}

func (s *eventScan) report() bool {
	if !s.take('{') || !s.name("events") || !s.take('[') {
		return false
	}
	for {
		if len(s.events) == eventsMax {
			return false
		}
		s.events = append(s.events, credits.ReportedEvent{})
		if !s.event(&s.events[len(s.events)-1]) {
			return false
		}
		if !s.take(',') {
			break
		}
	}
	return s.take(']') && s.take('}') && s.end()
}

// The members of an event, as bits of a set.
const (
	seenCustomer = 1 << iota
	seenName
	seenKey
	seenResource
	seenTime
	seenDims

	seenRequired = seenCustomer | seenName | seenKey
)

func (s *eventScan) event(e *credits.ReportedEvent) bool {
	if !s.take('{') {
		return false
	}
	seen := 0
	for {
		key, ok := s.text()
		if !ok || !s.take(':') {
			return false
		}
		member, ok := s.member(key, e)
		if !ok || seen&member != 0 {
			return false
		}
		seen |= member
		if !s.take(',') {
			break
		}
	}
	return seen&seenRequired == seenRequired && s.take('}')
}

// member reads the value of one member. It is false for what the general decoder has to judge.
func (s *eventScan) member(key string, e *credits.ReportedEvent) (seen int, ok bool) {
	switch key {
	case "customerId":
		e.Customer, ok = s.slug(customerMarks)
		return seenCustomer, ok
	case "eventName":
		e.Name, ok = s.text()
		return seenName, ok && e.Name != "" && len(e.Name) <= keyMax
	case "idempotencyKey":
		e.Key, ok = s.text()
		return seenKey, ok && e.Key != "" && len(e.Key) <= keyMax
	case "resourceId":
		if s.word("null") {
			return seenResource, true
		}
		e.Resource, ok = s.slug(slugMarks)
		return seenResource, ok
	case "timestamp":
		text, ok := s.text()
		if !ok {
			return 0, false
		}
		e.At, ok = s.time(text)
		return seenTime, ok
	case "dimensions":
		e.Dims, ok = s.dimensions()
		return seenDims, ok
	}
	return 0, false
}

// slug reads an id. Ids that were seen before are known to be good.
func (s *eventScan) slug(marks string) (string, bool) {
	text, ok := s.text()
	if !ok {
		return "", false
	}
	if known, ok := s.customers.known[text]; ok && marks == customerMarks {
		return known, true
	}
	if !isSlug(text, marks) {
		return "", false
	}
	if marks == customerMarks {
		return s.customers.intern(text), true
	}
	return strings.Clone(text), true
}

func (s *eventScan) dimensions() (rating.Dims, bool) {
	if !s.take('{') {
		return nil, false
	}
	if s.take('}') {
		return nil, true
	}
	if cap(s.dims)-len(s.dims) < dimsMax { // events before keep the old backing
		s.dims = make([]rating.Dim, 0, 2*cap(s.dims)+dimsMax)
	}
	start := len(s.dims)
	for {
		if len(s.dims)-start == dimsMax || !s.dimension(start) {
			return nil, false
		}
		if !s.take(',') {
			break
		}
	}
	return rating.Dims(s.dims[start:len(s.dims):len(s.dims)]), s.take('}')
}

// dimension reads one dimension and puts it in its place among those from start on.
func (s *eventScan) dimension(start int) bool {
	key, ok := s.text()
	if !ok || key == "" || len(key) > keyMax || !s.take(':') {
		return false
	}
	d := rating.Dim{Key: key}
	if !s.value(&d) {
		return false
	}
	place := len(s.dims)
	for ; place > start && s.dims[place-1].Key >= key; place-- {
		if s.dims[place-1].Key == key {
			return false
		}
	}
	s.dims = append(s.dims, d)
	if place < len(s.dims)-1 {
		copy(s.dims[place+1:], s.dims[place:])
		s.dims[place] = d
	}
	return true
}

// dimTextMax is below the decoder's limit for a text.
const dimTextMax = 16 << 10

func (s *eventScan) value(d *rating.Dim) (ok bool) {
	s.space()
	if s.at >= len(s.body) {
		return false
	}
	switch s.body[s.at] {
	case '"':
		d.Kind = rating.String
		d.Text, ok = s.text()
		return ok && len(d.Text) <= dimTextMax
	case 't':
		d.Kind, d.Text = rating.Bool, "true"
		return s.word("true")
	case 'f':
		d.Kind, d.Text = rating.Bool, "false"
		return s.word("false")
	}
	d.Kind = rating.Number
	d.Text, ok = s.number()
	return ok
}

// interner keeps one copy of texts that come again and again. It forgets all of them when there are too many.
type interner struct{ known map[string]string }

const (
	internedMax     = 4096
	internedTextMax = 64 // bytes; longer texts are rare, and are copied each time
)

func (n *interner) intern(text string) string {
	if known, ok := n.known[text]; ok {
		return known
	}
	text = strings.Clone(text)
	if len(text) > internedTextMax {
		return text
	}
	if n.known == nil || len(n.known) >= internedMax {
		n.known = make(map[string]string)
	}
	n.known[text] = text
	return text
}
