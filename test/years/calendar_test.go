package years

import (
	"math/big"
	"time"
)

// calendar finds periods by walking from day to day. It remembers where it was, for speed only.
type calendar struct{ begun map[calendarKey]time.Time }

type calendarKey struct {
	cadence string
	anchor  time.Time
}

func daysOf(month time.Time) int {
	return time.Date(month.Year(), month.Month()+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1).Day()
}

// begins tells whether a period begins on a day, counted from an anchor.
func begins(cadence string, anchor, day time.Time) bool {
	sameDay := day.Day() == anchor.Day() || day.Day() == daysOf(day) && anchor.Day() > daysOf(day)
	switch cadence {
	case "DAY":
		return true
	case "WEEK":
		return day.Weekday() == anchor.Weekday()
	case "MONTH":
		return sameDay
	}
	return sameDay && day.Month() == anchor.Month()
}

// around is the period that holds an instant at or after the anchor.
func (c *calendar) around(cadence string, anchor, t time.Time) (from, to time.Time) {
	key := calendarKey{cadence, anchor}
	day := anchor
	if known, ok := c.begun[key]; ok && !known.After(t) {
		day = known
	}
	for ; ; day = day.AddDate(0, 0, 1) {
		if !begins(cadence, anchor, day) {
			continue
		}
		if day.After(t) {
			c.begun[key] = from
			return from, day
		}
		from = day
	}
}

// whole rounds half up to whole credits.
func whole(r *big.Rat) *big.Rat {
	shifted := new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Rat).SetInt(new(big.Int).Div(shifted.Num(), shifted.Denom()))
}

func credit(n int64) *big.Rat { return big.NewRat(n, 1) }

func minus(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
