package engine_test

import (
	"fmt"
	"testing"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestEvictionUnderWay(t *testing.T) {
	// A pool that leaves memory comes back with everything that was done to it, also when the entry that turned the window
	// was its own, or a sweep of another pool of the operation turned it.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 7, OwnersMax: 1})
	for n := range 60 {
		for c := range 9 {
			if (n+c)%4 == 0 {
				b.do(t, &grantOp{customer: fmt.Sprint("c", c), amount: 2, expire: ledger.Time(b.clock.Load()) + 150})
			}
			if n%(c+1) == 0 {
				b.do(t, &burnOp{customer: fmt.Sprint("c", c), key: fmt.Sprint(n), cost: 1, at: 1})
			}
		}
		b.clock.Add(100)
	}
	b.verified(t)
}

func TestEvictionBoundsMemory(t *testing.T) {
	// Pools that are only looked at leave memory too, and what is due in them is found nevertheless.
	t.Parallel()
	const customers = 400
	b := setupFaults(t, engine.Options{WindowEntries: customers, OwnersMax: 100})
	ops := make([]engine.Op, customers)
	for i := range ops {
		ops[i] = &grantOp{customer: fmt.Sprint("c", i), amount: 1, expire: ledger.Time(b.clock.Load()) + 1000}
	}
	b.do(t, ops...)
	b.do(t, &grantOp{customer: "other", amount: 1, expire: ledger.Never})
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for i := range ops {
			// The first eviction spares what was used before it; the strangers bring about the next ones.
			for _, customer := range []string{fmt.Sprint("c", i), fmt.Sprint("stranger", i)} {
				if _, err := b.View(t.Context(), key(customer), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if owners, due := engine.Remembered(b.Engine); owners > 300 || due > 150 {
		t.Errorf("%d owners and %d due pools in memory", owners, due)
	}
	b.clock.Add(5000)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	posted := b.posted(t)
	for i := range ops {
		if rows := posted[fmt.Sprint("c", i)]; rows != 2 {
			t.Fatalf("pool %d has %d rows", i, rows)
		}
	}
	b.verified(t)
}

// renameOp changes nothing but the texts of a grant.
type renameOp struct {
	grant *grantOp
	name  string
}

func (o *renameOp) Scope() engine.Scope { return o.grant.Scope() }

func (o *renameOp) Decide(tx *engine.Tx) error {
	tx.Entry().Kind = engine.UpdateEntry
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	tx.Entry().Texts = []engine.GrantTexts{{Grant: o.grant.id, DisplayName: o.name}}
	return tx.Pool(0).Update(tx.Ledger(0), o.grant.id, ledger.Change{Texts: true})
}

func (o *renameOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

func TestTextsAlone(t *testing.T) {
	// New texts of a grant show when nothing else of it changed: at once, when written, and after a restart.
	t.Parallel()
	b := setupFaults(t, engine.Options{WindowEntries: 16})
	grant := &grantOp{customer: "c", amount: 2, expire: ledger.Never}
	b.do(t, grant)
	for n := range 3 {
		for i := range 20 {
			b.do(t, &burnOp{customer: "c", key: fmt.Sprint(n, i), cost: 0, at: 1})
		}
		if err := b.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint("name ", n)
		b.do(t, &renameOp{grant: grant, name: name})
		for range 2 {
			record, ok, err := b.GrantByID(t.Context(), env, grant.id, 0)
			if !ok || err != nil || record.Texts.DisplayName != name {
				t.Errorf("%q, %v, %v; want %q", record.Texts.DisplayName, ok, err, name)
			}
			b.reopen(t)
		}
	}
	b.verified(t)
}
