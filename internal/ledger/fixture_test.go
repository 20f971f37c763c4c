package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
)

const (
	second  Time = 1_000_000
	minute       = 60 * second
	hour         = 60 * minute
	dayLong      = 24 * hour
)

// at parses a time of 2026, for example "03-10 00:20" or "03-04 23:59:59.999".
func at(s string) Time {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02 15:04:05.000"} {
		if t, err := time.Parse(layout, "2026-"+s); err == nil {
			return Time(t.UnixMicro())
		}
	}
	panic("bad time " + s)
}

func amt(s string) amount.Amount {
	a, err := amount.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

func usd(s string) Money {
	if s == "" {
		return Money{}
	}
	return Money{amt(s), "usd"}
}

// reporter is the part of testing.TB that rapid.T has as well, so that random tests can shrink.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// fixture drives one pool and a replica that is fed the facts through their journal form. After every transaction both
// must be equal to the byte, keep the invariants and have a valid chain.
type fixture struct {
	t       reporter
	pool    *Pool
	replica *Pool
	now     Time
	grace   Time
	event   string
	eventAt Time
	lastID  GrantID
	txns    int
	rows    []Row
	table   map[GrantID]Grant // last state of every grant, kept from the facts alone
	names   map[GrantID]string
	shown   int // rows that wantRows has compared

	thresholds *Thresholds
	alerts     []Alert
	heard      int // alerts that wantNews has compared
}

func newFixture(t reporter) *fixture {
	key := Key{"env_test", "cus_1", "credits", ""}
	return &fixture{t: t, pool: NewPool(key), replica: NewPool(key), now: at("03-01"), grace: hour,
		table: make(map[GrantID]Grant), names: make(map[GrantID]string)}
}

// do runs one transaction.
func (f *fixture) do(op func(tx *Tx) error) error {
	f.t.Helper()
	f.txns++
	main := &Cause{Txn: fmt.Sprintf("txn_%04d", f.txns), Event: f.event, EventAt: f.eventAt, Actor: Actor{ActorAPI, "key_1"}}
	tx := &Tx{Now: f.now, Cause: main, SystemCause: &Cause{Txn: main.Txn}, LateGrace: f.grace, Thresholds: f.thresholds,
		NewGrant: func() GrantID { f.lastID++; return f.lastID }}
	f.event, f.eventAt = "", 0
	head := f.pool.Head()
	err := op(tx)
	f.follow(tx, head)
	return err
}

// follow brings the replica up to date and checks what must hold after every transaction.
func (f *fixture) follow(tx *Tx, head [32]byte) {
	f.t.Helper()
	f.pool.Conclude(tx)
	f.checkAlerts(tx)
	var journal []byte
	origin := &Origin{Cause: tx.Cause, SystemCause: tx.SystemCause, Charges: []Charge{{Feature: "feature"}}}
	for i := range tx.Facts {
		journal = AppendFact(journal, &tx.Facts[i], origin)
	}
	var rows []Row
	for len(journal) > 0 {
		fact, rest, err := DecodeFact(journal, origin)
		if err != nil {
			f.t.Fatalf("decode fact: %v", err)
		}
		if g := f.replica.Apply(&fact); g != nil {
			f.table[g.ID] = *g
		}
		switch fact.Kind {
		case FactRow:
			rows = append(rows, fact.Row)
		case FactAlert:
			f.alerts = append(f.alerts, *fact.Alert)
		}
		journal = rest
	}
	f.rows = append(f.rows, rows...)
	f.checkTable(tx)
	if err := VerifyRows(&f.pool.key, head, rows); err != nil {
		f.t.Fatal(err)
	}
	if err := f.pool.Check(); err != nil {
		f.t.Fatal(err)
	}
	f.sameBytes(f.replica, "replay")
}

func (f *fixture) sameBytes(other *Pool, what string) {
	f.t.Helper()
	if a, b := f.pool.AppendBinary(nil), other.AppendBinary(nil); !bytes.Equal(a, b) {
		f.t.Fatalf("%s differs:\n%x\n%x", what, a, b)
	}
}

func (f *fixture) must(op func(tx *Tx) error) {
	f.t.Helper()
	if err := f.do(op); err != nil {
		f.t.Fatalf("transaction %d: %v", f.txns, err)
	}
}

// grant adds a grant with a name. Unset: promotional, now, never expiring.
func (f *fixture) grant(name, amount string, g Grant) GrantID {
	f.t.Helper()
	g.Amount = amt(amount)
	if g.Type == 0 {
		g.Type = Promotional
	}
	if g.ExpireAt == 0 {
		g.ExpireAt = Never
	}
	var id GrantID
	f.must(func(tx *Tx) (err error) {
		id, err = f.pool.AddGrant(tx, g)
		return err
	})
	f.names[id] = name
	return id
}

// burn reports an event that happens now.
func (f *fixture) burn(event, cost string) {
	f.t.Helper()
	f.burnLate(event, f.now, cost)
}

func (f *fixture) burnLate(event string, eventAt Time, cost string) {
	f.t.Helper()
	f.event, f.eventAt = event, eventAt
	f.must(func(tx *Tx) error { return f.pool.Burn(tx, amt(cost), Charge{Feature: "feature"}) })
}

func (f *fixture) sweep() { f.t.Helper(); f.must(func(tx *Tx) error { f.pool.Sweep(tx); return nil }) }

func (f *fixture) name(id GrantID) string {
	if n, ok := f.names[id]; ok {
		return n
	}
	if f.table[id].Type == Overdraft {
		return "OD"
	}
	return fmt.Sprint("g", id)
}

// show renders a row as "CONSUMED A -40 = 110", with its money and, if it is dated otherwise than now, its date.
func (f *fixture) show(r *Row) string {
	sign := ""
	if r.Amount.Sign() >= 0 {
		sign = "+"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s%s = %s", r.Type, f.name(r.Grant), sign, r.Amount, r.End)
	if !r.Money.Amount.IsZero() {
		fmt.Fprintf(&b, " %s %s", r.Money.Amount, r.Money.Currency)
	}
	if r.PostedAt != f.now {
		fmt.Fprintf(&b, " @%s", time.UnixMicro(int64(r.PostedAt)).UTC().Format("01-02 15:04"))
	}
	return b.String()
}

// wantRows compares the rows since the last call.
func (f *fixture) wantRows(want ...string) {
	f.t.Helper()
	var got []string
	for i := f.shown; i < len(f.rows); i++ {
		got = append(got, f.show(&f.rows[i]))
	}
	f.shown = len(f.rows)
	if diff := cmp.Diff(want, got); diff != "" {
		f.t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func (f *fixture) wantPool(balance, held, deficit string) {
	f.t.Helper()
	got := fmt.Sprintf("balance %s held %s deficit %s", f.pool.Balance(), f.pool.Held(), f.pool.Deficit())
	if want := fmt.Sprintf("balance %s held %s deficit %s", balance, held, deficit); got != want {
		f.t.Errorf("pool: got %s, want %s", got, want)
	}
	if got, want := f.pool.Available(), amt(balance).Sub(amt(held)); got != want {
		f.t.Errorf("available: got %s, want %s", got, want)
	}
}

// rowsOf returns the rows with this event id.
func (f *fixture) rowsOf(event string) (rows []Row) {
	for _, r := range f.rows {
		if r.Cause.Event == event {
			rows = append(rows, r)
		}
	}
	return rows
}

// overdraftRows returns all rows of overdrafts and the targets of their transfers.
func (f *fixture) overdraftRows() (rows []Row) {
	for _, r := range f.rows {
		if f.table[r.Grant].Type == Overdraft || r.Type == TransferTarget {
			rows = append(rows, r)
		}
	}
	return rows
}

// checkTable checks that the table agrees with the pool, and that Ended names what left it.
func (f *fixture) checkTable(tx *Tx) {
	f.t.Helper()
	for g := range f.pool.Grants() {
		state := f.table[g.ID]
		state.Held = g.Held // holds are no part of the table
		if state != *g {
			f.t.Fatalf("table has %+v, pool %+v", state, *g)
		}
	}
	for _, g := range tx.Ended {
		if state := f.table[g.ID]; g != state {
			f.t.Fatalf("ended %+v, table has %+v", g, state)
		}
	}
	for i := range tx.Facts {
		id := tx.Facts[i].Row.Grant
		if _, open := f.pool.Grant(id); id != 0 && !open && !slices.ContainsFunc(tx.Ended, func(g Grant) bool { return g.ID == id }) {
			f.t.Fatalf("grant %d left the pool unnoticed", id)
		}
	}
}

// closedState returns the last state of a grant that the pool forgot.
func (f *fixture) closedState(id GrantID) Grant {
	f.t.Helper()
	if _, open := f.pool.Grant(id); open {
		f.t.Fatalf("grant %d is open", id)
	}
	return f.table[id]
}

// reverse reverses an event the way a caller with tables of rows and grants does.
func (f *fixture) reverse(event string, replace *Grant) (id GrantID, err error) {
	f.t.Helper()
	f.sweep() // what is due may settle the event's deficit first
	borne := BearersNow(f.rowsOf(event), f.overdraftRows())
	r := Reversal{Borne: borne, Replace: replace}
	for _, b := range borne {
		r.Past = append(r.Past, f.table[b.Grant])
	}
	f.event = event
	err = f.do(func(tx *Tx) (err error) { id, err = f.pool.Reverse(tx, r); return err })
	return id, err
}
