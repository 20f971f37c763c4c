package pure

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// wallet is a pool and what a caller of the ledger keeps beside it.
type wallet struct {
	name    model.Pool
	pool    *ledger.Pool
	replica *ledger.Pool // built from the encoded facts only
	rows    []ledger.Row
	grants  map[ledger.GrantID]ledger.Grant // last known state, ended ones included
	refs    map[ledger.GrantID]string
	holds   map[string]ledger.Hold // last known state
	money   moneyBooks
	told    []told
	broken  error // the first thing that Verify would complain about
}

// keep takes what a transaction has produced: also that of a refused operation, which leaves what was due anyway.
func (x *wallet) keep(tx *ledger.Tx) {
	x.pool.Conclude(tx)
	for i := range tx.Facts {
		f := &tx.Facts[i]
		switch f.Kind {
		case ledger.FactRow:
			x.rows = append(x.rows, f.Row)
			x.note(f.Row.Grant)
		case ledger.FactGrant:
			x.note(f.Grant.ID)
		case ledger.FactHold:
			x.holds[f.Hold.ID] = *f.Hold
			for _, s := range f.Hold.Slices {
				x.note(s.Grant)
			}
		case ledger.FactAlert:
			x.tell(f.Alert)
		}
		x.replay(tx, f)
	}
	for _, g := range tx.Ended {
		x.grants[g.ID] = g
	}
	for id := range x.grants { // a hold that ends changes grants it no longer names
		x.note(id)
	}
	if err := x.pool.Check(); err != nil && x.broken == nil {
		x.broken = err
	}
	x.broken = cmpErr(x.broken, x.enter(tx))
}

// note remembers the state of a grant, if the pool still has it.
func (x *wallet) note(id ledger.GrantID) {
	if g, ok := x.pool.Grant(id); ok {
		x.grants[id] = *g
	} else if _, known := x.grants[id]; !known {
		x.grants[id] = ledger.Grant{ID: id}
	}
}

// replay writes a fact down, reads it back and folds it into the replica.
func (x *wallet) replay(tx *ledger.Tx, f *ledger.Fact) {
	origin := ledger.Origin{Cause: tx.Cause, SystemCause: tx.SystemCause}
	coded := ledger.AppendFact(nil, f, &origin)
	back, rest, err := ledger.DecodeFact(coded, &origin)
	if err != nil || len(rest) > 0 {
		x.broken = cmpErr(x.broken, fmt.Errorf("a fact does not survive its encoding: %v, %d bytes left over", err, len(rest)))
		return
	}
	x.replica.Apply(&back)
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// Verify says whether every pool is whole, equals the fold of its facts and survives its checkpoint form, and whether
// its rows form an unbroken chain.
func (w *World) Verify() error {
	for _, x := range w.wallets {
		if err := x.verify(); err != nil {
			return fmt.Errorf("pool %v: %w", x.name, err)
		}
	}
	return nil
}

func (x *wallet) verify() error {
	if x.broken != nil {
		return x.broken
	}
	live := x.pool.AppendBinary(nil)
	if !bytes.Equal(live, x.replica.AppendBinary(nil)) {
		return errors.New("the replay of the facts gives other bytes")
	}
	again, err := ledger.DecodePool(live)
	if err != nil {
		return fmt.Errorf("the checkpoint cannot be read: %w", err)
	}
	if !bytes.Equal(live, again.AppendBinary(nil)) {
		return errors.New("the checkpoint gives other bytes after reading")
	}
	key := x.pool.Key()
	return ledger.VerifyRows(&key, [32]byte{}, x.rows)
}

// ids lists the grants and overdrafts in order of creation.
func (x *wallet) ids() []ledger.GrantID { return slices.Sorted(maps.Keys(x.grants)) }

// ref names a grant: as the history did, or OD1, OD2 … in order of creation.
func (x *wallet) ref(id ledger.GrantID) string {
	if ref, ok := x.refs[id]; ok {
		return ref
	}
	n := 0
	for _, other := range x.ids() {
		if x.grants[other].Type == ledger.Overdraft && other <= id {
			n++
		}
	}
	return fmt.Sprintf("OD%d", n)
}

func (x *wallet) find(ref string) (ledger.GrantID, bool) {
	for _, id := range x.ids() {
		if x.ref(id) == ref {
			return id, true
		}
	}
	return 0, false
}
