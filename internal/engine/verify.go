package engine

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Report is what Verify counted.
type Report struct {
	Entries uint64
	Rows    uint64
	Pools   int
	Keys    int
	Balance map[string]amount.Amount // settled balance of all pools, by environment/currency
	// Digest stands for all pools: their names, how many rows each has, the hash of the last, the balance. It is the same
	// for the same history, whatever the database and the shards.
	Digest [sha256.Size]byte
}

// Verify recomputes every entry of the journal from the first on: positions, keys, sequence numbers, balances, hashes,
// the sums of events, the invariants of each pool after each entry; and compares checkpointed pools with the result. It
// returns an error that names the first bad row. It must run on a journal that nobody writes.
func Verify(ctx context.Context, j Journal, shards uint16) (*Report, error) {
	report := &Report{Balance: map[string]amount.Amount{}}
	var heads []poolHead
	for shard := range max(shards, 1) {
		v := &verifier{
			journal: j, shard: shard, report: report, next: NewPosition(shard, 1),
			pools: map[ledger.Key]*ledger.Pool{}, keys: map[KeyHash]Position{}, stored: map[ledger.Key]*OwnerRow{},
		}
		if err := j.Blocks(ctx, v.next, func(b *Block) error { return v.block(ctx, b) }); err != nil {
			return report, err
		}
		if err := v.unmet(); err != nil {
			return report, err
		}
		heads = append(heads, v.sum()...)
	}
	report.Digest = digestOf(heads)
	return report, nil
}

// poolHead is what a pool's whole history comes down to.
type poolHead struct {
	key     ledger.Key
	seq     uint64
	hash    [sha256.Size]byte
	balance amount.Amount
}

// digestOf hashes heads in the order of their pools' names, byte by byte, each part with its length before it.
func digestOf(heads []poolHead) [sha256.Size]byte {
	slices.SortFunc(heads, func(a, b poolHead) int {
		return cmp.Or(cmp.Compare(a.key.Environment, b.key.Environment), cmp.Compare(a.key.Customer, b.key.Customer),
			cmp.Compare(a.key.Currency, b.key.Currency), cmp.Compare(a.key.Resource, b.key.Resource))
	})
	var text []byte
	hash := sha256.New()
	for i := range heads {
		h := &heads[i]
		text = text[:0]
		for _, part := range []string{h.key.Environment, h.key.Customer, h.key.Currency, h.key.Resource, h.balance.String()} {
			text = appendString(text, part)
		}
		text = append(binary.BigEndian.AppendUint64(text, h.seq), h.hash[:]...)
		_, _ = hash.Write(text) // never fails
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

type verifier struct {
	journal Journal
	shard   uint16
	report  *Report
	next    Position
	pools   map[ledger.Key]*ledger.Pool
	keys    map[KeyHash]Position
	stored  map[ledger.Key]*OwnerRow // checkpoints still to be met, nil where there is none
}

func (v *verifier) block(ctx context.Context, b *Block) error {
	if b.First != v.next {
		return fmt.Errorf("shard %d: a block starts at entry %d, expected %d", v.shard, b.First.Ordinal(), v.next.Ordinal())
	}
	return b.each(func(at Position, raw rawEntry) error {
		e, err := decodeEntry(raw, at)
		if err == nil {
			err = v.entry(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("entry %s: %w", at.TxnID(), err)
		}
		v.next++
		v.report.Entries++
		return nil
	})
}

func (v *verifier) entry(ctx context.Context, e *Entry) error {
	for _, key := range entryKeys(e) {
		if first, taken := v.keys[key]; taken {
			return fmt.Errorf("its key was taken by %s before (I6)", first.TxnID())
		}
		v.keys[key] = e.Position
	}
	for i := range e.Pools {
		if err := v.facts(ctx, e, i); err != nil {
			key := e.poolKey(i)
			return fmt.Errorf("pool %s/%s/%s %q: %w", key.Environment, key.Customer, key.Currency, key.Resource, err)
		}
	}
	return checkSlices(e)
}

// facts folds what an entry did to one pool, checking every row on the way.
func (v *verifier) facts(ctx context.Context, e *Entry, i int) error {
	key := e.poolKey(i)
	pool := v.pools[key]
	if pool == nil {
		pool = ledger.NewPool(key)
		v.pools[key] = pool
		row, ok, err := v.journal.Owner(ctx, v.shard, key)
		if err != nil {
			return err
		}
		if ok {
			v.stored[key] = &row
		}
	}
	if err := v.fold(pool, e.Pools[i].Facts); err != nil {
		return err
	}
	if err := pool.Check(); err != nil {
		return err
	}
	stored := v.stored[key]
	if stored != nil && stored.AsOf == e.Position {
		delete(v.stored, key)
		if !bytes.Equal(stored.State, pool.AppendBinary(nil)) {
			return fmt.Errorf("the checkpointed state differs from the journal")
		}
	}
	return nil
}

// fold checks and folds the facts of one transaction; the alert that may end them is recomputed.
func (v *verifier) fold(pool *ledger.Pool, facts []ledger.Fact) error {
	var alert *ledger.Alert
	rest := facts
	if n := len(facts); n > 0 && facts[n-1].Kind == ledger.FactAlert {
		alert, rest = facts[n-1].Alert, facts[:n-1]
	}
	for i := range rest {
		if rest[i].Kind == ledger.FactRow {
			v.report.Rows++
		}
		if err := verifyFact(pool, &rest[i]); err != nil {
			return err
		}
	}
	if err := pool.CheckAlert(rest, alert); err != nil || alert == nil {
		return err
	}
	return verifyFact(pool, &facts[len(facts)-1])
}

// verifyFact checks a row against the chain and folds the fact, turning a broken invariant into an error.
func verifyFact(pool *ledger.Pool, f *ledger.Fact) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("row %d: %v", f.Row.Seq, r)
		}
	}()
	if f.Kind == ledger.FactRow {
		key := pool.Key()
		if ledger.HashRow(&key, pool.Head(), &f.Row) != f.Row.Hash {
			return fmt.Errorf("row %d: its hash does not fit its content (I18)", f.Row.Seq)
		}
	}
	pool.Apply(f)
	return nil
}

// checkSlices holds the consumption of an event against its charges: slices add up to the cost (I11).
func checkSlices(e *Entry) error {
	if e.Event == nil || len(e.Event.Charges) == 0 {
		return nil
	}
	type target struct{ feature, currency string }
	left := map[target]amount.Amount{}
	for i := range e.Event.Charges {
		c := &e.Event.Charges[i]
		left[target{c.Feature, c.Currency}] = left[target{c.Feature, c.Currency}].Add(c.Cost)
	}
	for i := range e.Pools {
		for f := range e.Pools[i].Facts {
			if fact := &e.Pools[i].Facts[f]; fact.Kind == ledger.FactRow && fact.Row.Type == ledger.Consumed {
				t := target{fact.Row.Charge.Feature, e.Pools[i].Currency}
				left[t] = left[t].Add(fact.Row.Amount)
			}
		}
	}
	for t, rest := range left {
		if !rest.IsZero() {
			return fmt.Errorf("consumption of feature %q differs from its cost by %s (I11)", t.feature, rest)
		}
	}
	return nil
}

// unmet refuses a checkpoint that is of an entry which did nothing to its pool, or is not in the journal.
func (v *verifier) unmet() error {
	for key, row := range v.stored {
		return fmt.Errorf("pool %s/%s/%s %q: its checkpoint is of entry %s, which is not one of the pool's",
			key.Environment, key.Customer, key.Currency, key.Resource, row.AsOf.TxnID())
	}
	return nil
}

// sum adds a shard to the report and returns the heads of its pools.
func (v *verifier) sum() []poolHead {
	v.report.Pools += len(v.pools)
	v.report.Keys += len(v.keys)
	heads := make([]poolHead, 0, len(v.pools))
	for key, pool := range v.pools {
		name := key.Environment + "/" + key.Currency
		v.report.Balance[name] = v.report.Balance[name].Add(pool.Balance())
		heads = append(heads, poolHead{key: key, seq: pool.Seq(), hash: pool.Head(), balance: pool.Balance()})
	}
	return heads
}
