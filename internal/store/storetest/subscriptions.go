package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func subscriptionStatuses(t *testing.T, s credits.Store) {
	// The status filter agrees with Subscription.Status at every instant, the borders included.
	addCustomers(t, s, envA, "a")
	subs := []*credits.Subscription{
		{ID: "open", StartAt: 10},
		{ID: "canceled", StartAt: 10, EndAt: 20, CanceledAt: 20},
		{ID: "expired", StartAt: 10, EndAt: 20},
		{ID: "never", StartAt: 30, EndAt: 15, CanceledAt: 15},
		{ID: "tried", StartAt: 10, Trial: &credits.Trial{EndAt: 20}},
		{ID: "tried and left", StartAt: 10, EndAt: 20, Trial: &credits.Trial{EndAt: 20}},
	}
	update(t, s, func(tx credits.Tx) error {
		for i, sub := range subs {
			sub.No, sub.CustomerID, sub.PlanID, sub.Versions = int64(i+10), "a", "pro", []credits.PlanSpan{{Version: 1}}
			if err := tx.InsertSubscription(t.Context(), envA, sub); err != nil {
				return err
			}
		}
		return nil
	})
	statuses := []credits.SubscriptionStatus{credits.SubscriptionActive, credits.SubscriptionNotStarted, credits.SubscriptionCanceled,
		credits.SubscriptionExpired, credits.SubscriptionInTrial}
	for now := ledger.Time(9); now <= 31; now++ {
		for _, status := range statuses {
			filter := credits.SubscriptionFilter{CustomerID: "a", PlanID: "pro", Statuses: []credits.SubscriptionStatus{status}}
			var got []string
			view(t, s, func(tx credits.Tx) error {
				list, err := tx.Subscriptions(t.Context(), envA, filter, now, credits.Page{})
				for _, sub := range list {
					got = append(got, sub.ID)
				}
				return err
			})
			var want []string
			for _, sub := range slices.Backward(subs) {
				if sub.Status(now) == status {
					want = append(want, sub.ID)
				}
			}
			same(t, got, want)
		}
	}
}

func subscriptionsDue(t *testing.T, s credits.Store) {
	// Subscriptions are found by when something happens to them next, in that order and page by page; a plan's can be made due
	// earlier, and those that have ended are left alone.
	addCustomers(t, s, envA, "a")
	addCustomers(t, s, envB, "a")
	add := func(env, id, plan string, no int64, due, end ledger.Time) {
		update(t, s, func(tx credits.Tx) error {
			return tx.InsertSubscription(t.Context(), env, &credits.Subscription{ID: id, CustomerID: "a", PlanID: plan, No: no, EndAt: end,
				Versions: []credits.PlanSpan{{Version: 1}}, Posting: credits.Posting{NextDue: due}})
		})
	}
	add(envA, "x", "pro", 11, 50, 0)
	add(envA, "y", "pro", 12, 20, 25)
	add(envA, "z", "max", 13, 20, 0)
	add(envA, "w", "max", 14, ledger.Never, 0)
	add(envB, "x", "pro", 15, 1, 0)
	due := func(until ledger.Time) (found []string) {
		view(t, s, func(tx credits.Tx) error {
			var last credits.DueSubscription
			for {
				page, err := tx.DueSubscriptions(t.Context(), envA, until, last, 2)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, d := range page {
					found = append(found, fmt.Sprintf("%d@%d", d.No, d.At))
					last = d
				}
			}
		})
		return found
	}
	same(t, due(19), []string(nil))
	same(t, due(20), []string{"12@20", "13@20"})
	same(t, due(ledger.Never), []string{"12@20", "13@20", "11@50"})
	bring := func(plan string, at ledger.Time) {
		update(t, s, func(tx credits.Tx) error { return tx.BringForward(t.Context(), envA, plan, at) })
	}
	bring("pro", 30)
	same(t, due(ledger.Never), []string{"12@20", "13@20", "11@30"})
	bring("", 19)
	same(t, due(ledger.Never), []string{"11@19", "12@19", "13@19", "14@19"})
}
