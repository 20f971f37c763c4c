package crash

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// reader reads through the API what a check needs. It reads while no client writes.
type reader struct {
	client *client
}

// observationsMax is how often an observation is begun again because a grant expired in the middle of it.
const observationsMax = 20

// observe reads what is new of a customer since the account's last check. effects say which grants to ask about.
// Nobody writes meanwhile, but time goes on and grants expire: what was read counts only if the pool stayed the same.
func (r *reader) observe(ctx context.Context, customer string, a *account, effects []effect) (observation, error) {
	for range observationsMax {
		before, err := r.pool(ctx, customer)
		if err != nil {
			return observation{}, err
		}
		o, err := r.glance(ctx, customer, a, effects)
		if err != nil || o.pool == before {
			return o, err
		}
	}
	return observation{}, fmt.Errorf("%s: the pool does not come to rest", customer)
}

// glance reads once.
func (r *reader) glance(ctx context.Context, customer string, a *account, effects []effect) (observation, error) {
	o := observation{voided: map[string]bool{}}
	var err error
	if o.rows, err = r.rows(ctx, customer, a); err != nil {
		return o, err
	}
	if o.events, err = r.events(ctx, customer, a); err != nil {
		return o, err
	}
	if o.holds, err = r.holds(ctx, customer); err != nil {
		return o, err
	}
	for _, e := range effects {
		if e.kind != voided {
			continue
		}
		var grant struct{ Status string }
		if err := r.get(ctx, "/api/v1/credits/grants/"+e.id, nil, &grant); err != nil {
			return o, err
		}
		o.voided[e.id] = grant.Status == "VOIDED"
	}
	o.pool, err = r.pool(ctx, customer)
	return o, err
}

// rows reads the ledger backwards down to the last row that was seen before, and returns the new rows oldest first.
func (r *reader) rows(ctx context.Context, customer string, a *account) ([]row, error) {
	rows, err := list(ctx, r, "/api/v1/credits/ledger", ofPool(customer), func(r row) bool { return r.Seq <= a.seq })
	slices.Reverse(rows)
	return rows, err
}

// events reads the events backwards down to the newest that was seen before.
func (r *reader) events(ctx context.Context, customer string, a *account) ([]event, error) {
	found := a.event == ""
	events, err := list(ctx, r, "/api/v1/events", url.Values{"customerId": {customer}}, func(e event) bool {
		found = found || e.ID == a.event
		return a.event != "" && e.ID == a.event
	})
	if err == nil && !found {
		return events, fmt.Errorf("%s: event %s, which was seen before, is gone", customer, a.event)
	}
	return events, err
}

func (r *reader) pool(ctx context.Context, customer string) (pool, error) {
	pools, err := list(ctx, r, "/api/v1/credits/balances", ofPool(customer), func(pool) bool { return false })
	if err != nil || len(pools) == 0 {
		return pool{}, err
	}
	return pools[0], nil
}

func (r *reader) holds(ctx context.Context, customer string) (map[string]credits, error) {
	type reservation struct {
		ReservationID string
		HeldAmount    credits
	}
	open, err := list(ctx, r, "/api/v1/credits/reservations", ofPool(customer), func(reservation) bool { return false })
	holds := map[string]credits{}
	for _, hold := range open {
		holds[hold.ReservationID] = hold.HeldAmount
	}
	return holds, err
}

func ofPool(customer string) url.Values {
	return url.Values{"customerId": {customer}, "currencyId": {creditType}}
}

// list reads a list page by page until it ends or known says that the rest has been seen before.
func list[T any](ctx context.Context, r *reader, path string, query url.Values, known func(T) bool) ([]T, error) {
	query.Set("limit", "100")
	var items []T
	for {
		var page struct {
			Data       []T
			Pagination struct{ Next *string }
		}
		if err := r.page(ctx, path, query, &page); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(page.Data, known); i >= 0 {
			return append(items, page.Data[:i]...), nil
		}
		items = append(items, page.Data...)
		if page.Pagination.Next == nil {
			return items, nil
		}
		query.Set("after", *page.Pagination.Next)
	}
}

// get reads one object.
func (r *reader) get(ctx context.Context, path string, query url.Values, into any) error {
	return r.page(ctx, path, query, &struct{ Data any }{into})
}

// page reads one answer.
func (r *reader) page(ctx context.Context, path string, query url.Values, into any) error {
	a, err := r.client.outcome(ctx, request{method: http.MethodGet, path: path + "?" + query.Encode()})
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("GET %s?%s: %w", path, query.Encode(), a.unexpected())
	}
	return a.decode(into)
}
