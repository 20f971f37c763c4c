package rival

import (
	"context"
	"iter"
	"slices"
	"time"
)

// Content is what a database of the usual service starts with.
type Content struct {
	Customers []string
	Grants    []int64          // thousandths of a credit; each customer gets one grant of each, used in this order
	Events    iter.Seq[Event]  // recorded before anything is measured; all keys differ
	Now       func() time.Time // the clock of the rows
}

// loadCommit is how many events a loader writes at a time.
const loadCommit = 200_000

// sink is a database in which a loader fills tables that have no indexes yet but their primary keys.
type sink interface {
	// insert writes rows of a table in one transaction. The values stand row after row, in the order of the columns.
	insert(ctx context.Context, table string, columns []string, values []any) error
}

// loader writes the rows that recording the events one by one would have written, only faster. It keeps balances and
// rollups in memory while it writes events and ledger rows.
type loader struct {
	sink      sink
	content   Content
	work      *work
	nextEvent int64
}

// load fills the tables.
func load(ctx context.Context, to sink, c Content) error {
	l := &loader{sink: to, content: c, work: newWork(c.Now().UnixMicro())}
	for _, step := range []func(context.Context) error{l.customers, l.events, l.grants, l.state} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// customers writes the customers and remembers their grants, which are written as they stand at the end.
func (l *loader) customers(ctx context.Context) error {
	var people []any
	var next, total int64
	for _, amount := range l.content.Grants {
		total += amount
	}
	for _, id := range l.content.Customers {
		people = append(people, id, "Customer "+id, l.work.now)
		p := &pool{balance: total}
		l.work.pools[id] = p
		for _, amount := range l.content.Grants {
			next++
			p.grants = append(p.grants, grant{id: next, remaining: amount})
		}
	}
	return l.sink.insert(ctx, "customers", []string{"id", "name", "created_at"}, people)
}

// events records the events.
func (l *loader) events(ctx context.Context) error {
	var rows []any
	for e := range l.content.Events {
		l.nextEvent++
		rows = append(rows, l.nextEvent, e.Customer, e.Name, e.Key, e.At.UnixMicro(), l.work.now, e.Dimensions, e.cost())
		l.work.burn(stored{&e, l.nextEvent})
		if l.nextEvent%loadCommit == 0 {
			if err := l.flush(ctx, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return l.flush(ctx, rows)
}

// flush writes the events at hand and their ledger rows.
func (l *loader) flush(ctx context.Context, events []any) error {
	ledger := make([]any, 0, len(l.work.ledger)/6*8)
	for row := range slices.Chunk(l.work.ledger, 6) {
		ledger = append(ledger, row[0], Currency, row[1], row[2], "CREDITS_CONSUMED", row[3], row[4], row[5])
	}
	l.work.ledger = l.work.ledger[:0]
	columns := []string{"id", "customer_id", "name", "idempotency_key", "at", "received_at", "dimensions", "cost"}
	if err := l.sink.insert(ctx, "events", columns, events); err != nil {
		return err
	}
	columns = []string{"customer_id", "currency", "grant_id", "event_id", "kind", "amount", "balance_after", "created_at"}
	return l.sink.insert(ctx, "ledger", columns, ledger)
}

// grants writes what the events left of the grants. Priorities follow their order.
func (l *loader) grants(ctx context.Context) error {
	var rows []any
	for _, id := range l.content.Customers {
		for priority, g := range l.work.pools[id].grants {
			amount := l.content.Grants[priority]
			rows = append(rows, g.id, id, Currency, 1, priority, amount, g.remaining, "ACTIVE", l.work.now, l.work.now)
		}
	}
	columns := []string{"id", "customer_id", "currency", "kind", "priority", "amount", "remaining", "status", "effective_at", "created_at"}
	return l.sink.insert(ctx, "grants", columns, rows)
}

// state writes balances and rollups once, as they stand at the end.
func (l *loader) state(ctx context.Context) error {
	_, balances := l.work.changes()
	rows := make([]any, 0, len(balances)/3*4)
	for row := range slices.Chunk(balances, 3) {
		rows = append(rows, row[0], Currency, row[1], row[2])
	}
	if err := l.sink.insert(ctx, "balances", []string{"customer_id", "currency", "balance", "updated_at"}, rows); err != nil {
		return err
	}
	return l.sink.insert(ctx, "usage_hourly", []string{"customer_id", "name", "hour", "events", "units", "cost"}, l.work.usageRows())
}
