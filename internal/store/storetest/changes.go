package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
)

// appendAudit adds rows to the trail of an environment, each in a transaction of its own.
func appendAudit(t *testing.T, s credits.Store, env string, rows ...credits.Audit) {
	t.Helper()
	for _, row := range rows {
		update(t, s, func(tx credits.Tx) error {
			no, err := tx.NextNo(t.Context(), env)
			return errors.Join(err, tx.AppendAudit(t.Context(), env, &credits.AuditRow{Audit: row, No: no}))
		})
	}
}

func readChanges(t *testing.T, s credits.Store, seen credits.Seen, most int) []credits.Change {
	t.Helper()
	list, err := s.Changes(t.Context(), seen, most)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func changes(t *testing.T, s credits.Store) {
	// What is behind the positions seen comes back, at most so many rows of each environment, and environments not known.
	appendAudit(t, s, envA, credits.Audit{Action: "customer.updated", Object: "c", Customer: "c"},
		credits.Audit{Action: "subscription.canceled", Object: "s", Customer: "c"}, credits.Audit{Action: "key.created", Object: "k"})
	appendAudit(t, s, envB, credits.Audit{Action: "product.created", Object: "p"})
	update(t, s, func(tx credits.Tx) error { _, err := tx.LockCatalog(t.Context(), envB); return err })
	seen := func(a, b int64) credits.Seen {
		return credits.Seen{Environments: 2, Trails: []credits.TrailPosition{{Environment: envA, No: a}, {Environment: envB, No: b}}}
	}
	same(t, readChanges(t, s, seen(1, 0), 10), []credits.Change{
		{Environment: envA, No: 2, Action: "subscription.canceled", Customer: "c"},
		{Environment: envA, No: 3, Action: "key.created"},
		{Environment: envB, No: 1, Action: "product.created", Revision: 1},
	})
	same(t, readChanges(t, s, seen(0, 1), 2), []credits.Change{
		{Environment: envA, No: 1, Action: "customer.updated", Customer: "c"},
		{Environment: envA, No: 2, Action: "subscription.canceled", Customer: "c"},
	})
	same(t, readChanges(t, s, seen(3, 1), 10), []credits.Change(nil))
	same(t, readChanges(t, s, credits.Seen{Environments: 1}, 10), []credits.Change{{Environment: envB, Revision: 1}})
}

func changesInOrder(t *testing.T, s credits.Store) {
	// No row appears behind one that was seen before it, however many transactions write at the same time.
	const writers, each = 4, 10
	var wait sync.WaitGroup
	done := make(chan struct{})
	for i := range writers {
		wait.Go(func() {
			for k := range each {
				appendAudit(t, s, envA, credits.Audit{Action: "test", Object: fmt.Sprint(i, k)})
			}
		})
	}
	go func() { wait.Wait(); close(done) }()
	var last int64
	for running := true; running; {
		select {
		case <-done:
			running = false // and one last time
		default:
		}
		seen := credits.Seen{Environments: 2, Trails: []credits.TrailPosition{{Environment: envA, No: last}}}
		for _, c := range readChanges(t, s, seen, writers*each) {
			if c.No != last+1 {
				t.Errorf("row %d after row %d", c.No, last)
			}
			last = c.No
		}
	}
	if last != writers*each {
		t.Errorf("the last row is %d, want %d", last, writers*each)
	}
}

func locks(t *testing.T, s credits.Store) {
	// Whoever holds an environment's lock sees its catalogue stay, and whoever holds the installation's the environments.
	const each = 8
	var wait sync.WaitGroup
	together := func(fn func(credits.Tx) error) {
		for range each {
			wait.Go(func() {
				if err := s.Update(t.Context(), fn); err != nil {
					t.Error(err)
				}
			})
		}
	}
	together(func(tx credits.Tx) error { _, err := tx.LockCatalog(t.Context(), envA); return err })
	together(func(tx credits.Tx) error {
		revision, err := tx.LockEnvironment(t.Context(), envA)
		if err != nil {
			return err
		}
		read, err := tx.ReadCatalog(t.Context(), envA)
		if err == nil && read.Revision != revision {
			t.Errorf("locked at revision %d, read %d", revision, read.Revision)
		}
		return err
	})
	together(func(tx credits.Tx) error {
		if err := tx.LockInstallation(t.Context()); err != nil {
			return err
		}
		present, err := tx.Environments(t.Context())
		no := len(present) + 1
		return errors.Join(err, tx.InsertEnvironment(t.Context(), &credits.Environment{ID: fmt.Sprint("env_", no), No: int64(no)}))
	})
	wait.Wait()
	err := s.Update(t.Context(), func(tx credits.Tx) error { _, err := tx.LockEnvironment(t.Context(), "env_none"); return err })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("lock of a missing environment: %v, want ErrMissing", err)
	}
}
