package credits

import (
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// The cadences in which credits come (semantics 10.1), as on the wire.
const (
	CadenceDay   = "DAY"
	CadenceWeek  = "WEEK"
	CadenceMonth = "MONTH"
	CadenceYear  = "YEAR"
)

// Period is a stretch of time, From included, To excluded.
type Period struct{ From, To ledger.Time }

// length is how long the period is, in microseconds.
func (p Period) length() ledger.Time { return p.To - p.From }

// contains tells whether an instant lies in the period.
func (p Period) contains(at ledger.Time) bool { return p.From <= at && at < p.To }

// periodCadence is the cadence of a billing period.
func periodCadence(billingPeriod string) string {
	if billingPeriod == PeriodAnnually {
		return CadenceYear
	}
	return CadenceMonth
}

// CadencePeriod is the period of a cadence, counted from an anchor, that holds an instant. Days and weeks have their fixed
// length, for all times are UTC; months and years follow PeriodAround.
func CadencePeriod(cadence string, anchor, at ledger.Time) Period {
	var p Period
	switch cadence {
	case CadenceDay:
		p.From, p.To = every(24*time.Hour, anchor, at)
	case CadenceWeek:
		p.From, p.To = every(7*24*time.Hour, anchor, at)
	case CadenceYear:
		p.From, p.To = PeriodAround(anchor, 12, at)
	default:
		p.From, p.To = PeriodAround(anchor, 1, at)
	}
	return p
}

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
