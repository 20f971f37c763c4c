package served

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/test/model"
)

// Verify says what is wrong with the journal of the whole server, or with reads of this world that no Subject has, or
// nil. A world that restarts its server is also read before and after one more restart.
func (w *World) Verify() error {
	if err := w.server.Verify(); err != nil {
		return err
	}
	if !w.built {
		return nil
	}
	err := errors.Join(w.verifyEvents(), w.verifyRevenue())
	for _, p := range model.Pools() {
		err = errors.Join(err, w.verifyPast(p), w.verifyGroups(p))
	}
	if w.options.Restart != 0 {
		err = errors.Join(err, w.verifyRestart())
	}
	return err
}

// verifyPast holds balances of the past against the rows of a pool.
func (w *World) verifyPast(p model.Pool) error {
	rows := w.Rows(p, model.RowFilter{})
	for i := len(rows) - 1; i >= 0; i -= 1 + len(rows)/4 {
		at, end := rows[i].PostedAt, rows[i].End
		for _, later := range rows[i:] {
			if later.PostedAt.Equal(at) {
				end = later.End
			}
		}
		if got := w.balanceAt(p, at); got != end {
			return fmt.Errorf("at %s the balance was %s, the rows say %s", model.FormatTime(at), got, end)
		}
	}
	return nil
}

func (w *World) balanceAt(p model.Pool, at time.Time) string {
	q := query(customer, p)
	q.Set("asOf", instant(at))
	for _, b := range list[balance](&w.client, "/api/v1/credits/balances", q) {
		if text(b.ResourceID) == p.Resource {
			return b.Balance.String()
		}
	}
	return ""
}

// verifyGroups: grouped by a dimension, usage adds up to the same as by feature.
func (w *World) verifyGroups(p model.Pool) error {
	sum := func(groupBy string) amount.Amount {
		v := query(customer, p)
		v.Set("timeRange", "LAST_YEAR")
		if groupBy != "" {
			v.Set("groupBy", groupBy)
		}
		var got chart
		w.must("GET", "/api/v1/credits/usage?"+v.Encode(), nil, &got)
		total := amount.Zero
		for _, s := range got.Series {
			total = total.Add(number(s.TotalCredits.String()))
		}
		return total
	}
	if whole, grouped := sum(""), sum("tier,model"); whole != grouped {
		return fmt.Errorf("usage is %s by feature and %s by dimensions", whole, grouped)
	}
	return nil
}

// verifyEvents: the list of events has every event that was taken, once, and nothing that the story did not send.
func (w *World) verifyEvents() error {
	type item struct {
		ID             string  `json:"id"`
		IdempotencyKey *string `json:"idempotencyKey"`
	}
	seen := map[string]bool{}
	for _, e := range list[item](&w.client, "/api/v1/events", url.Values{"customerId": {customer}}) {
		if key := w.keys[e.ID]; key != text(e.IdempotencyKey) || seen[e.ID] {
			return fmt.Errorf("event %s has the key %q in the list, the story says %q", e.ID, text(e.IdempotencyKey), key)
		}
		seen[e.ID] = true
	}
	for id, key := range w.keys {
		if !seen[id] {
			return fmt.Errorf("event %s with the key %q is not in the list", id, key)
		}
	}
	return nil
}

// verifyRestart: a restart changes nothing that can be read.
func (w *World) verifyRestart() error {
	before := w.everything()
	if err := w.server.Restart(); err != nil {
		return err
	}
	if diff := cmp.Diff(before, w.everything()); diff != "" {
		return fmt.Errorf("a restart changes what is read (-before +after):\n%s", diff)
	}
	return nil
}

// everything is what can be read of the pools.
func (w *World) everything() []any {
	var all []any
	for _, p := range model.Pools() {
		all = append(all, w.Balance(p), w.Grants(p), w.Rows(p, model.RowFilter{}), w.Usage(model.UsageQuery{Pool: p, Range: "LAST_YEAR"}))
	}
	return all
}
