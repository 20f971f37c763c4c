package export

import (
	"encoding/json"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// kind is what a column holds. Each may be absent.
type kind uint8

const (
	text    kind = iota // string
	integer             // int64
	decimal             // amount.Amount
	instant             // ledger.Time
	object              // JSON text
)

type column struct {
	name string
	kind kind
}

// row is the values of a table's columns: string, int64, amount.Amount, ledger.Time, or nil for what is absent.
type row []any

// Table is one table of an export.
type Table struct {
	Name    string
	Title   string // for people
	Group   string // credits, usage, customers or catalogue
	columns []column
}

func texts(names ...string) []column { return kinds(text, names) }

// or is a text, or nothing when it is empty.
func or(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// at is an instant, or nothing when it is 0 or never.
func at(t ledger.Time) any {
	if t == 0 || t == ledger.Never {
		return nil
	}
	return t
}

// document is a value as JSON text, or nothing when it is empty.
func document(v any) any {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" || string(b) == "{}" || string(b) == "[]" {
		return nil
	}
	return string(b)
}

// money is an amount and its currency, or nothing twice.
func money(m ledger.Money) (any, any) {
	if m.Currency == "" {
		return nil, nil
	}
	return m.Amount, m.Currency
}

// basis is the price of one credit, or nothing for what is free.
func basis(cost ledger.Money, credits amount.Amount) any {
	if cost.Amount.IsZero() || credits.IsZero() {
		return nil
	}
	each, ok := amount.MulDiv(cost.Amount, amount.FromInt(1), credits, amount.FractionDigits)
	if !ok {
		return nil
	}
	return each
}

// timeLayout writes instants with all their microseconds.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// written is a value as text, for CSV, and whether somebody else chose it.
func written(v any) (cell string, foreign bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return amount.FromInt(v).String(), false
	case amount.Amount:
		return v.String(), false
	case ledger.Time:
		return time.UnixMicro(int64(v)).UTC().Format(timeLayout), false
	}
	return "", false
}
