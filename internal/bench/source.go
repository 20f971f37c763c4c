package bench

import (
	"fmt"
	"iter"
	"time"

	"github.com/scrip-dev/scrip/internal/bench/rival"
)

// eventBytes is the size of a generated event, that of an event with four dimensions in the field.
const eventBytes = 283

// customerMax is the most customers there can be: their number has six digits.
const customerMax = 1_000_000

// models are the values of the model dimension, all of one length.
var models = [...]string{"atlas-large-v8-02", "atlas-small-v8-02", "cobalt-pro-v31-01", "cobalt-air-v31-01"}

// customerID names a customer.
func customerID(n int) string { return fmt.Sprintf("cust-%06d", n) }

// source makes events. It belongs to one goroutine.
type source struct {
	random    random
	customers uint64
	among     []uint32 // if not nil, the customers that the next events are about
	at        []byte   // the timestamp of the request, as text
	body      []byte   // reused
}

// newSource answers a source whose events follow from seed.
func newSource(seed uint64, customers int) *source {
	return &source{random: random(seed), customers: uint64(customers)}
}

// draw is one event before it is written.
type draw struct {
	customer, input, output uint64
	key, user               [2]uint64
}

// draw decides on the next event. Customers are drawn evenly, which is the hardest case for every cache.
func (s *source) draw() draw {
	d := draw{key: [2]uint64{s.random.next(), s.random.next()}, user: [2]uint64{s.random.next(), s.random.next()}}
	n := s.random.next()
	d.customer = s.pick(n >> 24)
	d.input = 1000 + n&0xfff // four digits
	d.output = 100 + n>>12&0x1ff
	return d
}

// pick turns even bits into a customer.
func (s *source) pick(bits uint64) uint64 {
	if s.among != nil {
		return uint64(s.among[bits%uint64(len(s.among))])
	}
	return bits % s.customers
}

// customer answers the number of the next customer to ask about.
func (s *source) customer() int { return int(s.random.next() % s.customers) }

// batch answers the body of a report of n events that happened at the given time, and the credits they cost in thousandths.
// The body is good until the next call.
func (s *source) batch(n int, at time.Time) (body []byte, cost int64) {
	s.at = at.UTC().AppendFormat(s.at[:0], "2006-01-02T15:04:05.000Z")
	b := append(s.body[:0], `{"events":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		d := s.draw()
		b = d.append(b, s.at)
		cost += int64(d.output) * rival.RatePerUnit
	}
	s.body = append(b, "]}"...)
	return s.body, cost
}

// append writes the event as JSON.
func (d *draw) append(b, at []byte) []byte {
	b = append(b, `{"customerId":"cust-`...)
	b = appendDigits(b, d.customer, 6)
	b = append(b, `","eventName":"`+rival.EventName+`","idempotencyKey":"`...)
	b = appendUUID(b, d.key)
	b = append(b, `","timestamp":"`...)
	b = append(b, at...)
	b = append(b, `","dimensions":`...)
	return append(d.appendDimensions(b), '}')
}

// appendDimensions writes the dimensions as a JSON object.
func (d *draw) appendDimensions(b []byte) []byte {
	b = append(b, `{"model":"`...)
	b = append(b, models[d.user[0]%uint64(len(models))]...)
	b = append(b, `","userId":"`...)
	b = appendUUID(b, d.user)
	b = append(b, `","input_tokens":`...)
	b = appendDigits(b, d.input, 4)
	b = append(b, `,"`+rival.UnitsDimension+`":`...)
	return append(appendDigits(b, d.output, 3), '}')
}

// events answers n events as a loader takes them.
func (s *source) events(n int, at time.Time) iter.Seq[rival.Event] {
	return func(yield func(rival.Event) bool) {
		for range n {
			d := s.draw()
			e := rival.Event{
				Customer: customerID(int(d.customer)), Name: rival.EventName, Key: string(appendUUID(nil, d.key)), At: at,
				Dimensions: string(d.appendDimensions(nil)), Units: int64(d.output),
			}
			if !yield(e) {
				return
			}
		}
	}
}

// appendDigits writes n with leading zeros.
func appendDigits(b []byte, n uint64, digits int) []byte {
	start := len(b)
	b = append(b, "000000"[:digits]...)
	for i := start + digits - 1; i >= start; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// appendHex writes the lowest digits of n.
func appendHex(b []byte, n uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}

// appendUUID writes a random UUID, which is what most callers use as a key.
func appendUUID(b []byte, bits [2]uint64) []byte {
	b = append(appendHex(b, bits[0]>>32, 8), '-')
	b = append(appendHex(b, bits[0]>>16, 4), '-', '4')
	b = append(appendHex(b, bits[0], 3), '-', "89ab"[bits[1]>>62])
	b = append(appendHex(b, bits[1]>>48, 3), '-')
	return appendHex(b, bits[1], 12)
}
