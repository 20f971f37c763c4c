package rival

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// span is an event whose texts are parts of the body it came in.
type span struct {
	customer, name, key, at, dimensions []byte
	units                               int64
}

// size is the number of bytes that append writes.
func (e *span) size() int {
	return len(e.customer) + len(e.name) + len(e.key) + len(e.at) + len(e.dimensions) + 4
}

// append writes the members, each but the last ended by a zero byte, which none of them can hold.
func (e *span) append(b []byte) []byte {
	for _, member := range [][]byte{e.customer, e.name, e.key, e.at} {
		b = append(append(b, member...), 0)
	}
	return append(b, e.dimensions...)
}

// errUnusual says that a body is not in the plain form the scanner knows; it may still be right.
var errUnusual = errors.New("not in plain form")

// scan reads the events of a body into events, which it may grow. The usual body is read without a copy; one with escapes
// or members out of the ordinary goes through decode, which also tells wrong from unusual.
func scan(body []byte, events *[]span) error {
	s := scanner{b: body}
	*events = s.report((*events)[:0])
	if s.failed {
		return scanSlowly(body, events)
	}
	return check(*events)
}

// check refuses what decode would refuse.
func check(events []span) error {
	if len(events) == 0 || len(events) > batchMax {
		return fmt.Errorf("events: want 1 to %d, got %d", batchMax, len(events))
	}
	for i := range events {
		e := &events[i]
		if len(e.customer) == 0 || len(e.name) == 0 || len(e.key) == 0 {
			return fmt.Errorf("events[%d]: a required member is missing", i)
		}
	}
	return nil
}

// scanSlowly makes spans of what decode understands.
func scanSlowly(body []byte, events *[]span) error {
	decoded, err := decode(body)
	if err != nil {
		return errors.Join(errUnusual, err)
	}
	*events = (*events)[:0]
	for _, e := range decoded {
		*events = append(*events, span{
			[]byte(e.Customer), []byte(e.Name), []byte(e.Key), e.At.AppendFormat(nil, time.RFC3339Nano), []byte(e.Dimensions), e.Units,
		})
	}
	return nil
}

// scanner walks over a body. Once failed it stays so; every method is then harmless.
type scanner struct {
	b      []byte
	i      int
	failed bool
}

// report reads {"events":[…]}.
func (s *scanner) report(events []span) []span {
	s.want('{')
	if string(s.text()) != "events" {
		s.failed = true
	}
	s.want(':')
	s.list('[', ']', func() { events = append(events, s.event()) })
	s.want('}')
	if s.space(); s.i != len(s.b) {
		s.failed = true
	}
	return events
}

// event reads one event.
func (s *scanner) event() span {
	var e span
	s.list('{', '}', func() {
		name := s.text()
		s.want(':')
		switch string(name) {
		case "customerId":
			e.customer = s.text()
		case "eventName":
			e.name = s.text()
		case "idempotencyKey":
			e.key = s.text()
		case "timestamp":
			e.at = s.text()
			s.instant(e.at)
		case "dimensions":
			s.space()
			start := s.i
			e.units = s.dimensions()
			e.dimensions = s.b[start:s.i]
		default:
			s.failed = true
		}
	})
	return e
}

// instant fails on what is not an RFC 3339 time.
func (s *scanner) instant(text []byte) {
	if _, err := time.Parse(time.RFC3339, string(text)); err != nil {
		s.failed = true
	}
}

// dimensions walks over a flat object and answers the charged one.
func (s *scanner) dimensions() (units int64) {
	s.list('{', '}', func() {
		name := s.text()
		s.want(':')
		if s.space(); s.i < len(s.b) && s.b[s.i] == '"' {
			s.text()
			return
		}
		literal := s.literal()
		if string(name) == UnitsDimension {
			units = s.integer(literal)
		}
	})
	return units
}

// list reads open, items with commas between them, and end.
func (s *scanner) list(open, end byte, item func()) {
	s.want(open)
	if s.space(); s.i < len(s.b) && s.b[s.i] == end {
		s.i++
		return
	}
	for !s.failed {
		item()
		if s.space(); s.i < len(s.b) && s.b[s.i] == ',' {
			s.i++
			continue
		}
		s.want(end)
		return
	}
}

// space skips white space.
func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

// want steps over one mark.
func (s *scanner) want(mark byte) {
	if s.space(); s.failed || s.i >= len(s.b) || s.b[s.i] != mark {
		s.failed = true
		return
	}
	s.i++
}

// text reads a string of printable ASCII without escapes.
func (s *scanner) text() []byte {
	s.want('"')
	if s.failed {
		return nil
	}
	end := bytes.IndexByte(s.b[s.i:], '"')
	if end < 0 {
		s.failed = true
		return nil
	}
	found := s.b[s.i : s.i+end]
	for _, c := range found {
		if c < ' ' || c > '~' || c == '\\' {
			s.failed = true
			return nil
		}
	}
	s.i += end + 1
	return found
}

// literal reads a number or a word.
func (s *scanner) literal() []byte {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] != ',' && s.b[s.i] != '}' && s.b[s.i] > ' ' {
		s.i++
	}
	found := s.b[start:s.i]
	switch {
	case string(found) == "true", string(found) == "false":
	case len(found) > 0 && (found[0] == '-' || '0' <= found[0] && found[0] <= '9'):
	default:
		s.failed = true
	}
	return found
}

// integer reads a charged dimension. Fractions go the slow way, which refuses them.
func (s *scanner) integer(literal []byte) int64 {
	n, err := strconv.ParseInt(string(literal), 10, 64)
	if err != nil {
		s.failed = true
	}
	return n
}
