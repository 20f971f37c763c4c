package rival

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// recordFunction is the same work inside the database. The statements in it are planned once per connection.
const recordFunction = `
CREATE FUNCTION record_events(customers TEXT[], names TEXT[], keys TEXT[], ats BIGINT[], dims TEXT[], units BIGINT[], costs BIGINT[],
	hours BIGINT[], moment BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
	asked RECORD;
	source RECORD;
	event BIGINT;
	due BIGINT;
	part BIGINT;
	after BIGINT;
BEGIN
	PERFORM FROM balances WHERE customer_id = ANY (customers) AND currency = '` + Currency + `' ORDER BY customer_id FOR UPDATE;
	FOR asked IN SELECT * FROM unnest(customers, names, keys, ats, dims, units, costs, hours)
		AS a (customer_id, name, idempotency_key, at, dimensions, units, cost, hour)
	LOOP
		INSERT INTO events (customer_id, name, idempotency_key, at, received_at, dimensions, cost)
			VALUES (asked.customer_id, asked.name, asked.idempotency_key, asked.at, moment, asked.dimensions, asked.cost)
			ON CONFLICT (customer_id, name, idempotency_key) DO NOTHING RETURNING id INTO event;
		CONTINUE WHEN NOT FOUND;
		due := asked.cost;
		SELECT balance INTO STRICT after FROM balances WHERE customer_id = asked.customer_id AND currency = '` + Currency + `';
		FOR source IN SELECT id, remaining FROM grants
			WHERE customer_id = asked.customer_id AND currency = '` + Currency + `' AND status = 'ACTIVE' AND remaining > 0
			AND effective_at <= moment AND (expires_at IS NULL OR expires_at > moment) ORDER BY ` + burnOrder + `
		LOOP
			EXIT WHEN due = 0;
			part := least(due, source.remaining);
			due := due - part;
			after := after - part;
			UPDATE grants SET remaining = remaining - part WHERE id = source.id;
			INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at)
				VALUES (asked.customer_id, '` + Currency + `', source.id, event, 'CREDITS_CONSUMED', -part, after, moment);
		END LOOP;
		IF due > 0 THEN
			after := after - due;
			INSERT INTO ledger (customer_id, currency, grant_id, event_id, kind, amount, balance_after, created_at)
				VALUES (asked.customer_id, '` + Currency + `', NULL, event, 'CREDITS_CONSUMED', -due, after, moment);
		END IF;
		UPDATE balances SET balance = after, updated_at = moment
			WHERE customer_id = asked.customer_id AND currency = '` + Currency + `';
		INSERT INTO usage_hourly AS u (customer_id, name, hour, events, units, cost)
			VALUES (asked.customer_id, asked.name, asked.hour, 1, asked.units, asked.cost)
			ON CONFLICT (customer_id, name, hour) DO UPDATE
			SET events = u.events + 1, units = u.units + excluded.units, cost = u.cost + excluded.cost;
	END LOOP;
END $$;
`

// callFunction records all events of a request with one statement, which is its own transaction.
func callFunction(ctx context.Context, conn *pgx.Conn, events []Event, now int64) error {
	n := len(events)
	customers, names, keys, dimensions := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	ats, units, costs, hours := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range events {
		e := &events[i]
		customers[i], names[i], keys[i], dimensions[i] = e.Customer, e.Name, e.Key, e.Dimensions
		ats[i], units[i], costs[i], hours[i] = e.At.UnixMicro(), e.Units, e.cost(), hourOf(e.At)
	}
	_, err := conn.Exec(ctx, `SELECT record_events($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		customers, names, keys, ats, dimensions, units, costs, hours, now)
	return err
}
