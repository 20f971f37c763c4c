package credits

import (
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// PeriodAround is the period of so many months, counted from an anchor, that holds an instant. Each period starts on the
// anchor's day, clamped to the last day of its month, so that a 31st comes back after February (W16). Times are UTC.
func PeriodAround(anchor ledger.Time, months int, at ledger.Time) (from, to ledger.Time) {
	a, t := time.UnixMicro(int64(anchor)).UTC(), time.UnixMicro(int64(at)).UTC()
	k := ((t.Year()-a.Year())*12 + int(t.Month()) - int(a.Month())) / months
	for addMonths(a, k*months) > at {
		k--
	}
	for addMonths(a, (k+1)*months) <= at {
		k++
	}
	return addMonths(a, k*months), addMonths(a, (k+1)*months)
}

// addMonths moves a time by months and clamps its day; time.AddDate would run over into the next month.
func addMonths(t time.Time, months int) ledger.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	moved := time.Date(first.Year(), first.Month(), min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	return ledger.Time(moved.UnixMicro())
}
