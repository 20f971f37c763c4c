package amount

import (
	"errors"
	"math/bits"
	"strconv"
)

// What Parse and its relatives return. They are returned as they are, so == works.
var (
	// ErrSyntax means that the text is not a decimal number.
	ErrSyntax = errors.New("not a decimal number")
	// ErrTooManyDigits means that the number has more than FractionDigits significant digits after the point.
	ErrTooManyDigits = errors.New("more than 9 digits after the decimal point")
	// ErrOutOfRange means that the number has more than MaxIntegerDigits digits before the point.
	ErrOutOfRange = errors.New("more than 15 digits before the decimal point")
)

// Parse reads a decimal number in the grammar of JSON: an optional minus, no superfluous leading zero, an optional
// fraction and an optional exponent. Zeros beyond the ninth fraction digit are accepted, other digits there are not.
// The error is ErrSyntax, ErrOutOfRange or ErrTooManyDigits; the cost is linear in the text, whatever the exponent says.
func Parse(s string) (Amount, error) { return parse(s) }

// ParseJSON reads a JSON number literal, or a JSON string that holds one. Whitespace and escapes are refused.
// The errors are those of Parse.
func ParseJSON(lit []byte) (Amount, error) {
	if n := len(lit); n >= 2 && lit[0] == '"' && lit[n-1] == '"' {
		lit = lit[1 : n-1]
	}
	return parse(lit)
}

// parse reads the whole of s.
func parse[T string | []byte](s T) (Amount, error) {
	l, ok := scan(s)
	if !ok {
		return Amount{}, ErrSyntax
	}
	if l.first < 0 {
		return Amount{}, nil
	}
	if l.power(l.first) >= MaxIntegerDigits {
		return Amount{}, ErrOutOfRange
	}
	low := l.power(l.last)
	if low < -FractionDigits {
		return Amount{}, ErrTooManyDigits
	}
	// Both bounds hold, so there are at most 24 digits and 128 bits are plenty.
	var m uint128
	for i := l.first; i <= l.last; i++ {
		if c := s[i]; c != '.' {
			m, _ = m.mul64(10)
			m.lo, m.hi = addDigit(m, c)
		}
	}
	for shift := low + FractionDigits; shift > 0; {
		step := min(shift, 19)
		m, _ = m.mul64(pow10[step])
		shift -= step
	}
	return m.signed(s[0] == '-'), nil
}

func addDigit(m uint128, c byte) (lo, hi uint64) {
	lo, carry := bits.Add64(m.lo, uint64(c-'0'), 0)
	return lo, m.hi + carry
}

// layout says where the parts of a number literal are. Positions are byte offsets.
type layout struct {
	first, last int // first and last digit that is not 0; first is −1 when there is none
	point       int // the decimal point, or where it would stand
	exponent    int64
}

// power returns the power of ten of the digit at offset i.
func (l *layout) power(i int) int64 {
	p := int64(l.point - i)
	if i < l.point {
		p--
	}
	return p + l.exponent
}

// scan checks s against the JSON number grammar and finds its parts.
func scan[T string | []byte](s T) (layout, bool) {
	l := layout{first: -1}
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	start := i
	i = scanDigits(&l, s, i)
	if i == start || s[start] == '0' && i > start+1 {
		return l, false
	}
	l.point = i
	if i < len(s) && s[i] == '.' {
		i = scanDigits(&l, s, i+1)
		if i == l.point+1 {
			return l, false
		}
	}
	if i == len(s) {
		return l, true
	}
	if s[i] != 'e' && s[i] != 'E' {
		return l, false
	}
	var ok bool
	l.exponent, ok = scanExponent(s, i+1)
	return l, ok
}

// scanDigits skips the digits at i, notes in l those that are not 0, and returns the offset after them.
func scanDigits[T string | []byte](l *layout, s T, i int) int {
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		if s[i] != '0' {
			if l.first < 0 {
				l.first = i
			}
			l.last = i
		}
	}
	return i
}

// scanExponent reads a signed whole number that ends s. Beyond exponentMax it saturates: no text is long enough to
// bring such a number back into range.
func scanExponent[T string | []byte](s T, i int) (int64, bool) {
	const exponentMax = 1 << 60
	negative := i < len(s) && s[i] == '-'
	if negative || i < len(s) && s[i] == '+' {
		i++
	}
	if i == len(s) {
		return 0, false
	}
	var n int64
	for ; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if n < exponentMax/16 {
			n = n*10 + int64(s[i]-'0')
		}
	}
	if negative {
		n = -n
	}
	return n, true
}

// String returns the shortest exact plain decimal: no exponent, no superfluous zeros, no "-0".
func (a Amount) String() string {
	var buf [48]byte
	return string(a.AppendText(buf[:0]))
}

// AppendText appends the text of String to b.
func (a Amount) AppendText(b []byte) []byte {
	m, negative := a.magnitude()
	if negative {
		b = append(b, '-')
	}
	whole, fraction := m.div64(unit)
	b = appendWhole(b, whole)
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for place := uint64(unit / 10); fraction > 0; place /= 10 {
		b = append(b, byte('0'+fraction/place))
		fraction %= place
	}
	return b
}

func appendWhole(b []byte, u uint128) []byte {
	if u.hi == 0 {
		return strconv.AppendUint(b, u.lo, 10)
	}
	high, low := u.div64(pow10[19])
	b = strconv.AppendUint(b, high.lo, 10)
	for place := pow10[18]; place > 0; place /= 10 {
		b = append(b, byte('0'+low/place%10))
	}
	return b
}

// MarshalJSON writes a as a JSON number in the form of String.
func (a Amount) MarshalJSON() ([]byte, error) { return a.AppendText(nil), nil }

// UnmarshalJSON reads what ParseJSON reads. As usual in Go, null leaves a unchanged.
func (a *Amount) UnmarshalJSON(lit []byte) error {
	if string(lit) == "null" {
		return nil
	}
	parsed, err := ParseJSON(lit)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}
