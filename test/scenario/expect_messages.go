package scenario

import (
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/test/model"
)

// messageColumns are the columns of a table of messages, all of which it has.
var messageColumns = []string{"type", "grant", "threshold", "balance"}

// expectMessages reads `expect messages` with its table: exactly what was told of the pool since the last such table.
func (p *parser) expectMessages(w *words) func(*player) string {
	pool := model.Pool{Currency: model.DefaultCurrency}
	for w.pool(&pool) {
	}
	w.end()
	t := p.table(w)
	if !slices.Equal(t.columns, messageColumns) {
		w.fail("a table of messages has the columns %s", strings.Join(messageColumns, ", "))
	}
	var want []string
	for _, row := range t.rows {
		cells := slices.Clone(row)
		for i := range cells {
			if cells[i] == "-" {
				cells[i] = ""
			}
		}
		want = append(want, strings.Join(cells, " | "))
	}
	return func(pl *player) string {
		teller, ok := pl.driver.(model.Teller)
		if !ok {
			return "this driver tells nothing"
		}
		all := teller.Messages(pool)
		var got []string
		for _, m := range all[min(pl.told[pool], len(all)):] {
			got = append(got, strings.Join([]string{m.Type, m.Grant, m.Threshold, m.Balance}, " | "))
		}
		if pl.told == nil {
			pl.told = map[model.Pool]int{}
		}
		pl.told[pool] = len(all)
		return differs(want, got)
	}
}
