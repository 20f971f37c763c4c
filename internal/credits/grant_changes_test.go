package credits_test

import (
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestVoidAtOnce(t *testing.T) {
	// Of those who void a grant at the same time each gets the same answer, also who comes when the pool has forgotten it.
	t.Parallel()
	w := setup(t)
	w.shop()
	w.customer("ann")
	for range 20 {
		g := must[*credits.Grant](t)(w.CreateGrant(w.ctx, env, credits.Caller{}, credits.NewGrant{
			Customer: "ann", CreditType: "tokens", DisplayName: "Promo", Amount: amount.FromInt(10)}))
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				voided, err := w.VoidGrant(w.ctx, env, credits.Caller{}, g.ID, "")
				if err != nil || voided.Status != ledger.Voided || voided.Voided != amount.FromInt(10) {
					t.Errorf("%+v, %v", voided, err)
				}
			})
		}
		wait.Wait()
	}
}
