package strictjson

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/amount"
)

// writer appends one value of the type that it was made for.
type writer func([]byte, reflect.Value) []byte

var writers sync.Map // reflect.Type → writer

// Append writes an answer and returns the extended buffer. A nil slice that is not omitted is null, a nil map {}. It
// panics for a type that no answer has.
func Append(dst []byte, v any) []byte {
	value := reflect.ValueOf(v)
	return writerOf(value.Type())(dst, value)
}

func writerOf(t reflect.Type) writer {
	if w, ok := writers.Load(t); ok {
		return w.(writer)
	}
	w := makeWriter(t)
	writers.Store(t, w)
	return w
}

func makeWriter(t reflect.Type) writer {
	switch t {
	case amountType:
		return func(dst []byte, v reflect.Value) []byte { return v.Interface().(amount.Amount).AppendText(dst) }
	case timeType:
		return func(dst []byte, v reflect.Value) []byte { return appendTime(dst, v.Interface().(time.Time)) }
	case rawType:
		return func(dst []byte, v reflect.Value) []byte { return append(dst, v.Interface().(json.RawMessage)...) }
	}
	switch t.Kind() {
	case reflect.Struct:
		return structWriter(t)
	case reflect.Pointer:
		return pointerWriter(t)
	case reflect.Interface:
		return func(dst []byte, v reflect.Value) []byte { return Append(dst, v.Interface()) }
	case reflect.Slice:
		return listWriter(t)
	case reflect.Map:
		return mapWriter(t)
	case reflect.String:
		return func(dst []byte, v reflect.Value) []byte { return AppendText(dst, v.String()) }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendBool(dst, v.Bool()) }
	case reflect.Int, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendInt(dst, v.Int(), 10) }
	}
	panic(fmt.Sprintf("strictjson: cannot write a %s", t))
}

// appendTime writes milliseconds, or microseconds where there are any.
func appendTime(dst []byte, t time.Time) []byte {
	const whole, exact = `"2006-01-02T15:04:05.000Z"`, `"2006-01-02T15:04:05.000000Z"`
	layout := whole
	if t.Nanosecond()%1e6 >= 1e3 {
		layout = exact
	}
	return t.UTC().AppendFormat(dst, layout)
}

func pointerWriter(t reflect.Type) writer {
	elem := writerOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		if v.IsNil() {
			return append(dst, "null"...)
		}
		return elem(dst, v.Elem())
	}
}

func listWriter(t reflect.Type) writer {
	elem := writerOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		if v.IsNil() {
			return append(dst, "null"...)
		}
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = elem(dst, v.Index(i))
		}
		return append(dst, ']')
	}
}

// mapWriter writes members in order of their names, so that equal answers are equal bytes.
func mapWriter(t reflect.Type) writer {
	elem := writerOf(t.Elem())
	return func(dst []byte, v reflect.Value) []byte {
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		dst = append(dst, '{')
		for i, key := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendText(dst, key.String()), ':')
			dst = elem(dst, v.MapIndex(key))
		}
		return append(dst, '}')
	}
}

// output is one member of a struct to write.
type output struct {
	index     int
	prefix    string // the name, quoted, with its colon
	write     writer
	omitEmpty bool
}

func structWriter(t reflect.Type) writer {
	var members []output
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		members = append(members, output{
			index: i, prefix: string(AppendText(nil, name)) + ":", write: writerOf(field.Type),
			omitEmpty: strings.Contains(options, "omitempty"),
		})
	}
	return func(dst []byte, v reflect.Value) []byte {
		dst = append(dst, '{')
		first := true
		for i := range members {
			m := &members[i]
			field := v.Field(m.index)
			if m.omitEmpty && isEmpty(field) {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = m.write(append(dst, m.prefix...), field)
		}
		return append(dst, '}')
	}
}

// isEmpty tells whether an optional member is left out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	}
	return v.IsZero()
}

const hexDigits = "0123456789abcdef"

// AppendText writes a JSON string. Bytes that are not UTF-8 become the replacement character.
func AppendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, text[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		case c >= ' ' && c != '"' && c != '\\':
			i++
			continue
		}
		dst = append(dst, text[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
