package credits

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// A boundary is an instant at which something may happen to the credits of a subscription because of the calendar or of a
// change of its terms: its start, the start of a period, the end of a trial, a change, a pause, a resume, its end. Boundaries
// are computed from the row and the catalogue; only how far they are posted is stored (decision 19).

// Due is the earliest boundary of a subscription that is not posted yet, or ledger.Never.
func (c *Catalog) Due(sub *Subscription) ledger.Time {
	begins := sub.begins()
	switch {
	case sub.Changed:
		return sub.PostedUntil
	case sub.EndAt != 0 && (sub.EndAt <= sub.PostedUntil || sub.EndAt <= begins):
		return ledger.Never
	case sub.PostedUntil < begins:
		return begins
	case c.moved(sub):
		return sub.PostedUntil
	}
	return c.boundaryAfter(sub, sub.PostedUntil)
}

// boundaryAfter is the first boundary after an instant at or after the beginning.
func (c *Catalog) boundaryAfter(sub *Subscription, at ledger.Time) ledger.Time {
	next := ledger.Never
	consider := func(t ledger.Time) {
		if t > at {
			next = min(next, t)
		}
	}
	consider(sub.EndAt)
	if sub.Trial != nil {
		consider(sub.Trial.EndAt)
	}
	for _, p := range sub.Pauses {
		consider(p.From)
		consider(p.To)
	}
	for i := range sub.Versions {
		consider(sub.Versions[i].From)
		c.eachMigration(sub, &sub.Versions[i], consider)
	}
	for _, a := range c.allowances(sub, at) {
		consider(a.period.To)
	}
	for _, b := range c.boughtBlocks(sub, at) {
		consider(b.period.To)
	}
	return next
}

// eachMigration visits the instants at which versions of a span's plan and add-ons were published for all customers.
func (c *Catalog) eachMigration(sub *Subscription, span *PlanSpan, visit func(ledger.Time)) {
	of := func(ref PackageRef, pinned int32) {
		for _, m := range c.migrations[ref] {
			if m.at > span.From && m.version > pinned && sub.terms(m.at) == span {
				visit(m.at)
			}
		}
	}
	of(PlanRef(span.PlanID), span.Version)
	for _, addon := range span.Addons {
		of(AddonRef(addon.ID), addon.Version)
	}
}

// IssuedBlock is what a slot has issued for a period that is not over.
type IssuedBlock struct {
	slot
	Period
	Cadence string `json:",omitempty"` // empty in a trial, and for what is bought once
	// Peak is the most that the slot gave in the period, in credits per period: what is given back within it is not
	// taken away, and coming back to it brings nothing twice (semantics 10.4, W20).
	Peak   amount.Amount
	Grants []ledger.GrantID `json:",omitempty"`
	Rolled bool             `json:",omitempty"` // these are children of earlier blocks (semantics 10.3)
}

// endsBy tells whether the block's period is over.
func (b *IssuedBlock) endsBy(at ledger.Time) bool { return b.To <= at }

// turn is what a boundary does to the credits of a subscription.
type turn struct {
	at        ledger.Time
	again     int        // how often something was posted at that instant before
	versions  []int32    // in force, of plan and add-ons
	pools     []poolTurn // one for each credit type that is touched, in their order
	issued    []IssuedBlock
	purchases []Purchase
}

// poolTurn is the part of a turn in one pool.
type poolTurn struct {
	creditType string
	ends       []ledger.GrantID // whatever their own expiry
	voids      []ledger.GrantID
	extends    []ledger.GrantID // blocks of a trial, to extendTo
	extendTo   ledger.Time
	rolls      []roll
	forgive    bool
	issues     []newBlock
}

// roll carries what is left of a slot's blocks over.
type roll struct {
	rules    *Rollover
	grants   []ledger.GrantID
	expireAt ledger.Time
	block    int // where in turn.issued the children belong
}

// newBlock is a grant to be issued.
type newBlock struct {
	amount     amount.Amount
	cost       ledger.Money
	expireAt   ledger.Time
	source     PackageRef
	creditType string
	trial      bool
	block      int // where in turn.issued it belongs
}

// pool finds or adds the part of a turn in a pool.
func (t *turn) pool(creditType string) *poolTurn {
	i, found := slices.BinarySearchFunc(t.pools, creditType, func(p poolTurn, id string) int {
		switch {
		case p.creditType < id:
			return -1
		case p.creditType > id:
			return 1
		}
		return 0
	})
	if !found {
		t.pools = slices.Insert(t.pools, i, poolTurn{creditType: creditType})
	}
	return &t.pools[i]
}
