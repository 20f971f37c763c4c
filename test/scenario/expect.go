package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/test/model"
)

// expectation reads an expect line and the table under it.
func (p *parser) expectation(w *words) func(*player) string {
	switch what := w.next("what to expect"); what {
	case "ledger":
		return p.expectLedger(w)
	case "revenue":
		return p.expectRevenue(w)
	case "messages":
		return p.expectMessages(w)
	case "usage":
		return p.expectUsage(w)
	case "grant":
		return expectFigures(w, w.next("the grant"), grantFigures)
	case "balance", "held", "available":
		w.list = append([]string{what}, w.list...)
		return expectFigures(w, "", balanceFigures)
	default:
		w.fail("cannot expect %q", what)
		return nil
	}
}

// figure reads one figure off the driver; text tells that it is not an amount.
type figure struct {
	text bool
	read func(d Driver, p model.Pool, name string) string
}

var balanceFigures = map[string]figure{
	"balance":   {read: func(d Driver, p model.Pool, _ string) string { return d.Balance(p).Settled }},
	"held":      {read: func(d Driver, p model.Pool, _ string) string { return d.Balance(p).Held }},
	"available": {read: func(d Driver, p model.Pool, _ string) string { return d.Balance(p).Available }},
	"granted":   {read: func(d Driver, p model.Pool, _ string) string { return d.Balance(p).TotalGranted }},
	"consumed":  {read: func(d Driver, p model.Pool, _ string) string { return d.Balance(p).TotalConsumed }},
}

var grantFigures = map[string]figure{
	"status":    {true, ofGrant(func(g model.Grant) string { return g.Status })},
	"kind":      {true, ofGrant(func(g model.Grant) string { return strings.ToLower(string(g.Kind)) })},
	"amount":    {read: ofGrant(func(g model.Grant) string { return g.Amount })},
	"remaining": {read: ofGrant(func(g model.Grant) string { return g.Remaining })},
	"consumed":  {read: ofGrant(func(g model.Grant) string { return g.Consumed })},
	"expired":   {read: ofGrant(func(g model.Grant) string { return g.Expired })},
	"voided":    {read: ofGrant(func(g model.Grant) string { return g.Voided })},
	"held":      {read: ofGrant(func(g model.Grant) string { return g.Held })},
}

func ofGrant(get func(model.Grant) string) func(Driver, model.Pool, string) string {
	return func(d Driver, p model.Pool, name string) string {
		for _, g := range d.Grants(p) {
			if g.Ref == name {
				return get(g)
			}
		}
		return "(there is no such grant)"
	}
}

// expectFigures reads `NAME VALUE` pairs and pool clauses.
func expectFigures(w *words, name string, known map[string]figure) func(*player) string {
	pool := model.Pool{Currency: model.DefaultCurrency}
	var order []string
	want := map[string]string{}
	for w.more() {
		if w.pool(&pool) {
			continue
		}
		what := w.next("a figure")
		f, ok := known[what]
		switch {
		case !ok:
			w.fail("cannot expect %q", what)
		case f.text:
			want[what] = w.next(what)
		default:
			want[what] = w.amount(what)
		}
		order = append(order, what)
	}
	if len(order) == 0 {
		w.fail("say which figures to expect")
	}
	return func(p *player) string {
		var wrong []string
		for _, what := range order {
			if got := known[what].read(p.driver, pool, name); got != want[what] {
				wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", what, got, want[what]))
			}
		}
		return strings.Join(wrong, ", ")
	}
}

// rowColumns are the columns of a ledger table: how a driver's row is shown, and how a written cell is.
var rowColumns = map[string]struct {
	show  func(model.Row) string
	write func(string) (string, error)
}{
	"txn":     {func(r model.Row) string { return r.Txn }, plain},
	"type":    {func(r model.Row) string { return r.Type }, plain},
	"grant":   {func(r model.Row) string { return r.Grant }, plain},
	"event":   {func(r model.Row) string { return r.Event }, plain},
	"feature": {func(r model.Row) string { return r.Feature }, plain},
	"version": {func(r model.Row) string { return noZero(r.Version) }, plain},
	"amount":  {func(r model.Row) string { return r.Amount }, decimalCell},
	"end":     {func(r model.Row) string { return r.End }, decimalCell},
	"posted":  {func(r model.Row) string { return model.FormatTime(r.PostedAt) }, timeCell},
	"at":      {func(r model.Row) string { return eventTime(r.EventAt) }, timeCell},
	"money":   {func(r model.Row) string { return money(r.Money) }, moneyCell},
}

// neededColumns must be in every ledger table, so that a table is always compared on what matters.
var neededColumns = []string{"txn", "type", "grant", "amount", "end"}

func plain(s string) (string, error) { return s, nil }

func noZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func eventTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return model.FormatTime(t)
}

func money(m model.Money) string {
	if m.Amount == "" {
		return ""
	}
	return strings.TrimSpace(model.Canonical(m.Amount) + " " + m.Currency)
}

func decimalCell(s string) (string, error) {
	if !amountPattern.MatchString(s) {
		return "", fmt.Errorf("%q is not a decimal", s)
	}
	return model.Canonical(s), nil
}

func moneyCell(s string) (string, error) {
	amount, currency, _ := strings.Cut(s, " ")
	if s == "" {
		return "", nil
	}
	if !amountPattern.MatchString(amount) {
		return "", fmt.Errorf("%q is not an amount of money", s)
	}
	return money(model.Money{Amount: amount, Currency: currency}), nil
}

func timeCell(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return model.FormatTime(t), nil
		}
	}
	return "", fmt.Errorf("%q is not an instant", s)
}

// expectLedger reads `expect ledger [type T] [grant G] [feature F]` with its table: exactly these rows, oldest first.
func (p *parser) expectLedger(w *words) func(*player) string {
	pool, f := model.Pool{Currency: model.DefaultCurrency}, model.RowFilter{}
	for w.more() {
		switch {
		case w.accept("type"):
			f.Type = w.next("the type")
		case w.accept("grant"):
			f.Grant = w.next("the grant")
		case w.accept("feature"):
			f.Feature = w.next("the feature")
		case w.pool(&pool):
		default:
			w.end()
		}
	}
	t := p.table(w)
	want := p.written(w, t)
	return func(pl *player) string {
		var got []string
		for _, r := range model.NumberTransactions(pl.driver.Rows(pool, f)) {
			var cells []string
			for _, c := range t.columns {
				cells = append(cells, rowColumns[c].show(r))
			}
			got = append(got, strings.Join(cells, " | "))
		}
		return differs(want, got)
	}
}

// written is a ledger table in the form in which rows are shown.
func (p *parser) written(w *words, t table) []string {
	for _, needed := range neededColumns {
		if !strings.Contains("|"+strings.Join(t.columns, "|")+"|", "|"+needed+"|") {
			w.fail("a ledger table needs the column %s", needed)
		}
	}
	var list []string
	for i, row := range t.rows {
		var cells []string
		for j, cell := range row {
			column, ok := rowColumns[t.columns[j]]
			if !ok {
				w.fail("no such column: %s", t.columns[j])
			}
			if cell == "-" {
				cell = ""
			}
			text, err := column.write(cell)
			if err != nil {
				w.fail("row %d, %s: %v", i+1, t.columns[j], err)
			}
			cells = append(cells, text)
		}
		list = append(list, strings.Join(cells, " | "))
	}
	return list
}

func differs(want, got []string) string {
	if len(want) == 0 && len(got) == 0 {
		return ""
	}
	diff := cmp.Diff(want, got)
	if diff == "" {
		return ""
	}
	return "rows differ (-written +seen):\n" + diff
}

// expectUsage reads `expect usage RANGE` with a table of feature, total, events, from and points.
func (p *parser) expectUsage(w *words) func(*player) string {
	q := model.UsageQuery{Range: w.next("the range"), Pool: model.Pool{Currency: model.DefaultCurrency}}
	if !strings.HasPrefix(q.Range, "LAST_") {
		w.fail("%q is not a range", q.Range)
	}
	for w.pool(&q.Pool) {
	}
	w.end()
	t := p.table(w)
	if got := strings.Join(t.columns, " "); got != "feature total events from points" {
		w.fail("a usage table has the columns feature, total, events, from, points")
	}
	var want []string
	for _, row := range t.rows {
		want = append(want, strings.Join(row, " | "))
	}
	return func(pl *player) string {
		var got []string
		for _, s := range pl.driver.Usage(q) {
			var points []string
			for _, pt := range s.Points {
				points = append(points, pt.Value)
			}
			got = append(got, strings.Join([]string{s.ID, s.Total, strconv.Itoa(s.Events), model.FormatTime(s.Points[0].At),
				strings.Join(points, " ")}, " | "))
		}
		return differs(want, got)
	}
}
