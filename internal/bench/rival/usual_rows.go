package rival

import (
	"context"
	"database/sql"
	"errors"
)

// burnOrder is the order in which grants pay: priority, then the one that expires first, then free before paid, then age.
const burnOrder = `priority, expires_at IS NULL, expires_at, kind, effective_at, created_at, id`

// rowStatements handle one event after the other.
type rowStatements struct {
	addEvent, readGrants, takeGrant, takeBalance, addLedger, addUsage *sql.Stmt
}

// prepare compiles the statements once for the life of the connection.
func (s *rowStatements) prepare(db *sql.DB) error {
	return prepareAll(db, map[**sql.Stmt]string{
		&s.addEvent: `INSERT INTO events (customer_id, name, idempotency_key, at, received_at, dimensions, cost)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (customer_id, name, idempotency_key) DO NOTHING RETURNING id`,
		&s.readGrants: `SELECT id, remaining FROM grants
			WHERE customer_id = ? AND currency = ? AND status = 'ACTIVE' AND remaining > 0
			AND effective_at <= ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY ` + burnOrder,
		&s.takeGrant: `UPDATE grants SET remaining = remaining - ? WHERE id = ?`,
		&s.takeBalance: `UPDATE balances SET balance = balance - ?, updated_at = ? WHERE customer_id = ? AND currency = ?
			RETURNING balance`,
		&s.addLedger: `INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at)
			VALUES (?, ?, ?, ?, 'CREDITS_CONSUMED', ?, ?, ?)`,
		&s.addUsage: `INSERT INTO usage_hourly (customer_id, name, hour, events, units, cost) VALUES (?, ?, ?, 1, ?, ?)
			ON CONFLICT (customer_id, name, hour) DO UPDATE
			SET events = events + 1, units = units + excluded.units, cost = cost + excluded.cost`,
	})
}

// prepareAll compiles each text into its place.
func prepareAll(db *sql.DB, texts map[**sql.Stmt]string) error {
	for place, text := range texts {
		statement, err := db.Prepare(text)
		if err != nil {
			return err
		}
		*place = statement
	}
	return nil
}

// record writes the events in order.
func (s *rowStatements) record(ctx context.Context, tx *sql.Tx, events []Event, now int64) error {
	for i := range events {
		if err := s.recordOne(ctx, tx, &events[i], now); err != nil {
			return err
		}
	}
	return nil
}

// recordOne writes one event and what it burns. A repeated key changes nothing.
func (s *rowStatements) recordOne(ctx context.Context, tx *sql.Tx, e *Event, now int64) error {
	var id int64
	err := tx.StmtContext(ctx, s.addEvent).QueryRowContext(ctx, e.Customer, e.Name, e.Key, e.At.UnixMicro(), now, e.Dimensions, e.cost()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // the key is known
	}
	if err != nil {
		return err
	}
	slices, err := s.burn(ctx, tx, e, now)
	if err != nil {
		return err
	}
	for _, part := range slices {
		if err := s.take(ctx, tx, e, part, id, now); err != nil {
			return err
		}
	}
	_, err = tx.StmtContext(ctx, s.addUsage).ExecContext(ctx, e.Customer, e.Name, hourOf(e.At), e.Units, e.cost())
	return err
}

// slice is what one grant pays of an event.
type slice struct {
	grant  sql.NullInt64 // none when the customer has run out
	amount int64
}

// burn reads grants in order until the cost is covered; what no grant pays is a slice without a grant.
func (s *rowStatements) burn(ctx context.Context, tx *sql.Tx, e *Event, now int64) ([]slice, error) {
	rows, err := tx.StmtContext(ctx, s.readGrants).QueryContext(ctx, e.Customer, Currency, now, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var slices []slice
	due := e.cost()
	for due > 0 && rows.Next() {
		var id, remaining int64
		if err := rows.Scan(&id, &remaining); err != nil {
			return nil, err
		}
		part := min(due, remaining)
		slices = append(slices, slice{sql.NullInt64{Int64: id, Valid: true}, part})
		due -= part
	}
	if due > 0 {
		slices = append(slices, slice{amount: due})
	}
	return slices, rows.Err()
}

// take moves one slice: grant, balance, ledger.
func (s *rowStatements) take(ctx context.Context, tx *sql.Tx, e *Event, part slice, event, now int64) error {
	if part.grant.Valid {
		if _, err := tx.StmtContext(ctx, s.takeGrant).ExecContext(ctx, part.amount, part.grant.Int64); err != nil {
			return err
		}
	}
	var after int64
	err := tx.StmtContext(ctx, s.takeBalance).QueryRowContext(ctx, part.amount, now, e.Customer, Currency).Scan(&after)
	if err != nil {
		return err
	}
	_, err = tx.StmtContext(ctx, s.addLedger).ExecContext(ctx, e.Customer, Currency, part.grant, event, -part.amount, after, now)
	return err
}
