package credits

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// ExpiryNotice says when to look whether something is left of a grant that expires soon.
type ExpiryNotice struct {
	Grant    ledger.GrantID
	Days     int // before the expiry
	At       ledger.Time
	Customer string
}

// noticeDays are how many days before its expiry a grant of which something is left is told of (semantics 16.1).
var noticeDays = [...]int{7, 1}

// noticesAtOnce is how many notices are looked at between two transactions.
const noticesAtOnce = 50

// noteExpiries keeps the notices of the grants that an entry made or changed. A notice whose time was before the entry is
// not given.
func noteExpiries(ctx context.Context, tx Tx, o *occasion) error {
	for i := range o.Pools {
		for f := range o.Pools[i].Facts {
			fact := &o.Pools[i].Facts[f]
			if fact.Kind != ledger.FactAlert {
				continue
			}
			for n := range fact.Alert.News {
				if err := noteExpiry(ctx, tx, o, &fact.Alert.News[n]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func noteExpiry(ctx context.Context, tx Tx, o *occasion, n *ledger.News) error {
	moved := n.Kind == ledger.NewsUpdated && n.Before.ExpireAt != n.Grant.ExpireAt
	if n.Kind != ledger.NewsGranted && !moved {
		return nil
	}
	for _, days := range noticeDays {
		at := n.Grant.ExpireAt - ledger.Time(days)*day
		if n.Grant.ExpireAt == ledger.Never || at <= o.At {
			if moved {
				if err := tx.DeleteExpiryNotice(ctx, o.Environment, ExpiryNotice{Grant: n.Grant.ID, Days: days}); err != nil {
					return err
				}
			}
			continue
		}
		if err := tx.PutExpiryNotice(ctx, o.Environment, ExpiryNotice{n.Grant.ID, days, at, o.Customer}); err != nil {
			return err
		}
	}
	return nil
}

// expiring tells of grants that expire soon and have something left.
func (t *Teller) expiring(ctx context.Context, env string) error {
	for {
		var due []ExpiryNotice
		err := t.service.store.View(ctx, func(tx Tx) (err error) {
			due, err = tx.DueExpiryNotices(ctx, env, t.service.clock(env), noticesAtOnce)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, n := range due {
			if err := t.giveNotice(ctx, env, n); err != nil {
				return err
			}
		}
		t.service.Told()
	}
}

// giveNotice tells of one grant, if it is still so, and drops the notice in the same transaction.
func (t *Teller) giveNotice(ctx context.Context, env string, n ExpiryNotice) error {
	s := t.service
	key, known, err := s.engine.GrantPool(ctx, env, n.Grant)
	if err != nil {
		return err
	}
	record := engine.GrantRecord{}
	if known {
		if record, known, err = s.engine.GrantAsIs(ctx, key, n.Grant); err != nil {
			return err
		}
	}
	known = known && n.holds(&record)
	return s.store.Update(ctx, func(tx Tx) error {
		if err := tx.DeleteExpiryNotice(ctx, env, n); err != nil || !known {
			return err
		}
		customer, err := tx.Customer(ctx, env, n.Customer)
		if err != nil {
			return err
		}
		creditType, err := s.CreditType(env, key.Currency)
		if err != nil {
			return err
		}
		f := GrantFacts{Customer: customer, CreditType: creditType, Grant: &record, At: n.At}
		return s.AppendMessages(ctx, tx, env, NewMessage{
			Type: GrantExpiring, Cause: fmt.Sprintf("expiring %s %d %d", engine.GrantText(n.Grant), n.Days, record.ExpireAt),
			At: n.At, Stream: PoolStream(key), Data: GrantExpiringData(f, n.Days),
		})
	})
}

// holds tells whether the grant still expires when the notice says, with something left.
func (n *ExpiryNotice) holds(g *engine.GrantRecord) bool {
	return g.ActivatedAt != 0 && g.VoidedAt == 0 && g.ExpiredAt == 0 && g.ExpireAt-ledger.Time(n.Days)*day == n.At && g.Remaining().Sign() > 0
}
