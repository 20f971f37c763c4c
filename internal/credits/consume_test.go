package credits_test

import (
	"errors"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestConsumeAll_unavailable(t *testing.T) {
	// A batch that could not be decided, because another node kept the shard for too long, is not answered as accepted.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	w := open(t, o)
	other, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	lock, err := other.Journal().Lock(t.Context(), 0, engine.NewPosition(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	item := credits.Consumption{Customer: "c", CreditType: "tokens", Amount: amount.FromInt(1), Key: "k"}
	if err := w.ConsumeAll(w.ctx, env, credits.Caller{}, []credits.Consumption{item}); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}
