package revenue

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/sheet"
)

// The accounts of the default policy (semantics 19.3).
const (
	AccountCash            = "Cash"
	AccountReceivable      = "Accounts receivable"
	AccountDeferred        = "Deferred revenue"
	AccountRevenue         = "Revenue"
	AccountBreakageRevenue = "Breakage revenue"
	AccountRefundPayable   = "Refund payable"
)

// Entry is one line of a journal: an amount from one account to another.
type Entry struct {
	Debit, Credit string
	Amount        amount.Amount // > 0, in major units
}

// Entries books movements by the default policy. A negative movement, of something that was taken back, goes the other way.
func (f *Figures) Entries() []Entry {
	var list []Entry
	for _, e := range []Entry{
		{AccountCash, AccountDeferred, f.Cash},
		{AccountReceivable, AccountDeferred, f.Receivable},
		{AccountDeferred, AccountRevenue, f.Recognised},
		{AccountDeferred, AccountBreakageRevenue, f.Breakage},
		{AccountDeferred, AccountRefundPayable, f.Refundable.Add(f.Rolled)},
		{AccountDeferred, AccountReceivable, f.WrittenOff},
	} {
		switch e.Amount.Sign() {
		case +1:
			list = append(list, e)
		case -1:
			list = append(list, Entry{e.Credit, e.Debit, e.Amount.Neg()})
		}
	}
	return list
}

// Line is what happened in a month to the money of one currency behind one credit type.
type Line struct {
	Currency   string
	CreditType string
	Before     Figures // of all earlier months
	Figures    Figures
}

// Opening is what was deferred when the month began.
func (l *Line) Opening() amount.Amount { return l.Before.Net() }

// Closing is what is deferred when the month ends.
func (l *Line) Closing() amount.Amount { return l.Opening().Add(l.Figures.Net()) }

// Lines adds totals up to the lines of a month, those that neither had nor moved anything left out.
func Lines(totals map[TotalKey]*Figures, month Month) []Line {
	type name struct{ currency, creditType string }
	sums := map[name]*Line{}
	for key, f := range totals {
		if key.Month > month {
			continue
		}
		n := name{key.Currency, key.CreditType}
		if sums[n] == nil {
			sums[n] = &Line{Currency: key.Currency, CreditType: key.CreditType}
		}
		if key.Month == month {
			sums[n].Figures = *f
		} else {
			sums[n].Before.Add(f)
		}
	}
	lines := []Line{}
	for _, l := range sums {
		if !l.Opening().IsZero() || l.Figures != (Figures{}) {
			lines = append(lines, *l)
		}
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.CreditType, b.CreditType))
	})
	return lines
}

// journalHeader names the columns of WriteJournal.
var journalHeader = []string{"date", "account_debit", "account_credit", "amount", "currency", "credit_type", "memo"}

// WriteJournal writes the journal lines of a month as CSV, dated on its last day. The memo names the month and the entries
// of the ledger that it is tied to: of each shard those from one cut to before another.
func WriteJournal(w io.Writer, month Month, lines []Line, from, to engine.Cut) error {
	out := csv.NewWriter(w)
	memo := fmt.Sprintf("%s, ledger entries %s", month, positionRange(from, to))
	rows := [][]string{journalHeader}
	for i := range lines {
		l := &lines[i]
		for _, e := range l.Figures.Entries() {
			rows = append(rows, []string{
				month.LastDay(), e.Debit, e.Credit, fixed(e.Amount, amount.MinorDigits(l.Currency)),
				sheet.Text(strings.ToUpper(l.Currency)), sheet.Text(l.CreditType), memo,
			})
		}
	}
	return out.WriteAll(rows)
}

// positionRange writes ranges as shard:first-last.
func positionRange(from, to engine.Cut) string {
	var parts []string
	for i, end := range to {
		first := uint64(1)
		if i < len(from) {
			first = from[i].Ordinal()
		}
		if end.Ordinal() > first {
			parts = append(parts, fmt.Sprintf("%d:%d-%d", end.Shard(), first, end.Ordinal()-1))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

// fixed writes an amount with all digits of the minor unit.
func fixed(a amount.Amount, digits int) string {
	text := a.String()
	whole, fraction, _ := strings.Cut(text, ".")
	if digits == 0 {
		return text
	}
	return whole + "." + fraction + strings.Repeat("0", max(0, digits-len(fraction)))
}
