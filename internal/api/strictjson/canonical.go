package strictjson

import (
	"bytes"
	"slices"
	"strconv"
)

// Canonical returns the normal form of a body: members in order of their names, no white space, one spelling of each text
// and number. Two bodies with the same normal form mean the same. The error is an *Error.
func Canonical(body []byte) ([]byte, error) {
	s := NewScanner(body)
	out := s.canonical(make([]byte, 0, len(body)))
	if err := s.End(); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Scanner) canonical(dst []byte) []byte {
	switch s.Kind() {
	case Null:
		s.literal("null")
		return append(dst, "null"...)
	case Bool:
		return strconv.AppendBool(dst, s.Bool())
	case Number:
		return appendNumber(dst, s.Number())
	case String:
		return AppendText(dst, string(s.Text()))
	case Array:
		return s.canonicalArray(dst)
	case Object:
		return s.canonicalObject(dst)
	}
	s.syntax()
	return dst
}

func (s *Scanner) canonicalArray(dst []byte) []byte {
	s.BeginArray()
	dst = append(dst, '[')
	for first := true; s.More(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		dst = s.canonical(dst)
	}
	return append(dst, ']')
}

func (s *Scanner) canonicalObject(dst []byte) []byte {
	type member struct{ key, value []byte }
	var members []member
	s.BeginObject()
	for s.More() {
		key := bytes.Clone(s.Key())
		members = append(members, member{key, s.canonical(nil)})
	}
	slices.SortFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
			if bytes.Equal(m.key, members[i-1].key) {
				s.failMember(string(shown(m.key)), "appears twice")
			}
		}
		dst = append(AppendText(dst, string(m.key)), ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// appendNumber writes a number literal as its significant digits and a power of ten.
func appendNumber(dst, lit []byte) []byte {
	mantissa, power, _ := bytes.Cut(bytes.ToLower(lit), []byte("e"))
	exponent, _ := strconv.ParseInt(string(power), 10, 64) // absent is 0; beyond 64 bits it saturates
	negative := bytes.HasPrefix(mantissa, []byte("-"))
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(mantissa, []byte("-")), []byte("."))
	exponent -= int64(len(fraction))
	all := bytes.TrimLeft(slices.Concat(whole, fraction), "0")
	significant := bytes.TrimRight(all, "0")
	exponent += int64(len(all) - len(significant))
	if len(significant) == 0 {
		return append(dst, '0')
	}
	if negative {
		dst = append(dst, '-')
	}
	dst = append(append(dst, significant...), 'e')
	return strconv.AppendInt(dst, exponent, 10)
}
