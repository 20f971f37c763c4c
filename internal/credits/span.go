package credits

import (
	"regexp"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Span is a distance in time as calendars have it: months differ in length.
type Span struct {
	Months int
	Rest   ledger.Time // microseconds; weeks, days and less have one length in UTC
}

// From is the instant so far after another. A day that its month does not have is the month's last.
func (s Span) From(t ledger.Time) ledger.Time {
	return addMonths(time.UnixMicro(int64(t)).UTC(), s.Months) + s.Rest
}

// spanForm is an ISO 8601 duration of whole numbers.
var spanForm = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// spanUnits are what the numbers of a duration count: months, then microseconds.
var spanUnits = [...]Span{
	{Months: 12}, {Months: 1}, {Rest: 7 * day}, {Rest: day}, {Rest: day / 24}, {Rest: day / 24 / 60}, {Rest: day / 24 / 3600},
}

// day has one length in UTC, in microseconds.
const day = ledger.Time(24 * time.Hour / time.Microsecond)

// spanDigitsMax bounds each number of a duration: no sum of them overflows.
const spanDigitsMax = 6

// ParseSpan reads an ISO 8601 duration such as P1M, P1Y2M3D or PT90M: whole numbers of at most 6 digits. It fails with
// Invalid, about a field.
func ParseSpan(field, text string) (Span, error) {
	parts := spanForm.FindStringSubmatch(text)
	last := byte(0)
	if text != "" {
		last = text[len(text)-1]
	}
	if parts == nil || last == 'P' || last == 'T' {
		return Span{}, Invalid(field, "must be an ISO 8601 duration of whole numbers, such as P1M, P7D or PT1H")
	}
	var sum Span
	for i, unit := range spanUnits {
		digits := parts[i+1]
		if len(digits) > spanDigitsMax {
			return Span{}, invalidf(field, "a number in it has more than %d digits", spanDigitsMax)
		}
		n, _ := strconv.Atoi(digits) // an absent number is 0
		sum.Months += n * unit.Months
		sum.Rest += ledger.Time(n) * unit.Rest
	}
	return sum, nil
}
