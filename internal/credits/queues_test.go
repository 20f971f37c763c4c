package credits_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

const hour = 3600 * second

// hooked is a world with a vault and an endpoint that is told everything.
type hooked struct {
	*world
	ref credits.QueueRef
}

func setupHooked(t *testing.T) *hooked {
	t.Helper()
	w := setup(t)
	o := w.options()
	o.Vault = must[*credits.Vault](t)(credits.NewVault(strings.Repeat("k", credits.SecretKeyMin)))
	w.Service = must[*credits.Service](t)(credits.New(w.ctx, o))
	return &hooked{w, credits.QueueRef{Environment: env, Endpoint: addEndpoint(t, w)}}
}

func addEndpoint(t *testing.T, w *world) string {
	t.Helper()
	e, _, err := w.CreateWebhookEndpoint(w.ctx, env, actor, credits.NewWebhookEndpoint{URL: "https://hooks.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// happen makes one message.
func (h *hooked) happen(id string) {
	h.t.Helper()
	if _, err := h.CreateCreditType(h.ctx, env, actor, credits.NewCreditType{ID: id, DisplayName: id}); err != nil {
		h.t.Fatal(err)
	}
}

// wait is how long until the queue has something due; false when it has nothing.
func (h *hooked) wait() (ledger.Time, bool) {
	h.t.Helper()
	for _, q := range must[[]credits.WaitingQueue](h.t)(h.WaitingQueues(h.ctx)) {
		if q.QueueRef == h.ref {
			return credits.Micros(q.In), true
		}
	}
	return 0, false
}

// attempt waits until something is due, and settles one delivery with an outcome.
func (h *hooked) attempt(o credits.Outcome) (waited ledger.Time) {
	h.t.Helper()
	waited, ok := h.wait()
	if !ok {
		h.t.Fatal("nothing waits")
	}
	h.tick(waited)
	q := must[*credits.Queue](h.t)(h.OpenQueue(h.ctx, h.ref, "n"))
	o.MessageNo, o.At = q.Outgoing[0].MessageNo, h.now()
	must[*credits.Queue](h.t)(h.SettleQueue(h.ctx, q, []credits.Outcome{o}, true))
	return waited
}

func (h *hooked) deliveries(state credits.DeliveryState) int {
	h.t.Helper()
	list, err := h.Deliveries(h.ctx, env, credits.DeliveryFilter{Endpoint: h.ref.Endpoint, State: state}, credits.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(list.Items)
}

func TestRetrySchedule(t *testing.T) {
	// A message that nobody takes is tried at once and then at growing intervals over about three days, and parked; a replay
	// begins anew.
	t.Parallel()
	h := setupHooked(t)
	h.happen("tokens")
	began, tries := h.now(), 0
	var last ledger.Time
	for h.deliveries(credits.DeliveryParked) == 0 {
		waited := h.attempt(credits.Outcome{Status: 500, Excerpt: "no"})
		if tries++; tries > 1 && waited < last/2 || tries == 1 && waited != 0 {
			t.Errorf("attempt %d came after %d seconds, the one before after %d", tries, waited/second, last/second)
		}
		last = waited
	}
	if took := h.now() - began; tries != 14 || took < 60*hour || took > 84*hour {
		t.Errorf("%d attempts in %d hours", tries, took/hour)
	}
	if _, waits := h.wait(); waits {
		t.Error("a parked message waits for something")
	}
	list, err := h.Deliveries(h.ctx, env, credits.DeliveryFilter{Endpoint: h.ref.Endpoint}, credits.Page{})
	if err != nil {
		t.Fatal(err)
	}
	id := list.Items[0].MessageID
	must[*credits.Delivery](t)(h.ReplayDelivery(h.ctx, env, actor, h.ref.Endpoint, id))
	if waited := h.attempt(credits.Outcome{Failure: "closed"}); waited > 20*60*second {
		t.Errorf("the replay came after %d seconds", waited/second)
	}
	h.attempt(credits.Outcome{Status: 204})
	d := must[*credits.DeliveryDetail](t)(h.Delivery(h.ctx, env, h.ref.Endpoint, id))
	if d.Delivery.State != credits.DeliveryDelivered || d.Delivery.Attempts != 16 || len(d.Attempts) != 16 || d.Attempts[0].Status != 204 ||
		d.Attempts[1].Failure != "closed" || d.Attempts[15].Excerpt != "no" {
		t.Errorf("%+v, %d attempts", d.Delivery, len(d.Attempts))
	}
}

func TestRetryAfter(t *testing.T) {
	// Only 429 and 503 are heard, in seconds or as a date, for at most a day; nothing else is sent to the endpoint meanwhile.
	t.Parallel()
	date := time.UnixMicro(int64(start)).UTC()
	for _, test := range []struct {
		status      int
		header      string
		least, most ledger.Time
	}{
		{429, "600", 600 * second, 600 * second},
		{503, "7200", 2 * hour, 2 * hour},
		{429, "99999999", 24 * hour, 24 * hour},
		{429, date.Add(time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"), hour - second, hour},
		{500, "600", 4 * second, 6 * second},
		{429, "-5", 4 * second, 6 * second},
		{429, "soon", 4 * second, 6 * second},
		{429, "9223372036854775808", 4 * second, 6 * second},
		{429, date.Add(-time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"), 4 * second, 6 * second},
	} {
		h := setupHooked(t)
		h.happen("tokens")
		h.attempt(credits.Outcome{Status: test.status, RetryAfter: test.header})
		if test.least > 6*second {
			h.happen("coins") // waits too
		}
		if waited, ok := h.wait(); !ok || waited < test.least || waited > test.most {
			t.Errorf("%d with %q waits %d seconds", test.status, test.header, waited/second)
		}
	}
}

func TestEndpointsAreStopped(t *testing.T) {
	// An endpoint that answers 410, or has only failed for five days, is disabled, which is told to the others and stands in the
	// audit trail; what it is owed waits until it is enabled.
	t.Parallel()
	for reason, outcome := range map[string]credits.Outcome{credits.DisabledGone: {Status: 410}, credits.DisabledByFailures: {Status: 500}} {
		h := setupHooked(t)
		other := addEndpoint(t, h.world)
		h.happen("a")
		h.happen("b")
		for range 5 {
			h.attempt(outcome)
			if reason == credits.DisabledGone {
				break
			}
			h.tick(25 * hour)
			h.happen(fmt.Sprint("c", h.now()))
		}
		if reason == credits.DisabledByFailures {
			h.attempt(outcome)
		}
		e := must[*credits.WebhookEndpoint](t)(h.WebhookEndpoint(h.ctx, env, h.ref.Endpoint))
		if e.DisabledReason != reason || e.DisabledAt == 0 || e.Health.FailingSince == 0 {
			t.Errorf("%s: %+v", reason, e)
		}
		if _, waits := h.wait(); waits || h.deliveries(credits.DeliveryPending) == 0 {
			t.Errorf("%s: waits %v, %d pending", reason, waits, h.deliveries(credits.DeliveryPending))
		}
		before := h.deliveries("")
		h.happen("missed")
		if h.deliveries("") != before {
			t.Errorf("%s: it was told while it was disabled", reason)
		}
		notices, err := h.Deliveries(h.ctx, env, credits.DeliveryFilter{Endpoint: other, Type: credits.WebhookEndpointStopped}, credits.Page{})
		if err != nil || len(notices.Items) != 1 {
			t.Errorf("%s: %d notices (%v)", reason, len(notices.Items), err)
		}
		var rows int
		row := h.store.Reader().QueryRowContext(h.ctx, `SELECT COUNT(*) FROM audit WHERE action = 'webhookEndpoint.disabled'`)
		if err := row.Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%s: %d audit rows (%v)", reason, rows, err)
		}
		must[*credits.WebhookEndpoint](t)(h.EnableWebhookEndpoint(h.ctx, env, actor, h.ref.Endpoint))
		h.attempt(credits.Outcome{Status: 200})
	}
}

func TestQueuesAreFenced(t *testing.T) {
	// A node that lost its queue stores nothing of what it sent, and the node that has it sends that again.
	t.Parallel()
	h := setupHooked(t)
	h.happen("tokens")
	slow := must[*credits.Queue](t)(h.OpenQueue(h.ctx, h.ref, "slow"))
	if _, err := h.OpenQueue(h.ctx, h.ref, "early"); !errors.Is(err, credits.ErrQueueLost) {
		t.Errorf("opened while it was held: %v", err)
	}
	h.tick(credits.Micros(credits.QueueLease))
	fast := must[*credits.Queue](t)(h.OpenQueue(h.ctx, h.ref, "fast"))
	taken := []credits.Outcome{{MessageNo: slow.Outgoing[0].MessageNo, Status: 200}}
	if _, err := h.SettleQueue(h.ctx, slow, taken, false); !errors.Is(err, credits.ErrQueueLost) {
		t.Errorf("settled without the queue: %v", err)
	}
	if h.deliveries(credits.DeliveryDelivered) != 0 || len(fast.Outgoing) != 1 || string(fast.Outgoing[0].Body) != string(slow.Outgoing[0].Body) {
		t.Errorf("%d delivered, %d to be sent by the next", h.deliveries(credits.DeliveryDelivered), len(fast.Outgoing))
	}
	must[*credits.Queue](t)(h.SettleQueue(h.ctx, fast, taken, false))
	if h.deliveries(credits.DeliveryDelivered) != 1 {
		t.Error("the holder could not settle")
	}
	if _, err := h.DeleteWebhookEndpoint(h.ctx, env, actor, h.ref.Endpoint); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SettleQueue(h.ctx, fast, nil, true); !errors.Is(err, credits.ErrQueueLost) {
		t.Errorf("settled after the deletion: %v", err)
	}
}
