package revenue

import (
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Month is a calendar month in UTC, counted from January of the year 0. The zero Month stands for none.
type Month int32

const monthsPerYear = 12

// monthLayout is how a month is written: 2026-11.
const monthLayout = "2006-01"

// MonthOf is the month that an instant lies in.
func MonthOf(t ledger.Time) Month {
	u := time.UnixMicro(int64(t)).UTC()
	return Month(u.Year()*monthsPerYear + int(u.Month()) - 1)
}

// ParseMonth reads a month such as 2026-11, from 1970-01 to 9999-12.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse(monthLayout, text)
	if err != nil || len(text) != len(monthLayout) || t.Year() < 1970 {
		return 0, fmt.Errorf("%q is not a month such as 2026-11", text)
	}
	return MonthOf(ledger.Time(t.UnixMicro())), nil
}

// String writes the month as ParseMonth reads it.
func (m Month) String() string { return m.date().Format(monthLayout) }

// LastDay is the month's last day as 2026-11-30: the date of its journal lines.
func (m Month) LastDay() string { return (m + 1).date().AddDate(0, 0, -1).Format(time.DateOnly) }

// Start is the first instant of the month.
func (m Month) Start() ledger.Time { return ledger.Time(m.date().UnixMicro()) }

// End is the first instant after the month.
func (m Month) End() ledger.Time { return (m + 1).Start() }

func (m Month) date() time.Time {
	return time.Date(int(m)/monthsPerYear, time.Month(int(m)%monthsPerYear+1), 1, 0, 0, 0, 0, time.UTC)
}
