package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

const env = "env_dev"

// bundle is an engine over a real store, with a clock that the test moves.
type bundle struct {
	*engine.Engine
	store *store.Store
	clock *atomic.Int64
}

func setup(t testing.TB, o store.Options) *bundle { return setupWindows(t, o, 0) }

// setupWindows is setup with small windows, so that many of them turn.
func setupWindows(t testing.TB, o store.Options, entries int) *bundle {
	t.Helper()
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return bundleOf(t, st, entries)
}

func bundleOf(t testing.TB, st *store.Store, entries int) *bundle {
	t.Helper()
	return bundleOn(t, st, st.Journal(), entries)
}

// bundleOn is bundleOf over a journal that may be faulty.
func bundleOn(t testing.TB, st *store.Store, journal engine.Journal, entries int) *bundle {
	t.Helper()
	var err error
	b := &bundle{store: st, clock: &atomic.Int64{}}
	b.clock.Store(1_800_000_000_000_000)
	b.Engine, err = engine.Open(context.Background(), engine.Options{
		Journal: journal, Clock: func(string) ledger.Time { return ledger.Time(b.clock.Load()) },
		WindowEntries: entries, Thresholds: watched,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// watched is what all pools of the tests are watched for: 80, 50 and 20 percent of the balance, and 80 percent of a grant.
func watched(ledger.Key) *ledger.Thresholds { return watchedFor() }

var watchedFor = sync.OnceValue(func() *ledger.Thresholds {
	percent := func(list ...int64) (amounts []amount.Amount) {
		for _, n := range list {
			amounts = append(amounts, amount.FromInt(n))
		}
		return amounts
	}
	t, err := ledger.NewThresholds(percent(80, 50, 20), nil, percent(80))
	if err != nil {
		panic(err)
	}
	return t
})

func (b *bundle) close(t testing.TB) {
	t.Helper()
	b.Engine.Close()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
}

func key(customer string) ledger.Key {
	return ledger.Key{Environment: env, Customer: customer, Currency: "tokens"}
}

// grantOp adds credits; burnOp burns them as an event priced by nobody.
type grantOp struct {
	customer string
	amount   int64
	expire   ledger.Time
	id       ledger.GrantID
}

func (o *grantOp) Scope() engine.Scope { return engine.Scope{Environment: env, Customer: o.customer} }

func (o *grantOp) Decide(tx *engine.Tx) error {
	tx.Entry().Kind = engine.GrantEntry
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	var err error
	o.id, err = tx.Pool(0).AddGrant(tx.Ledger(0), ledger.Grant{
		Type: ledger.Promotional, Amount: amount.FromInt(o.amount), ExpireAt: o.expire,
	})
	tx.Entry().Texts = []engine.GrantTexts{{Grant: o.id, DisplayName: "Block", Metadata: map[string]string{"a": "b"}}}
	return err
}

func (o *grantOp) Repeat(*engine.Tx, *engine.Entry) error { return nil }

type burnOp struct {
	customer, key string
	cost          int64
	at            ledger.Time
	repeated      bool
	position      engine.Position
}

func (o *burnOp) Scope() engine.Scope {
	return engine.Scope{Environment: env, Customer: o.customer, Key: engine.EventKey(env, o.customer, "", "chat", o.key)}
}

func (o *burnOp) Decide(tx *engine.Tx) error {
	charge := o.charge()
	charge.Meter = &engine.MeterUse{
		Period: 1, Meter: &rating.Meter{Aggregation: rating.Unique}, Measure: rating.Measurement{Units: amount.FromInt(1), Value: o.key},
	}
	tx.Advance(&charge)
	return o.burn(tx, charge)
}

func (o *burnOp) charge() engine.Charge {
	cost := amount.FromInt(o.cost)
	return engine.Charge{Charge: ledger.Charge{Feature: "chat", Mapping: "m", Version: 1}, Currency: "tokens", Units: cost, Cost: cost}
}

func (o *burnOp) burn(tx *engine.Tx, charge engine.Charge) error {
	*tx.Entry() = engine.Entry{Kind: engine.EventEntry, Key: o.key, Event: &engine.Event{
		Name: "chat", At: o.at, Dims: rating.Dims{{Key: "n", Kind: rating.Number, Text: "1"}}, Status: engine.EventRated,
		Charges: []engine.Charge{charge},
	}}
	if err := tx.Open(engine.PoolRef{Currency: "tokens"}); err != nil {
		return err
	}
	err := tx.Pool(0).Burn(tx.Ledger(0), charge.Cost, charge.Charge)
	o.position = tx.Entry().Position
	return err
}

func (o *burnOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	o.repeated, o.position = true, first.Position
	return nil
}

func (b *bundle) do(t testing.TB, ops ...engine.Op) {
	t.Helper()
	for _, err := range b.Do(t.Context(), ops...) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// load grants to some customers and burns at random, with repeated keys and expiries, and returns how much was burned.
func (b *bundle) load(t testing.TB, seed uint64, customers, batches, size int) (burned int64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	for c := range customers {
		now := ledger.Time(b.clock.Load())
		b.do(t, &grantOp{customer: fmt.Sprint("c", c), amount: 50, expire: now + 10_000_000},
			&grantOp{customer: fmt.Sprint("c", c), amount: 500, expire: ledger.Never})
	}
	for n := range batches {
		ops := make([]engine.Op, size)
		for i := range ops {
			ops[i] = &burnOp{
				customer: fmt.Sprint("c", random.IntN(customers)), key: fmt.Sprint(seed, n, random.IntN(size)),
				cost: random.Int64N(4), at: ledger.Time(b.clock.Load()),
			}
		}
		b.do(t, ops...)
		for _, op := range ops {
			if burn := op.(*burnOp); !burn.repeated {
				burned += burn.cost
			}
		}
		b.clock.Add(300_000)
	}
	return burned
}

func TestOneKeyOneEffect(t *testing.T) {
	// A key acts once: in one batch, in later ones, after a restart, and after its window was written out.
	t.Parallel()
	database := postgres.Options(t)
	b := setupWindows(t, database, 64)
	first := &burnOp{customer: "c0", key: "k", cost: 5, at: 1}
	again := &burnOp{customer: "c0", key: "k", cost: 5, at: 2}
	b.do(t, first, again)
	if first.repeated || !again.repeated || again.position != first.position {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	b.load(t, 1, 3, 20, 20)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		late := &burnOp{customer: "c0", key: "k", cost: 5, at: 3}
		b.do(t, late)
		if !late.repeated || late.position != first.position {
			t.Fatalf("late %+v", late)
		}
		b.close(t)
		b = setupWindows(t, database, 64)
	}
	b.close(t)
}

func TestRestartAndRebuild(t *testing.T) {
	// E5: a restart, and a rebuild of every derived row from the journal, show the same state to the byte.
	t.Parallel()
	database := postgres.Options(t)
	b := setupWindows(t, database, 97)
	burned := b.load(t, 7, 5, 40, 25)
	b.clock.Add(60_000_000)
	if _, err := b.Sweep(t.Context(), env, nil); err != nil {
		t.Fatal(err)
	}
	before := b.observe(t)
	b.close(t)

	b = setupWindows(t, database, 97)
	b.clock.Store(1_900_000_000_000_000)
	if diff := cmp.Diff(before, b.observe(t), cmpopts.IgnoreUnexported(observed{})); diff != "" {
		t.Fatalf("restart changed something (-before +after):\n%s", diff)
	}
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored := dump(t, b.store)
	b = b.rebuilt(t, database, 97)
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored, dump(t, b.store)); diff != "" {
		t.Fatalf("rebuilt rows differ (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before, b.observe(t), cmpopts.IgnoreUnexported(observed{})); diff != "" {
		t.Fatalf("rebuild changed something (-before +after):\n%s", diff)
	}
	report, err := engine.Verify(t.Context(), b.store.Journal(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Balance[env+"/tokens"]; got != amount.FromInt(5*550-burned).Sub(before.expired) {
		t.Errorf("balance %s after %d burned and %s expired", got, burned, before.expired)
	}
	b.close(t)
}

// rebuilt drops every derived row and starts again, later, from the journal alone.
func (b *bundle) rebuilt(t testing.TB, database store.Options, entries int) *bundle {
	t.Helper()
	b.Engine.Close()
	if err := b.store.Journal().DropDerived(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b = setupWindows(t, database, entries)
	b.clock.Store(1_900_000_000_000_000)
	return b
}

// observed is everything that readers see.
type observed struct {
	Rows    []string
	Grants  []string
	Usage   []string
	Events  int
	expired amount.Amount
}

func (b *bundle) observe(t testing.TB) observed {
	t.Helper()
	var o observed
	for c := range 5 {
		k := key(fmt.Sprint("c", c))
		rows, more, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: k, Limit: 10_000})
		if err != nil || more {
			t.Fatal(err, more)
		}
		for _, r := range rows {
			o.Rows = append(o.Rows, fmt.Sprintf("%s %d %s %s %s %d %x", k.Customer, r.Seq, r.Type, r.Amount, r.End, r.PostedAt, r.Hash))
			if r.Type == ledger.ExpiredRow {
				o.expired = o.expired.Sub(r.Amount)
			}
		}
		grants, _, err := b.GrantList(t.Context(), engine.GrantQuery{Environment: env, Customer: k.Customer, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range grants {
			o.Grants = append(o.Grants, fmt.Sprintf("%s %d %s %s %s %v %s", k.Customer, g.ID, g.Amount, g.Consumed, g.Expired, g.VoidedAt, g.Texts.DisplayName))
		}
		cells, err := b.Usage(t.Context(), k, 0, 1<<40)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cells {
			o.Usage = append(o.Usage, fmt.Sprint(k.Customer, c.Feature, c.Hour, c.Credits, c.Events))
		}
		events, _, err := b.Events(t.Context(), engine.EventQuery{Environment: env, Customer: k.Customer, Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		o.Events += len(events)
	}
	return o
}

// dump reads every derived row.
func dump(t testing.TB, st *store.Store) []string {
	t.Helper()
	var all []string
	for _, query := range []string{
		`SELECT 'owner', environment || '/' || customer || '/' || currency, no, as_of, next_due, state FROM owners ORDER BY no`,
		`SELECT 'page', owner, win, 0, refs, usage FROM pages ORDER BY owner, win`,
		`SELECT 'grant', id, final, created_at, state, texts FROM grants ORDER BY id`,
		`SELECT 'run', run, keys, complete, '', '' FROM key_runs ORDER BY run`,
		`SELECT 'filter', run, chunk, 0, bits, '' FROM key_filters ORDER BY run, chunk`,
		`SELECT 'chunk', run, chunk, 0, data, '' FROM key_chunks ORDER BY run, chunk`,
		`SELECT 'checkpoint', shard, windows, owners, grants, '' FROM checkpoints ORDER BY shard`,
	} {
		rows, err := st.Reader().QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			c := make([]any, 6)
			if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5]); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%q", c))
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestLedgerPaging(t *testing.T) {
	// Pages in either direction join to the whole list, through open, closing and written windows.
	t.Parallel()
	b := setupWindows(t, postgres.Options(t), 50)
	defer b.close(t)
	b.load(t, 3, 2, 30, 10)
	whole, _, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c1"), Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var down, up []uint64
	for before := uint64(0); ; {
		rows, more, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c1"), Before: before, Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			down = append(down, r.Seq)
		}
		if !more {
			break
		}
		before = rows[len(rows)-1].Seq
	}
	after := uint64(0)
	for more := true; more; {
		var rows []engine.LedgerRow
		rows, more, err = b.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c1"), After: max(after, 1), Limit: 7})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range slices.Backward(rows) {
			up = append(up, r.Seq)
		}
		after = rows[0].Seq
	}
	slices.Reverse(up)
	var want []uint64
	for _, r := range whole {
		want = append(want, r.Seq)
	}
	if diff := cmp.Diff(want, down); diff != "" {
		t.Errorf("downwards:\n%s", diff)
	}
	if diff := cmp.Diff(want[:len(want)-1], up); diff != "" {
		t.Errorf("upwards:\n%s", diff)
	}
}

func TestBalanceAt(t *testing.T) {
	// A past balance is the end of the last row posted by then.
	t.Parallel()
	b := setupWindows(t, postgres.Options(t), 50)
	defer b.close(t)
	b.load(t, 5, 2, 30, 10)
	rows, _, err := b.Ledger(t.Context(), engine.LedgerQuery{Pool: key("c1"), Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if i > 0 && rows[i-1].PostedAt == r.PostedAt {
			continue
		}
		got, err := b.BalanceAt(t.Context(), key("c1"), r.PostedAt, 0)
		if err != nil || got != r.End {
			t.Fatalf("at row %d: %s, %v; want %s", r.Seq, got, err, r.End)
		}
	}
	if got, err := b.BalanceAt(t.Context(), key("c1"), 1, 0); err != nil || !got.IsZero() {
		t.Errorf("before the first row: %s, %v", got, err)
	}
}
