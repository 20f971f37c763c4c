package model

import (
	"fmt"
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Difference is the first disagreement of a Subject with the model.
type Difference struct {
	Step    int // index of the command after which it was seen
	Command Command
	What    string // the answer that differs
	Diff    string // - is the model, + the subject
}

func (d *Difference) String() string {
	return fmt.Sprintf("after step %d (%s): %s differs (-model +subject)\n%s", d.Step+1, d.Command, d.What, d.Diff)
}

// Options says what a Subject can be compared on.
type Options struct {
	// Transactions: rows are grouped into transactions as the model groups them, also those posted by the clock alone.
	// False for a Subject that posts what is due only when it is touched next.
	Transactions bool
}

// Compare runs a history on a fresh model and on the subject: the outcome and the balances after each command,
// everything at the end. It returns nil when they agree. The model is returned for its counters.
func Compare(history []Command, s Subject, o Options) (*Model, *Difference) {
	m := New()
	for i, c := range history {
		if what, diff := compareStep(m, s, c); diff != "" {
			return m, &Difference{i, c, what, diff}
		}
	}
	last := len(history) - 1
	for _, p := range Pools() {
		if what, diff := compareAll(m, s, p, o); diff != "" {
			return m, &Difference{last, history[last], what + " of " + poolName(p), diff}
		}
	}
	return m, nil
}

func compareStep(m *Model, s Subject, c Command) (what, diff string) {
	want, got := m.Do(c), s.Do(c)
	if want.Refused == Refused && got.Refused != "" {
		got.Refused = Refused
	}
	if diff := differ(want, got); diff != "" {
		return "the outcome", diff
	}
	for _, p := range Pools() {
		if diff := differ(m.Balance(p), s.Balance(p)); diff != "" {
			return "the balance of " + poolName(p), diff
		}
	}
	return "", ""
}

// differ is cmp.Diff with a quick way out for what is equal, which is nearly everything.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func poolName(p Pool) string {
	if p.Resource == "" {
		return "the customer-wide pool"
	}
	return "pool " + p.Resource
}

// compareAll compares every read of a pool.
func compareAll(m *Model, s Subject, p Pool, o Options) (what, diff string) {
	rows, now := m.Rows(p, RowFilter{}), m.replayed.now
	for _, f := range filtersFor(rows) {
		if diff := differ(named(m.Rows(p, f), o), named(s.Rows(p, f), o)); diff != "" {
			return fmt.Sprintf("the ledger, filter %+v,", f), diff
		}
	}
	if diff := differ(m.Grants(p), s.Grants(p)); diff != "" {
		return "the grants", diff
	}
	for _, q := range usageQueries(p, now) {
		if diff := differ(m.Usage(q), s.Usage(q)); diff != "" {
			return fmt.Sprintf("usage %+v", q), diff
		}
	}
	for _, q := range checksFor(p, m.Balance(p)) {
		if diff := differ(m.Check(q), s.Check(q)); diff != "" {
			return fmt.Sprintf("the check %+v", q), diff
		}
	}
	return "", ""
}

// filtersFor makes filters that select something and leave something out: every kind, and values from the middle row.
func filtersFor(rows []Row) []RowFilter {
	list := []RowFilter{{}}
	for _, t := range []string{"GRANTED", "CONSUMED", "EXPIRED", "VOIDED", "UPDATED", "ROLLED_OUT", "TRANSFER_TARGET", "CONSUMPTION_REVERSED"} {
		list = append(list, RowFilter{Type: t})
	}
	if len(rows) == 0 {
		return list
	}
	mid := rows[len(rows)/2]
	return append(list, RowFilter{Grant: mid.Grant}, RowFilter{Grant: mid.Grant, Type: mid.Type},
		RowFilter{Feature: mid.Feature}, RowFilter{From: mid.PostedAt}, RowFilter{To: mid.PostedAt},
		RowFilter{From: rows[0].PostedAt, To: mid.PostedAt.Add(time.Microsecond), Type: mid.Type})
}

func usageQueries(p Pool, now time.Time) []UsageQuery {
	return []UsageQuery{
		{Pool: p, Range: "LAST_DAY"}, {Pool: p, Range: "LAST_WEEK"}, {Pool: p, Range: "LAST_MONTH"}, {Pool: p, Range: "LAST_YEAR"},
		{Pool: p, From: now.Truncate(time.Hour).Add(-5 * time.Hour), To: now.Truncate(time.Hour)},
	}
}

// checksFor asks without a request, for exactly what is available, and for a little more, hard and soft.
func checksFor(p Pool, b Balance) []CheckQuery {
	list := []CheckQuery{{Pool: p}, {Pool: p, Soft: true}}
	if available := number(b.Available); available.Sign() > 0 {
		more := decimal(add(available, number("0.000000001")))
		list = append(list, CheckQuery{Pool: p, Requested: b.Available}, CheckQuery{Pool: p, Requested: more},
			CheckQuery{Pool: p, Requested: more, Soft: true})
	}
	return list
}

// named replaces transaction names by 1, 2, 3 … in order of appearance, or by nothing if they are not compared.
func named(rows []Row, o Options) []Row {
	if o.Transactions {
		return NumberTransactions(rows)
	}
	list := make([]Row, len(rows))
	for i, r := range rows {
		r.Txn = ""
		list[i] = r
	}
	return list
}

// NumberTransactions names the transactions of rows 1, 2, 3 … in order of appearance. Rows of one transaction share
// their posting time (semantics 13.2), so a name that is used at two instants counts twice.
func NumberTransactions(rows []Row) []Row {
	list := make([]Row, len(rows))
	n := 0
	for i, r := range rows {
		if i == 0 || r.Txn != rows[i-1].Txn || !r.PostedAt.Equal(rows[i-1].PostedAt) {
			n++
		}
		list[i] = r
		list[i].Txn = fmt.Sprint(n)
	}
	return list
}
