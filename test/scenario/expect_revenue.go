package scenario

import "strings"

// revenueColumns are the columns of a revenue table.
const revenueColumns = "month currency opening granted recognised breakage voided closing"

// expectRevenue reads `expect revenue` with a table: exactly these lines, of the default credit type, by month.
func (p *parser) expectRevenue(w *words) func(*player) string {
	w.end()
	t := p.table(w)
	if got := strings.Join(t.columns, " "); got != revenueColumns {
		w.fail("a revenue table has the columns %s", revenueColumns)
	}
	var want []string
	for _, row := range t.rows {
		want = append(want, strings.Join(row, " | "))
	}
	return func(pl *player) string {
		var got []string
		for _, l := range pl.driver.Revenue() {
			cells := []string{l.Month, l.Currency, l.Opening, l.Granted, l.Recognised, l.Breakage, l.Voided, l.Closing}
			got = append(got, strings.Join(cells, " | "))
		}
		return differs(want, got)
	}
}
