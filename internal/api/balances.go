package api

import (
	"encoding/hex"
	"strconv"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func formatSeq(seq uint64) string { return strconv.FormatUint(seq, 10) }

// listBalances lists pools as they stand, or, with asOf, the balance that each had at a past instant.
func (s *server) listBalances(c *call) (any, error) {
	q := c.query()
	filter := credits.PoolFilter{Customer: q.required("customerId"), CreditType: q.text("currencyId"), Resource: q.text("resourceId")}
	filter.AnyResource = filter.Resource == ""
	asOf := q.time("asOf")
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	now := s.credits.Now(c.env)
	if asOf != nil && *asOf > now {
		return nil, credits.Invalid("asOf", "lies in the future")
	}
	rows, err := s.balances(c, filter, asOf, now)
	if err != nil {
		return nil, err
	}
	list := pageOfPlaces(rows, page)
	data, pagination := paged(q, list, func(p place[wire.Balance]) wire.Balance { return p.value })
	return wire.BalancePage{Data: data, Pagination: pagination}, nil
}

func (s *server) balances(c *call, filter credits.PoolFilter, asOf *ledger.Time, now ledger.Time) ([]wire.Balance, error) {
	if asOf == nil {
		views, err := s.credits.Balances(c.ctx, c.env, filter)
		return listOut(views, func(v *engine.View) wire.Balance { return balanceOut(v, now) }), err
	}
	past, err := s.credits.BalancesAt(c.ctx, c.env, filter, *asOf)
	return listOut(past, func(p credits.PastBalance) wire.Balance {
		return wire.Balance{
			CustomerID: p.Key.Customer, CurrencyID: p.Key.Currency, ResourceID: orNull(p.Key.Resource),
			Balance: p.Balance, AsOf: timeOut(*asOf),
		}
	}), err
}

func balanceOut(v *engine.View, now ledger.Time) wire.Balance {
	seq, head := int64(v.Seq), hex.EncodeToString(v.Head[:])
	out := wire.Balance{
		CustomerID: v.Key.Customer, CurrencyID: v.Key.Currency, ResourceID: orNull(v.Key.Resource),
		Balance: v.Balance, Held: &v.Held, Available: &v.Available, Deficit: &v.Deficit,
		TotalGranted: &v.TotalGranted, TotalConsumed: &v.TotalConsumed, AsOf: timeOut(now), Seq: &seq,
	}
	if v.Seq > 0 {
		out.HeadHash = &head
	}
	return out
}

// place is an element of a complete list that is paged by position. Numbers fall, because lists run from high to low.
type place[T any] struct {
	value T
	no    int64
}

// RowNumber implements credits.Numbered.
func (p place[T]) RowNumber() int64 { return p.no }

// pageOfPlaces cuts a page out of a complete list that keeps its order: pools, series, open reservations. Cursors name
// positions, so a list that changes between two pages may repeat or skip an element.
func pageOfPlaces[T any](all []T, page credits.Page) credits.List[place[T]] {
	const top = int64(1) << 40 // position i has the number top - i
	places := make([]place[T], len(all))
	for i, v := range all {
		places[i] = place[T]{v, top - int64(i)}
	}
	return credits.PageOf(places, page)
}
