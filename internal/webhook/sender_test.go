package webhook_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

var (
	messagesWanted  = flag.Int("webhooks.messages", 2000, "messages of the long story")
	receiversWanted = flag.Int("webhooks.receivers", 20, "receivers of the long story, at most 100")
)

// perMinute is how many messages happen in a minute of the story.
const perMinute = 100

// story is weeks in the life of endpoints: messages for some hours, outages of days, nodes that are killed again and again,
// a rotation, endpoints that are disabled, and what people do about it.
func (w *world) story(messages, receivers int) {
	for i := range receivers {
		w.addReceiver(environments[i/50], kinds[i%len(kinds)])
	}
	nodes := []*node{w.start("a"), w.start("b")}
	used := environments[:1+(receivers-1)/50]
	for told, minute := 0, 0; told < messages; minute++ {
		for i := range used {
			w.tell(used[i], perMinute/len(used))
			told += perMinute / len(used)
		}
		switch minute % 3 {
		case 0, 1:
			time.Sleep(time.Duration(w.below(100)) * time.Millisecond) // while attempts are under way
			i := w.below(len(nodes))
			nodes[i].kill()
			nodes[i] = w.start(fmt.Sprint("again ", minute))
		case 2:
			nodes[0].drain()
			nodes[0] = w.start(fmt.Sprint("later ", minute))
		}
		if minute == messages/perMinute/2 {
			w.rotate()
		}
		time.Sleep(time.Minute - time.Duration(w.below(1000))*time.Millisecond)
	}
	for w.sinceStart() < recovery+time.Hour {
		w.tell(used[0], 1)
		time.Sleep(11 * time.Hour)
	}
	w.repair()
	nodes[0].kill()
	nodes[0] = w.start("last")
	time.Sleep(2 * day)
	for _, n := range nodes {
		n.drain()
	}
}

// rotate gives every endpoint a new secret; half of the receivers learn it at once, the others hours later.
func (w *world) rotate() {
	for i, r := range w.receivers {
		_, secret, err := w.service.RotateWebhookSecret(w.t.Context(), r.env, ledger.Actor{}, r.endpoint, credits.RotationDefault)
		if err != nil {
			w.t.Fatal(err)
		}
		learn := func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.secret = secret.Reveal()
		}
		time.AfterFunc(time.Minute+20*time.Hour*time.Duration(i%2), learn)
	}
}

// repair enables what was disabled and replays what was given up and missed, as a person would.
func (w *world) repair() {
	for _, r := range w.receivers {
		e, err := w.service.WebhookEndpoint(w.t.Context(), r.env, r.endpoint)
		if err != nil {
			w.t.Fatal(err)
		}
		if stopped := e.DisabledAt != 0; stopped != (r.kind == "gone" || r.kind == "dead") {
			w.t.Errorf("%s: disabled is %v, reason %q", r.kind, stopped, e.DisabledReason)
		}
		_, err = w.service.EnableWebhookEndpoint(w.t.Context(), r.env, ledger.Actor{}, r.endpoint)
		if err != nil {
			w.t.Fatal(err)
		}
		for {
			parked, err := w.service.Deliveries(w.t.Context(), r.env, credits.DeliveryFilter{Endpoint: r.endpoint, State: credits.DeliveryParked}, credits.Page{Limit: 100})
			if err != nil {
				w.t.Fatal(err)
			}
			if len(parked.Items) == 0 {
				break
			}
			if _, err := w.service.ReplayDelivery(w.t.Context(), r.env, ledger.Actor{}, r.endpoint, parked.Items[0].MessageID); err != nil {
				w.t.Fatal(err)
			}
		}
		w.replayFrom(r, e.DisabledAt)
	}
}

// replayFrom replays what an endpoint was not told while it was disabled.
func (w *world) replayFrom(r *receiver, since ledger.Time) {
	if since == 0 {
		return
	}
	const span = ledger.Time(time.Hour / time.Microsecond)
	for from := since; from < ledger.Time(time.Now().UnixMicro()); from += span {
		if _, err := w.service.ReplayMessages(w.t.Context(), r.env, ledger.Actor{}, credits.Replay{Endpoint: r.endpoint, From: from, Until: from + span}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// faults compares what each receiver has taken with what it was due.
func (w *world) faults() (found []string) {
	for _, r := range w.receivers {
		r.mu.Lock()
		missing, invented := 0, 0
		for id := range w.due[r.env] {
			if r.taken[id] == 0 {
				missing++
			}
		}
		for id := range r.taken {
			if !w.due[r.env][id] {
				invented++
			}
		}
		if missing+invented > 0 {
			found = append(found, fmt.Sprintf("%s (%s): %d of %d missing, %d invented", r.host, r.kind, missing, len(w.due[r.env]), invented))
		}
		for _, fault := range slices.Compact(slices.Clone(r.faults)) {
			found = append(found, r.host+" ("+r.kind+"): "+fault)
		}
		r.mu.Unlock()
	}
	return found
}

func TestEveryMessageArrives(t *testing.T) {
	// Through outages of days, errors, hangs, resets, endless bodies, redirects, 410, 429 and nodes that are killed again and
	// again, each receiver takes exactly the messages that it is due, all signed under the secret it has. Healthy ones hear
	// of everything at once.
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		defer w.close()
		w.story(*messagesWanted, *receiversWanted)
		for _, fault := range w.faults() {
			t.Error(fault)
		}
		repeats := map[string]int{}
		for _, r := range w.receivers {
			for _, n := range r.taken {
				repeats[r.kind] += n - 1
			}
			if r.kind == "healthy" && r.lateness > 4*credits.QueueLease {
				t.Errorf("%s is healthy and heard of something %s late", r.host, r.lateness)
			}
		}
		t.Logf("%d messages each; repeats by kind of receiver: %v", len(w.due[environments[0]]), repeats)
	})
}

func TestEveryMessageArrives_control(t *testing.T) {
	// A sender that strikes a delivery off before the receiver has taken it loses some, and the comparison tells.
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(s credits.Store) credits.Store { return hasty{s} })
		defer w.close()
		for _, kind := range []string{"healthy", "resets", "errors"} {
			w.addReceiver(environments[0], kind)
		}
		n := w.start("a")
		for range 10 {
			w.tell(environments[0], 10)
			time.Sleep(15 * time.Millisecond)
			n.kill()
			n = w.start("a")
			time.Sleep(2 * time.Minute)
		}
		time.Sleep(day)
		n.drain()
		if faults := strings.Join(w.faults(), "\n"); strings.Count(faults, "missing") != 3 {
			t.Errorf("the comparison tells:\n%s", faults)
		}
	})
}

// hasty is a store that strikes deliveries off when they are read.
type hasty struct{ credits.Store }

func (h hasty) Update(ctx context.Context, fn func(credits.Tx) error) error {
	return h.Store.Update(ctx, func(tx credits.Tx) error { return fn(hastyTx{tx}) })
}

type hastyTx struct{ credits.Tx }

func (tx hastyTx) DueDeliveries(ctx context.Context, ref credits.QueueRef, now ledger.Time, limit int) ([]*credits.Delivery, []*credits.Message, error) {
	due, messages, err := tx.Tx.DueDeliveries(ctx, ref, now, limit)
	for _, d := range due {
		struck := *d
		struck.State = credits.DeliveryDelivered
		if err := tx.ReopenDelivery(ctx, ref.Environment, &struck); err != nil {
			return nil, nil, err
		}
	}
	return due, messages, err
}

func (hastyTx) SettleDelivery(context.Context, string, *credits.Delivery, *credits.Attempt) error {
	return nil
}

func TestDeadReceiversDelayNobody(t *testing.T) {
	// A healthy receiver hears of everything less than twice as late when 49 others hang, as when it is alone.
	t.Parallel()
	lateness := map[int]time.Duration{}
	for _, others := range []int{0, 49} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			defer w.close()
			one := w.addReceiver(environments[0], "healthy")
			for range others {
				w.addReceiver(environments[0], "hangs")
			}
			time.Sleep(10 * time.Minute) // the others hang from now on
			n := w.start("a")
			for range 20 {
				w.tell(environments[0], 10)
				time.Sleep(time.Minute)
			}
			n.drain()
			if one.has() != 200 {
				t.Errorf("took %d of 200", one.has())
			}
			lateness[others] = one.lateness
		})
	}
	if lateness[49] >= 2*lateness[0] {
		t.Errorf("alone and beside others that hang: %v", slices.Sorted(maps.Values(lateness)))
	}
}
