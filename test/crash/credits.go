package crash

import (
	"fmt"
	"strings"
)

// credits counts billionths of a credit. The load stays far below the 9 billion credits that fit.
type credits int64

const one credits = 1_000_000_000

// String writes plain decimals.
func (c credits) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	whole, fraction := int64(c/one), int64(c%one)
	if fraction == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return fmt.Sprintf("%s%d.%s", sign, whole, strings.TrimRight(fmt.Sprintf("%09d", fraction), "0"))
}

// MarshalJSON writes a JSON number.
func (c credits) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalJSON reads a JSON number in plain notation with at most nine fraction digits.
func (c *credits) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	whole, fraction, _ := strings.Cut(string(text), ".")
	digits, negative := strings.CutPrefix(whole, "-")
	if len(fraction) > 9 || len(digits) > 9 || digits == "" {
		return fmt.Errorf("amount %s", text)
	}
	var n int64
	for _, digit := range digits + fraction + "000000000"[len(fraction):] {
		if digit < '0' || digit > '9' {
			return fmt.Errorf("amount %s", text)
		}
		n = 10*n + int64(digit-'0')
	}
	if negative {
		n = -n
	}
	*c = credits(n)
	return nil
}
