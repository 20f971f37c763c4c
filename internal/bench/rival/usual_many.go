package rival

import (
	"context"
	"database/sql"
	"errors"
)

// manyStatements handle a whole request with a few statements.
type manyStatements struct {
	addEvents, readGrants, readBalances, setGrants, setBalances, addLedger, addUsage many
}

// prepare compiles every statement in every size.
func (s *manyStatements) prepare(db *sql.DB) error {
	*s = manyStatements{
		addEvents: many{
			head: `INSERT INTO events (customer_id, name, idempotency_key, at, received_at, dimensions, cost) VALUES `,
			row:  `(?, ?, ?, ?, ?, ?, ?)`, columns: 7,
			tail: ` ON CONFLICT (customer_id, name, idempotency_key) DO NOTHING RETURNING id, customer_id, name, idempotency_key`,
		},
		readGrants: many{
			head: `SELECT customer_id, id, remaining, effective_at, expires_at FROM grants
				WHERE currency = '` + Currency + `' AND status = 'ACTIVE' AND remaining > 0 AND customer_id IN (`,
			row: `?`, columns: 1, tail: `) ORDER BY customer_id, ` + burnOrder,
		},
		readBalances: many{
			head: `SELECT customer_id, balance FROM balances WHERE currency = '` + Currency + `' AND customer_id IN (`,
			row:  `?`, columns: 1, tail: `)`,
		},
		setGrants: many{
			head: `UPDATE grants SET remaining = v.column2 FROM (VALUES `, row: `(?, ?)`, columns: 2,
			tail: `) AS v WHERE grants.id = v.column1`,
		},
		setBalances: many{
			head: `UPDATE balances SET balance = v.column2, updated_at = v.column3 FROM (VALUES `, row: `(?, ?, ?)`, columns: 3,
			tail: `) AS v WHERE balances.customer_id = v.column1 AND balances.currency = '` + Currency + `'`,
		},
		addLedger: many{
			head: `INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at) VALUES `,
			row:  `(?, '` + Currency + `', ?, ?, 'CREDITS_CONSUMED', ?, ?, ?)`, columns: 6,
		},
		addUsage: many{
			head: `INSERT INTO usage_hourly (customer_id, name, hour, events, units, cost) VALUES `,
			row:  `(?, ?, ?, ?, ?, ?)`, columns: 6,
			tail: ` ON CONFLICT (customer_id, name, hour) DO UPDATE
				SET events = events + excluded.events, units = units + excluded.units, cost = cost + excluded.cost`,
		},
	}
	for _, statement := range []*many{&s.addEvents, &s.readGrants, &s.readBalances, &s.setGrants, &s.setBalances, &s.addLedger, &s.addUsage} {
		if err := statement.prepare(db); err != nil {
			return err
		}
	}
	return nil
}

// record reads what the request needs, decides in memory, and writes each table once.
func (s *manyStatements) record(ctx context.Context, tx *sql.Tx, events []Event, now int64) error {
	fresh, err := s.insertEvents(ctx, tx, events, now)
	if err != nil || len(fresh) == 0 {
		return err
	}
	w := newWork(now)
	if err := s.load(ctx, tx, w, fresh); err != nil {
		return err
	}
	for _, f := range fresh {
		w.burn(f)
	}
	return s.write(ctx, tx, w)
}

// stored is an event with the id it got.
type stored struct {
	*Event
	id int64
}

// eventKey is what makes an event the same one.
type eventKey struct{ customer, name, key string }

// insertEvents answers the events whose keys were not known, in the order of the request.
func (s *manyStatements) insertEvents(ctx context.Context, tx *sql.Tx, events []Event, now int64) ([]stored, error) {
	values := make([]any, 0, len(events)*s.addEvents.columns)
	for i := range events {
		e := &events[i]
		values = append(values, e.Customer, e.Name, e.Key, e.At.UnixMicro(), now, e.Dimensions, e.cost())
	}
	ids := make(map[eventKey]int64, len(events))
	err := s.addEvents.query(ctx, tx, values, func(rows *sql.Rows) error {
		var id int64
		var k eventKey
		err := rows.Scan(&id, &k.customer, &k.name, &k.key)
		ids[k] = id
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh := make([]stored, 0, len(ids))
	for i := range events {
		k := eventKey{events[i].Customer, events[i].Name, events[i].Key}
		if id, ok := ids[k]; ok {
			fresh = append(fresh, stored{&events[i], id})
			delete(ids, k) // a second one with this key in the request is a duplicate
		}
	}
	return fresh, nil
}

// load reads the grants and balances of every customer of the request.
func (s *manyStatements) load(ctx context.Context, tx *sql.Tx, w *work, fresh []stored) error {
	var customers []any
	for _, f := range fresh {
		if _, seen := w.pools[f.Customer]; !seen {
			w.pools[f.Customer] = &pool{}
			customers = append(customers, f.Customer)
		}
	}
	err := s.readGrants.query(ctx, tx, customers, func(rows *sql.Rows) error {
		var customer string
		var g grant
		var effective int64
		var expires sql.NullInt64
		if err := rows.Scan(&customer, &g.id, &g.remaining, &effective, &expires); err != nil {
			return err
		}
		if effective <= w.now && (!expires.Valid || expires.Int64 > w.now) {
			w.pools[customer].grants = append(w.pools[customer].grants, g)
		}
		return nil
	})
	if err != nil {
		return err
	}
	known := 0
	err = s.readBalances.query(ctx, tx, customers, func(rows *sql.Rows) error {
		var customer string
		var balance int64
		err := rows.Scan(&customer, &balance)
		w.pools[customer].balance = balance
		known++
		return err
	})
	if err == nil && known < len(customers) {
		err = errUnknown
	}
	return err
}

// errUnknown says that an event names a customer that there is not.
var errUnknown = errors.New("a customer is not known")

// write stores everything the request changed.
func (s *manyStatements) write(ctx context.Context, tx *sql.Tx, w *work) error {
	if err := s.addLedger.exec(ctx, tx, w.ledger); err != nil {
		return err
	}
	grants, balances := w.changes()
	if err := s.setGrants.exec(ctx, tx, grants); err != nil {
		return err
	}
	if err := s.setBalances.exec(ctx, tx, balances); err != nil {
		return err
	}
	return s.addUsage.exec(ctx, tx, w.usageRows())
}
