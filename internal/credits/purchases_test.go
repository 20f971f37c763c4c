package credits_test

import (
	"slices"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// buy subscribes ann to a plan that sells tokens, and buys some. It is the first of two commits.
func (w *world) buy() *credits.Subscription {
	w.t.Helper()
	return w.subscribe(credits.NewSubscription{CustomerID: "ann", PlanID: "pro",
		Charges: []credits.PurchasedQuantity{{Type: credits.EntitlementCredit, ID: "tokens", Quantity: dec("333")}}})
}

// wantTokens checks ann's balance.
func (w *world) wantTokens(want string) {
	w.t.Helper()
	pool := must[*engine.View](w.t)(w.Pool(w.ctx, ledger.Key{Environment: env, Customer: "ann", Currency: "tokens"}))
	if pool.Balance != dec(want) {
		w.t.Errorf("balance is %s, want %s", pool.Balance, want)
	}
}

// wantOwed checks how many purchases of a subscription are still to be granted.
func (w *world) wantOwed(sub *credits.Subscription, want int) {
	w.t.Helper()
	if stored := must[*credits.Subscription](w.t)(w.Subscription(w.ctx, env, sub.ID)); len(stored.Purchases) != want {
		w.t.Errorf("owed are %+v, want %d", stored.Purchases, want)
	}
}

func TestPurchases(t *testing.T) {
	// The first block is priced by the plan when the subscription is made, granted once, and then no longer owed.
	t.Parallel()
	w := seller(t)
	made := w.buy()
	want := []credits.Purchase{{CreditTypeID: "tokens", Quantity: dec("333"), Cost: ledger.Money{Amount: dec("166.5"), Currency: "usd"}, Buyer: actor,
		EffectiveAt: made.StartAt, Type: ledger.Paid, PriceID: made.Purchases[0].PriceID, Key: made.Purchases[0].Key}}
	if !slices.Equal(made.Purchases, want) {
		t.Errorf("purchases are %+v, want %+v", made.Purchases, want)
	}
	again := *made
	for _, sub := range []*credits.Subscription{made, &again} {
		if err := w.GrantPurchases(w.ctx, env, sub); err != nil {
			t.Fatal(err)
		}
	}
	w.wantOwed(made, 0)
	w.wantTokens("333")
}

func TestPurchasesAfterCrash(t *testing.T) {
	// A crash between a subscription and the grant of what it bought loses nothing: whoever asks for the customer next finds
	// the credits. A crash after the grant, before that is noted, doubles nothing.
	t.Parallel()
	w := seller(t)
	made := w.buy()
	w.restart()
	w.wantOwed(made, 1)
	w.wantTokens("333")
	w.wantOwed(made, 0)
	grants := must[credits.List[*credits.Grant]](t)(w.Grants(w.ctx, env, credits.GrantFilter{Customer: "ann"}, credits.Page{}))
	if g := grants.Items[0]; g.Type != ledger.Paid || g.Cost.Amount != dec("166.5") || g.Texts.Actor != actor {
		t.Errorf("the grant is %+v", g)
	}
	if err := w.store.Update(w.ctx, func(tx credits.Tx) error { return tx.UpdateSubscription(w.ctx, env, made) }); err != nil {
		t.Fatal(err)
	}
	w.restart()
	w.wantOwed(made, 1)
	w.wantTokens("333")
	w.wantOwed(made, 0)
}

func TestPurchasesOfArchived(t *testing.T) {
	// What was bought stays owed while its customer is archived, and does not keep anybody from looking.
	t.Parallel()
	w := seller(t)
	made := w.buy()
	must[*credits.Customer](t)(w.ArchiveCustomer(w.ctx, env, actor, "ann"))
	w.wantTokens("0")
	w.wantOwed(made, 1)
	must[*credits.Customer](t)(w.UnarchiveCustomer(w.ctx, env, actor, "ann"))
	w.wantTokens("333")
	w.wantOwed(made, 0)
}
