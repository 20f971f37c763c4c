package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func sampleRecharge(id, creditType string, no int64, state credits.RechargeState) *credits.AutoRecharge {
	return &credits.AutoRecharge{No: no, ID: id, Customer: "a", CreditType: creditType, Currency: "usd",
		Recharge: credits.Recharge{State: state, Announced: []int{80}, Started: []ledger.Time{4}}}
}

func autoRecharges(t *testing.T, s credits.Store) {
	// A pool has one automatic top-up, a change repeats the version that it was decided by, and those due are found.
	addCustomers(t, s, envA, "a")
	first := sampleRecharge("r1", "tokens", 10, credits.RechargeActive)
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.InsertRecharge(t.Context(), envA, first),
			tx.InsertRecharge(t.Context(), envA, sampleRecharge("r2", "coins", 11, credits.RechargePausedSpendLimit)),
			tx.InsertRecharge(t.Context(), envA, sampleRecharge("r3", "gems", 12, credits.RechargeInProgress)))
	})
	err := s.Update(t.Context(), func(tx credits.Tx) error {
		return tx.InsertRecharge(t.Context(), envA, sampleRecharge("r4", "tokens", 13, credits.RechargeActive))
	})
	if !errors.Is(err, credits.ErrTaken) {
		t.Errorf("second one of a pool: %v, want ErrTaken", err)
	}
	pool := ledger.Key{Environment: envA, Customer: "a", Currency: "tokens"}
	update(t, s, func(tx credits.Tx) error {
		locked, err := tx.LockRecharge(t.Context(), envA, pool)
		if err != nil {
			return err
		}
		same(t, locked, first)
		locked.OrderID = "o"
		return tx.UpdateRecharge(t.Context(), envA, locked)
	})
	err = s.Update(t.Context(), func(tx credits.Tx) error { return tx.UpdateRecharge(t.Context(), envA, first) })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("a change of an old version: %v, want ErrMissing", err)
	}
	first.OrderID, first.Version = "o", 1
	view(t, s, func(tx credits.Tx) error {
		list, err1 := tx.RechargesOf(t.Context(), envA, "a")
		next, err2 := tx.NextRecharge(t.Context(), envA)
		none, err3 := tx.NextRecharge(t.Context(), envB)
		due, err4 := tx.DueRecharges(t.Context(), envA, next, "", 5)
		early, err5 := tx.DueRecharges(t.Context(), envA, next-1, "", 5)
		more, err6 := tx.DueRecharges(t.Context(), envA, next, "r1", 5)
		if len(list) != 3 || none != ledger.Never {
			t.Fatalf("%d of the customer, the other environment is due at %d", len(list), none)
		}
		same(t, list[0], first)
		if got := fmt.Sprint(idsOf(due), idsOf(early), idsOf(more)); got != "[r1 r2] [r1] [r2]" {
			t.Errorf("due are %s", got)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6)
	})
	err = s.Update(t.Context(), func(tx credits.Tx) error {
		_, err := tx.LockRecharge(t.Context(), envB, pool)
		return err
	})
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("one of another environment: %v, want ErrMissing", err)
	}
}

func idsOf(list []*credits.AutoRecharge) []string {
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	return ids
}
