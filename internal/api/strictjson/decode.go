package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
)

// Nullables names the optional members that may be null, by the name of their Go type. A null there counts as absent.
// Members that are nullable.Nullable say so themselves.
type Nullables map[string][]string

// Decoder fills wire structs. It is safe for concurrent use.
type Decoder struct{ plans planner }

// NewDecoder returns a Decoder. The plan of a type is made when it is first used.
func NewDecoder(n Nullables) *Decoder { return &Decoder{plans: planner{nullables: n}} }

// Decode reads a body into a struct, which must be zero. The error is an *Error.
func (d *Decoder) Decode(body []byte, into any) error {
	s := NewScanner(body)
	target := reflect.ValueOf(into).Elem()
	d.plans.of(target.Type())(s, target)
	return s.End()
}

// reader reads one value into a target of the type that it was made for.
type reader func(*Scanner, reflect.Value)

// Types that are read in their own way.
var (
	amountType = reflect.TypeFor[amount.Amount]()
	timeType   = reflect.TypeFor[time.Time]()
	rawType    = reflect.TypeFor[json.RawMessage]()
)

func readAmount(s *Scanner, target reflect.Value) {
	if v, ok := s.Amount(); ok {
		target.Set(reflect.ValueOf(v))
	}
}

// Amount reads an exact decimal, from a number or from a string that holds one.
func (s *Scanner) Amount() (amount.Amount, bool) {
	var lit []byte
	switch s.Kind() {
	case Number:
		lit = s.Number()
	case String:
		lit = s.Text()
	default:
		s.want(Number)
	}
	if s.err != nil {
		return amount.Amount{}, false
	}
	v, err := amount.Parse(string(lit))
	switch {
	case err == nil:
		return v, true
	case errors.Is(err, amount.ErrSyntax):
		s.Failf("must be a decimal number")
	case errors.Is(err, amount.ErrTooManyDigits):
		s.Failf("has more than %d digits after the decimal point", amount.FractionDigits)
	default:
		s.Failf("has more than %d digits before the decimal point", amount.MaxIntegerDigits)
	}
	return amount.Amount{}, false
}

func readTime(s *Scanner, target reflect.Value) {
	if t, ok := s.Time(); ok {
		target.Set(reflect.ValueOf(t))
	}
}

// Time reads an RFC 3339 instant.
func (s *Scanner) Time() (time.Time, bool) {
	text := s.Text()
	if s.err != nil {
		return time.Time{}, false
	}
	t, ok := ParseTime(string(text))
	if !ok {
		s.Failf("must be a date-time such as 2026-01-31T12:00:00Z")
	}
	return t, ok
}

// ParseTime reads an RFC 3339 date-time with an offset, as bodies and query parameters carry it. The year is 0001 to 9999.
func ParseTime(text string) (time.Time, bool) {
	if bytes.IndexByte([]byte(text), ',') >= 0 {
		return time.Time{}, false // time.Parse takes a comma for the point
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, false
	}
	t = t.UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// readScalar keeps the literal text of a string, number or boolean: the value of a dimension.
func readScalar(s *Scanner, target reflect.Value) {
	if lit := s.Scalar(); lit != nil {
		target.SetBytes(bytes.Clone(lit))
	}
}

// Scalar reads a string, number or boolean and returns its literal JSON text, which points into the body.
func (s *Scanner) Scalar() []byte {
	kind := s.Kind()
	start := s.pos
	switch kind {
	case String:
		s.Text()
	case Number:
		s.Number()
	case Bool:
		s.Bool()
	case None:
		s.syntax()
	default:
		s.Failf("must be a string, a number or a boolean, not %s", kind)
	}
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

func readString(s *Scanner, target reflect.Value) {
	target.SetString(string(s.Text()))
}

func readBool(s *Scanner, target reflect.Value) { target.SetBool(s.Bool()) }

func readInt(s *Scanner, target reflect.Value) {
	v, ok := s.Int()
	if !ok {
		return
	}
	if target.OverflowInt(v) {
		s.Failf("is out of range")
		return
	}
	target.SetInt(v)
}

// Int reads a whole number. 1.0 and 1e3 are whole.
func (s *Scanner) Int() (int64, bool) {
	lit := s.Number()
	if s.err != nil {
		return 0, false
	}
	v, err := strconv.ParseInt(string(lit), 10, 64)
	if err == nil {
		return v, true
	}
	if errors.Is(err, strconv.ErrRange) {
		s.Failf("is out of range")
		return 0, false
	}
	exact, err := amount.Parse(string(lit))
	if err != nil {
		s.Failf("must be a whole number")
		return 0, false
	}
	if v, err = strconv.ParseInt(exact.String(), 10, 64); err != nil || v == math.MinInt64 {
		s.Failf("must be a whole number")
		return 0, false
	}
	return v, true
}
