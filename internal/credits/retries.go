package credits

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

const (
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// retryDelays are the times between attempts: 72 hours in all, after which a message is parked (semantics 16.4). Each is
// lengthened or shortened by up to a fifth, so that what failed together does not come back together.
var retryDelays = []ledger.Time{
	5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 2 * hour, 4 * hour, 8 * hour, 12 * hour, 12 * hour,
	16 * hour, 16 * hour,
}

// retrySpan is when a delivery is parked even if attempts are left, because its endpoint had so much to catch up on.
const retrySpan = 84 * hour

// Limits of how an endpoint that fails is treated.
const (
	failuresTolerated = 5             // in a row, before its queue rests between attempts
	restFirst         = 1 * second    // doubled with each further failure
	restMax           = 10 * minute   // so that one that is back is noticed soon
	retryAfterMax     = 24 * hour     // of what a receiver may ask for
	disableAfter      = 5 * 24 * hour // of nothing but failures (semantics 16.4)
)

// Outcome is what became of one attempt.
type Outcome struct {
	MessageNo  int64
	At         ledger.Time // when it began, by the clock of the environment
	Took       ledger.Time
	Status     int    // of the answer, or 0 when there was none
	Failure    string // why there was none
	RetryAfter string // the header of that name
	Excerpt    string // at most 2 KB
}

// Unwanted tells whether the receiver asks to be left alone for a while.
func (o *Outcome) Unwanted() bool {
	return o.Status == http.StatusTooManyRequests || o.Status == http.StatusServiceUnavailable
}

// delivered tells whether the receiver has taken the message: any 2xx.
func (o *Outcome) delivered() bool { return o.Status/100 == 2 }

// after is the state of a delivery after an attempt.
func (d *Delivery) after(o *Outcome, now ledger.Time) {
	d.Tries, d.Attempts = d.Tries+1, d.Attempts+1
	switch {
	case o.delivered():
		d.State, d.EndedAt = DeliveryDelivered, now
	case int(d.Tries) > len(retryDelays) || now-d.OwedSince >= retrySpan:
		d.State, d.EndedAt = DeliveryParked, now
	default:
		delay := jittered(retryDelays[d.Tries-1], d.EndpointID, d.MessageNo, d.Attempts)
		d.NextAt = now + max(delay, o.retryAfter(now))
	}
}

// after is the health of an endpoint after an attempt.
func (h *EndpointHealth) after(o *Outcome, endpointID string, now ledger.Time) {
	if o.delivered() {
		*h = EndpointHealth{RestsUntil: h.RestsUntil} // it may have asked for rest meanwhile
		return
	}
	h.Failures++
	if h.FailingSince == 0 {
		h.FailingSince = now
	}
	rest := o.retryAfter(now)
	if over := h.Failures - failuresTolerated; over >= 0 {
		rest = max(rest, jittered(min(restFirst<<min(over, 20), restMax), endpointID, 0, h.Failures))
	}
	if rest > 0 {
		h.RestsUntil = max(h.RestsUntil, now+rest)
	}
}

// retryAfter is how long the receiver asks to be left alone, at most a day. Only 429 and 503 are heard.
func (o *Outcome) retryAfter(now ledger.Time) ledger.Time {
	if !o.Unwanted() {
		return 0
	}
	text := strings.TrimSpace(o.RetryAfter)
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return min(max(ledger.Time(seconds)*second, 0), retryAfterMax)
	}
	if until, err := http.ParseTime(text); err == nil {
		return min(max(ledger.Time(until.UnixMicro())-now, 0), retryAfterMax)
	}
	return 0
}

// jittered spreads a delay by up to a fifth in either direction. What it depends on is the same at every node, so nothing
// needs to be drawn.
func jittered(delay ledger.Time, endpointID string, messageNo, attempt int64) ledger.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(endpointID + " " + strconv.FormatInt(messageNo, 10) + " " + strconv.FormatInt(attempt, 10)))
	const steps = 1000
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd // spreads the low bits, which alone differ between neighbours
	x ^= x >> 33
	return delay + delay/5*ledger.Time(int64(x%(2*steps))-steps)/steps
}

// Micros is a duration of the standard library as a span of our time.
func Micros(d time.Duration) ledger.Time { return ledger.Time(d.Microseconds()) }
