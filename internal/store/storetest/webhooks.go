package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// addMessages inserts messages of a cause each, as AppendMessages does, and returns them.
func addMessages(t *testing.T, s credits.Store, env string, causes ...string) (added []*credits.Message) {
	t.Helper()
	update(t, s, func(tx credits.Tx) error {
		added = nil
		last, err := tx.LockMessages(t.Context(), env)
		if err != nil {
			return err
		}
		for i, cause := range causes {
			m := &credits.Message{No: last + int64(i) + 1, ID: "msg_" + cause, Type: credits.GrantGranted, Cause: cause,
				OccurredAt: 100 + ledger.Time(last) + ledger.Time(i), Stream: "s", TraceID: "t", APIVersion: "1", Test: cause == "test", Payload: `{"a":1}`}
			if m.Sequence, err = tx.NextSequence(t.Context(), env, "s"); err != nil {
				return err
			}
			added = append(added, m)
			if err := tx.InsertMessage(t.Context(), env, m); err != nil {
				return err
			}
		}
		return tx.SetLastMessage(t.Context(), env, last+int64(len(causes)))
	})
	return added
}

func messages(t *testing.T, s credits.Store) {
	// A message comes back as written; a cause and an id have one in an environment; numbers and streams are its own.
	written := addMessages(t, s, envA, "a", "b", "c")
	if first := addMessages(t, s, envB, "a"); first[0].No != 1 || first[0].Sequence != 1 {
		t.Errorf("the first of another environment has the numbers %d and %d", first[0].No, first[0].Sequence)
	}
	view(t, s, func(tx credits.Tx) error {
		one, err := tx.Message(t.Context(), envA, "msg_b")
		same(t, one, written[1])
		list, err2 := tx.MessagesAfter(t.Context(), envA, 1, 10)
		same(t, list, written[1:])
		known, err3 := tx.HasMessage(t.Context(), envA, "b")
		unknown, err4 := tx.HasMessage(t.Context(), envB, "b")
		last, err5 := tx.LastMessage(t.Context(), envA)
		if !known || unknown || last != 3 {
			t.Errorf("known %v, known elsewhere %v, last %d", known, unknown, last)
		}
		if _, err := tx.Message(t.Context(), envB, "msg_b"); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("a message of another environment: %v, want ErrMissing", err)
		}
		return errors.Join(err, err2, err3, err4, err5)
	})
	for name, change := range map[string]func(*credits.Message){
		"cause": func(m *credits.Message) { m.ID, m.No, m.Sequence = "msg_x", 4, 4 },
		"id":    func(m *credits.Message) { m.Cause, m.No, m.Sequence = "x", 4, 4 },
	} {
		again := *written[0]
		change(&again)
		err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertMessage(t.Context(), envA, &again) })
		if !errors.Is(err, credits.ErrTaken) {
			t.Errorf("a second message of the same %s: %v, want ErrTaken", name, err)
		}
	}
}

func messagesInOrder(t *testing.T, s credits.Store) {
	// Messages that are added at the same time have numbers without a gap, and none becomes visible before one with a
	// smaller number.
	const writers, each = 4, 10
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				addMessages(t, s, envA, fmt.Sprintf("%d/%d", w, i))
			}
		})
	}
	for seen := int64(0); seen < writers*each; {
		view(t, s, func(tx credits.Tx) error {
			list, err := tx.MessagesAfter(t.Context(), envA, seen, 100)
			for _, m := range list {
				if seen++; m.No != seen || m.Sequence != seen {
					t.Errorf("number %d, sequence %d; want %d", m.No, m.Sequence, seen)
				}
			}
			return err
		})
	}
	wait.Wait()
}

// addEndpoints inserts endpoints with numbers from 1 on.
func addEndpoints(t *testing.T, s credits.Store, env string, ids ...string) (added []*credits.WebhookEndpoint) {
	t.Helper()
	update(t, s, func(tx credits.Tx) error {
		for i, id := range ids {
			e := &credits.WebhookEndpoint{No: int64(i + 1), ID: id, URL: "https://example.com/" + id, Dialect: credits.DialectSeed,
				Types: []credits.MessageType{credits.GrantGranted}, Secret: "sealed", CreatedAt: 5, UpdatedAt: 5}
			added = append(added, e)
			if err := tx.InsertWebhookEndpoint(t.Context(), env, e); err != nil {
				return err
			}
		}
		return nil
	})
	return added
}

func webhookEndpoints(t *testing.T, s credits.Store) {
	// An endpoint comes back as written last, its health beside it; deleting it takes what it was owed along.
	e := addEndpoints(t, s, envA, "one", "two")[0]
	addMessages(t, s, envA, "a")
	owed := &credits.Delivery{EndpointID: "one", MessageNo: 1, MessageID: "msg_a", Type: credits.GrantGranted, State: credits.DeliveryPending}
	e.URL, e.DisabledAt, e.DisabledReason, e.Description = "https://example.com/new", 7, credits.DisabledByUser, "d"
	e.Health = credits.EndpointHealth{FailingSince: 3, Failures: 4, RestsUntil: 5}
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(
			tx.UpdateWebhookEndpoint(t.Context(), envA, e), tx.SetEndpointHealth(t.Context(), envA, "one", e.Health),
			tx.InsertDelivery(t.Context(), envA, owed),
			tx.SettleDelivery(t.Context(), envA, owed, &credits.Attempt{EndpointID: "one", MessageNo: 1, No: 1}))
	})
	update(t, s, func(tx credits.Tx) error {
		locked, err := tx.LockWebhookEndpoint(t.Context(), envA, "one")
		same(t, locked, e)
		one, err2 := tx.WebhookEndpoint(t.Context(), envA, "one")
		same(t, one, e)
		all, err3 := tx.WebhookEndpoints(t.Context(), envA)
		if len(all) != 2 || all[0].ID != "one" || all[1].ID != "two" {
			t.Errorf("listed %v", all)
		}
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx credits.Tx) error { return tx.DeleteWebhookEndpoint(t.Context(), envA, "one") })
	view(t, s, func(tx credits.Tx) error {
		_, gone := tx.WebhookEndpoint(t.Context(), envA, "one")
		_, owed := tx.Delivery(t.Context(), envA, "one", 1)
		if !errors.Is(gone, credits.ErrMissing) || !errors.Is(owed, credits.ErrMissing) {
			t.Errorf("after the deletion: %v, %v; want ErrMissing twice", gone, owed)
		}
		return nil
	})
	for _, id := range []string{"one", "three"} {
		err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.DeleteWebhookEndpoint(t.Context(), envA, id) })
		if !errors.Is(err, credits.ErrMissing) {
			t.Errorf("deleted %q: %v, want ErrMissing", id, err)
		}
	}
}

func deliveries(t *testing.T, s credits.Store) {
	// A delivery comes back as settled last, with its attempts, alone and through every filter, in pages.
	addEndpoints(t, s, envA, "one", "two")
	addMessages(t, s, envA, "a", "b", "c")
	d := &credits.Delivery{EndpointID: "one", MessageNo: 2, MessageID: "msg_b", Type: credits.GrantGranted, State: credits.DeliveryPending, NextAt: 10, OwedSince: 9}
	update(t, s, func(tx credits.Tx) error {
		other, third := *d, *d
		other.MessageNo, third.EndpointID = 3, "two"
		return errors.Join(tx.InsertDelivery(t.Context(), envA, d), tx.InsertDelivery(t.Context(), envA, &other), tx.InsertDelivery(t.Context(), envA, &third))
	})
	if err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.InsertDelivery(t.Context(), envA, d) }); !errors.Is(err, credits.ErrTaken) {
		t.Errorf("a second delivery: %v, want ErrTaken", err)
	}
	attempts := []*credits.Attempt{
		{EndpointID: "one", MessageNo: 2, No: 2, At: 12, Took: 3, Status: 500, Excerpt: "no"},
		{EndpointID: "one", MessageNo: 2, No: 1, At: 11, Took: 2, Failure: "closed"},
	}
	d.State, d.Tries, d.Attempts, d.NextAt, d.EndedAt = credits.DeliveryParked, 1, 2, 20, 21
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.SettleDelivery(t.Context(), envA, d, attempts[1]), tx.SettleDelivery(t.Context(), envA, d, attempts[0]))
	})
	view(t, s, func(tx credits.Tx) error {
		one, err := tx.Delivery(t.Context(), envA, "one", 2)
		same(t, one, d)
		tried, err2 := tx.DeliveryAttempts(t.Context(), envA, "one", 2)
		same(t, tried, attempts)
		for _, f := range []struct {
			filter credits.DeliveryFilter
			page   credits.Page
			want   []int64
		}{
			{credits.DeliveryFilter{}, credits.Page{}, []int64{3, 2}},
			{credits.DeliveryFilter{State: credits.DeliveryParked}, credits.Page{}, []int64{2}},
			{credits.DeliveryFilter{Type: credits.GrantExpired}, credits.Page{}, nil},
			{credits.DeliveryFilter{Type: credits.GrantGranted}, credits.Page{After: 3}, []int64{2}},
			{credits.DeliveryFilter{}, credits.Page{Before: 2}, []int64{3}},
		} {
			f.filter.Endpoint = "one"
			list, err := tx.Deliveries(t.Context(), envA, f.filter, f.page)
			var got []int64
			for _, d := range list {
				got = append(got, d.MessageNo)
			}
			if err != nil || !slices.Equal(got, f.want) {
				t.Errorf("%+v %+v listed %v (%v), want %v", f.filter, f.page, got, err, f.want)
			}
		}
		return errors.Join(err, err2)
	})
}

func replays(t *testing.T, s credits.Store) {
	// A replay selects by time, type and state, without tests; what it opens again is pending.
	addEndpoints(t, s, envA, "one")
	addMessages(t, s, envA, "a", "b", "test", "c") // at 100, 101, 102, 103
	d := &credits.Delivery{EndpointID: "one", MessageNo: 2, MessageID: "msg_b", Type: credits.GrantGranted, State: credits.DeliveryParked, Tries: 3, Attempts: 3}
	update(t, s, func(tx credits.Tx) error { return tx.InsertDelivery(t.Context(), envA, d) })
	view(t, s, func(tx credits.Tx) error {
		for _, f := range []struct {
			in    credits.Replay
			types []credits.MessageType
			want  string
		}{
			{credits.Replay{From: 100, Until: 104}, nil, "[1 2 4]"},
			{credits.Replay{From: 101, Until: 103}, nil, "[2]"},
			{credits.Replay{From: 0, Until: 999, Parked: true}, nil, "[2]"},
			{credits.Replay{From: 0, Until: 999}, []credits.MessageType{credits.GrantGranted, credits.GrantVoided}, "[1 2 4]"},
			{credits.Replay{From: 0, Until: 999}, []credits.MessageType{credits.GrantVoided}, "[]"},
		} {
			f.in.Endpoint = "one"
			list, err := tx.MessagesBetween(t.Context(), envA, f.in, f.types, 10)
			got := []int64{}
			for _, m := range list {
				got = append(got, m.No)
			}
			if err != nil || fmt.Sprint(got) != f.want {
				t.Errorf("%+v of %v selects %v (%v), want %s", f.in, f.types, got, err, f.want)
			}
		}
		return nil
	})
	d.State, d.Tries, d.NextAt = credits.DeliveryPending, 0, 7
	missing := *d
	missing.MessageNo = 1
	update(t, s, func(tx credits.Tx) error {
		if err := tx.ReopenDelivery(t.Context(), envA, &missing); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("opened a delivery that is not there: %v, want ErrMissing", err)
		}
		return tx.ReopenDelivery(t.Context(), envA, d)
	})
	view(t, s, func(tx credits.Tx) error {
		got, err := tx.Delivery(t.Context(), envA, "one", 2)
		same(t, got, d)
		return err
	})
}

func queues(t *testing.T, s credits.Store) {
	// One holder has a queue until it gives it up or its time is over; who comes later has a greater number, and the one
	// before cannot write any more.
	addEndpoints(t, s, envA, "one", "idle")
	addMessages(t, s, envA, "a", "b", "c")
	ref := credits.QueueRef{Environment: envA, Endpoint: "one"}
	update(t, s, func(tx credits.Tx) error {
		var errs []error
		for no, next := range map[int64]ledger.Time{1: 30, 2: 20, 3: 50} {
			errs = append(errs, tx.InsertDelivery(t.Context(), envA, &credits.Delivery{EndpointID: "one", MessageNo: no,
				Type: credits.GrantGranted, State: credits.DeliveryPending, NextAt: next}))
		}
		return errors.Join(errs...)
	})
	claim := func(now, until ledger.Time) (fence int64, err error) {
		err = s.Update(t.Context(), func(tx credits.Tx) error {
			fence, err = tx.ClaimQueue(t.Context(), ref, "h", now, until)
			return err
		})
		return fence, err
	}
	first, err := claim(10, 20)
	_, held := claim(19, 40)
	second, err2 := claim(20, 60)
	if err != nil || err2 != nil || !errors.Is(held, credits.ErrMissing) || second <= first {
		t.Errorf("claimed %d (%v) and %d (%v), while it was held: %v", first, err, second, err2, held)
	}
	update(t, s, func(tx credits.Tx) error {
		if _, err := tx.RenewQueue(t.Context(), ref, first, 90); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("the first holder renewed: %v, want ErrMissing", err)
		}
		e, err := tx.RenewQueue(t.Context(), ref, second, 70)
		if err == nil && e.ID != "one" {
			t.Errorf("renewed %s", e.ID)
		}
		waiting, err2 := tx.Queues(t.Context(), envA)
		same(t, waiting, []*credits.QueueState{{Endpoint: "one", NextAt: 20, LeasedUntil: 70}})
		due, told, err3 := tx.DueDeliveries(t.Context(), ref, 30, 10)
		if len(due) != 2 || due[0].MessageNo != 2 || due[1].MessageNo != 1 || told[0].ID != "msg_b" || told[1].ID != "msg_a" {
			t.Errorf("due %v of %v", due, told)
		}
		return errors.Join(err, err2, err3, tx.ReleaseQueue(t.Context(), ref, first))
	})
	if _, err := claim(69, 80); !errors.Is(err, credits.ErrMissing) {
		t.Errorf("released under an old number: %v", err)
	}
	update(t, s, func(tx credits.Tx) error { return tx.ReleaseQueue(t.Context(), ref, second) })
	third, err := claim(69, 80)
	update(t, s, func(tx credits.Tx) error { return tx.AbandonQueues(t.Context()) })
	fourth, err2 := claim(70, 90)
	if err != nil || err2 != nil || fourth <= third {
		t.Errorf("claimed %d (%v), and after all were given up %d (%v)", third, err, fourth, err2)
	}
}
