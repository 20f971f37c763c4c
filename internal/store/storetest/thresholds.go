package storetest

import (
	"errors"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func thresholds(t *testing.T, s credits.Store) {
	// Sets come back as written and as replaced, each in its environment; removing what is not there is a missing row.
	common := &credits.ThresholdSet{Remaining: []amount.Amount{amount.FromInt(50)}, UpdatedAt: 7}
	own := &credits.ThresholdSet{ThresholdRef: credits.ThresholdRef{Customer: "c", Currency: "tokens", Resource: "r"}, Amounts: []amount.Amount{amount.FromInt(3)}}
	update(t, s, func(tx credits.Tx) error {
		return errors.Join(tx.PutThresholds(t.Context(), envA, own), tx.PutThresholds(t.Context(), envA, &credits.ThresholdSet{UpdatedAt: 1}),
			tx.PutThresholds(t.Context(), envA, common), tx.PutThresholds(t.Context(), envB, &credits.ThresholdSet{UpdatedAt: 2}))
	})
	view(t, s, func(tx credits.Tx) error {
		list, err := tx.Thresholds(t.Context(), envA)
		same(t, list, []*credits.ThresholdSet{common, own})
		return err
	})
	update(t, s, func(tx credits.Tx) error { return tx.DeleteThresholds(t.Context(), envA, own.ThresholdRef) })
	err := s.Update(t.Context(), func(tx credits.Tx) error { return tx.DeleteThresholds(t.Context(), envB, own.ThresholdRef) })
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("removed a set of another environment: %v", err)
	}
	view(t, s, func(tx credits.Tx) error {
		list, err := tx.Thresholds(t.Context(), envA)
		same(t, list, []*credits.ThresholdSet{common})
		return err
	})
}

func telling(t *testing.T, s credits.Store) {
	// A shard's place starts at its first entry, moves only from where it stands, and each shard has its own.
	first, other := engine.NewPosition(2, 1), engine.NewPosition(3, 1)
	move := func(from, to engine.Position) error {
		return s.Update(t.Context(), func(tx credits.Tx) error { return tx.SetToldUntil(t.Context(), from, to) })
	}
	if err := errors.Join(move(first, first+4), move(other, other+9), move(first+4, first+5)); err != nil {
		t.Fatal(err)
	}
	for _, from := range []engine.Position{first, first + 4, other + 1} {
		if err := move(from, from+1); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("moved from %d: %v", from, err)
		}
	}
	view(t, s, func(tx credits.Tx) error {
		for shard, want := range []engine.Position{engine.NewPosition(0, 1), engine.NewPosition(1, 1), first + 5, other + 9} {
			at, err := tx.ToldUntil(t.Context(), uint16(shard))
			if err != nil || at != want {
				t.Errorf("shard %d is told until %d, want %d: %v", shard, at, want, err)
			}
		}
		return nil
	})
}

func expiryNotices(t *testing.T, s credits.Store) {
	// A notice is due from its instant on, can be moved, and goes when it has been looked at.
	week, daily := credits.ExpiryNotice{Grant: 5, Days: 7, At: 100, Customer: "c"}, credits.ExpiryNotice{Grant: 5, Days: 1, At: 50, Customer: "c"}
	update(t, s, func(tx credits.Tx) error {
		moved := week
		moved.At = 10
		return errors.Join(tx.PutExpiryNotice(t.Context(), envA, moved), tx.PutExpiryNotice(t.Context(), envA, week),
			tx.PutExpiryNotice(t.Context(), envA, daily), tx.PutExpiryNotice(t.Context(), envB, week))
	})
	due := func(now int64, want ...credits.ExpiryNotice) {
		t.Helper()
		view(t, s, func(tx credits.Tx) error {
			list, err := tx.DueExpiryNotices(t.Context(), envA, ledger.Time(now), 10)
			same(t, list, want)
			return err
		})
	}
	due(49)
	due(50, daily)
	due(100, daily, week)
	update(t, s, func(tx credits.Tx) error { return tx.DeleteExpiryNotice(t.Context(), envA, daily) })
	due(100, week)
}
