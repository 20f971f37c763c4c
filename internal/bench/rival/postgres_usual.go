package rival

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
)

// The statements of client SQL. The driver prepares each once per connection.
const (
	insertEvent = `INSERT INTO events (customer_id, name, idempotency_key, at, received_at, dimensions, cost)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (customer_id, name, idempotency_key) DO NOTHING RETURNING id`
	readGrants = `SELECT customer_id, id, remaining FROM grants
		WHERE customer_id = ANY ($1) AND currency = '` + Currency + `' AND status = 'ACTIVE' AND remaining > 0
		AND effective_at <= $2 AND (expires_at IS NULL OR expires_at > $2) ORDER BY customer_id, ` + burnOrder
	setGrant     = `UPDATE grants SET remaining = $2 WHERE id = $1`
	setBalance   = `UPDATE balances SET balance = $2, updated_at = $3 WHERE customer_id = $1 AND currency = '` + Currency + `'`
	insertLedger = `INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at)
		VALUES ($1, '` + Currency + `', $2, $3, 'CREDITS_CONSUMED', $4, $5, $6)`
	addUsage = `INSERT INTO usage_hourly AS u (customer_id, name, hour, events, units, cost) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (customer_id, name, hour) DO UPDATE
		SET events = u.events + excluded.events, units = u.units + excluded.units, cost = u.cost + excluded.cost`
)

// writeSingly is the usual way: event after event. What one event writes travels with what the next one reads, so a request
// takes one round trip an event and one more.
func writeSingly(ctx context.Context, conn *pgx.Conn, events []Event, now int64) error {
	return inSteps(ctx, conn, events, 1, now)
}

// writeTogether decides on all events of a request at once: two round trips.
func writeTogether(ctx context.Context, conn *pgx.Conn, events []Event, now int64) error {
	return inSteps(ctx, conn, events, len(events), now)
}

// inSteps records events in one transaction, so many at a time.
func inSteps(ctx context.Context, conn *pgx.Conn, events []Event, size int, now int64) error {
	balances := make(map[string]int64, len(events))
	queue := &pgx.Batch{}
	queue.Queue(`BEGIN`)
	queue.Queue(lockPools, customersOf(events)).Query(func(rows pgx.Rows) error {
		var customer string
		var balance int64
		_, err := pgx.ForEachRow(rows, []any{&customer, &balance}, func() error { balances[customer] = balance; return nil })
		return err
	})
	for part := range slices.Chunk(events, size) {
		w := newWork(now)
		fresh := askFor(queue, w, part)
		if err := flush(ctx, conn, queue); err != nil {
			return err
		}
		for customer, p := range w.pools {
			balance, known := balances[customer]
			if !known {
				_, err := conn.Exec(ctx, `ROLLBACK`)
				return errors.Join(errUnknown, err)
			}
			p.balance = balance
		}
		for _, f := range *fresh {
			w.burn(f)
		}
		queue = &pgx.Batch{}
		tell(queue, w)
		for customer, p := range w.pools {
			balances[customer] = p.balance
		}
	}
	queue.Queue(`COMMIT`)
	return flush(ctx, conn, queue)
}

// flush sends what is queued and reads the answers. After a failure it ends the transaction.
func flush(ctx context.Context, conn *pgx.Conn, queue *pgx.Batch) error {
	err := conn.SendBatch(ctx, queue).Close()
	if err != nil {
		_, rollback := conn.Exec(ctx, `ROLLBACK`)
		err = errors.Join(err, rollback)
	}
	return err
}

// askFor queues the events of a step and the grants of their customers. The events whose keys were not known stand where
// it points once the queue is flushed.
func askFor(queue *pgx.Batch, w *work, events []Event) *[]stored {
	fresh := new([]stored)
	for i := range events {
		e := &events[i]
		insert := queue.Queue(insertEvent, e.Customer, e.Name, e.Key, e.At.UnixMicro(), w.now, e.Dimensions, e.cost())
		insert.Query(func(rows pgx.Rows) error {
			var id int64
			_, err := pgx.ForEachRow(rows, []any{&id}, func() error { *fresh = append(*fresh, stored{e, id}); return nil })
			return err
		})
	}
	customers := customersOf(events)
	for _, customer := range customers {
		w.pools[customer] = &pool{}
	}
	queue.Queue(readGrants, customers, w.now).Query(func(rows pgx.Rows) error {
		var customer string
		var g grant
		_, err := pgx.ForEachRow(rows, []any{&customer, &g.id, &g.remaining}, func() error {
			w.pools[customer].grants = append(w.pools[customer].grants, g)
			return nil
		})
		return err
	})
	return fresh
}

// tell queues everything a step has changed.
func tell(queue *pgx.Batch, w *work) {
	if len(w.ledger) == 0 && len(w.usage) == 0 {
		return // nothing but known keys
	}
	grants, balances := w.changes()
	each := func(statement string, columns int, values []any) {
		for row := range slices.Chunk(values, columns) {
			queue.Queue(statement, row...)
		}
	}
	each(setGrant, 2, grants)
	each(setBalance, 3, balances)
	each(insertLedger, 6, w.ledger)
	each(addUsage, 6, w.usageRows())
}
