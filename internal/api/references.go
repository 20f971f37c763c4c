package api

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/rating"
)

// Ids name what must exist already, so most are just looked up. Those that may be stored without it are checked here: the
// resource of a pool, and what an event or a consumption names that waits for it in quarantine.

// The marks that ids may contain beside letters and digits (wire reference 2.11).
const (
	slugMarks     = "_|.-"
	customerMarks = "_|.@-"
)

// isSlug tells whether a text is an id: 1 to 255 characters, a letter or digit first, then letters, digits and marks.
func isSlug(text, marks string) bool {
	if text == "" || len(text) > keyMax {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || strings.IndexByte(marks, c) < 0) {
			return false
		}
	}
	return true
}

func slugError(field, marks string) error {
	return credits.Invalid(field, "must have 1 to 255 characters: a letter or digit, then letters, digits and "+
		strings.Join(strings.Split(marks, ""), " "))
}

// customerID checks the id of a customer.
func customerID(field, id string) error {
	if !isSlug(id, customerMarks) {
		return slugError(field, customerMarks)
	}
	return nil
}

// resourceID reads the optional id of a resource; absent means the customer as a whole. With an error it is no id.
func resourceID(field string, id *wire.Slug) (string, error) {
	if id == nil {
		return "", nil
	}
	return *id, slugID(field, *id)
}

// slugID checks the id of anything but a customer.
func slugID(field, id string) error {
	if !isSlug(id, slugMarks) {
		return slugError(field, slugMarks)
	}
	return nil
}

// keyText checks an idempotency key or another name that the caller chose freely.
func keyText(field, key string) error {
	if n := utf8.RuneCountInString(key); n == 0 || n > keyMax {
		return credits.Invalid(field, fmt.Sprintf("must have 1 to %d characters", keyMax))
	}
	return nil
}

// dimsIn reads dimensions, whose values were kept as they stood in the body.
func dimsIn(field string, d wire.Dimensions) (rating.Dims, error) {
	if len(d) > dimsMax {
		return nil, credits.Invalid(field, fmt.Sprintf("has %d members; at most %d are allowed", len(d), dimsMax))
	}
	list := make([]rating.Dim, 0, len(d))
	for key, literal := range d {
		if err := keyText(field, key); err != nil {
			return nil, credits.Invalid(field, fmt.Sprintf("needs keys of 1 to %d characters", keyMax))
		}
		list = append(list, dimIn(key, literal))
	}
	if len(list) == 0 {
		return nil, nil
	}
	dims, _ := rating.NewDims(list) // a map has each key once
	return dims, nil
}

// dimIn reads one value, which is known to be a string, a number or a boolean.
func dimIn(key string, literal []byte) rating.Dim {
	d := rating.Dim{Key: key, Kind: rating.Number, Text: string(literal)}
	switch literal[0] {
	case '"':
		d.Kind, d.Text = rating.String, string(strictjson.NewScanner(literal).Text())
	case 't', 'f':
		d.Kind = rating.Bool
	}
	return d
}

// dimsOut writes dimensions as they came.
func dimsOut(dims rating.Dims) wire.Dimensions {
	out := make(wire.Dimensions, len(dims))
	for _, d := range dims {
		if d.Kind == rating.String {
			out[d.Key] = strictjson.AppendText(nil, d.Text)
			continue
		}
		out[d.Key] = []byte(d.Text)
	}
	return out
}

// firstError returns the first error of a row of checks.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// within moves an error's field under a path, as that of an item of a list.
func within(path string, err error) error {
	if e, ok := err.(*credits.Error); ok && err != nil {
		moved := *e
		moved.Field = strings.TrimSuffix(path+"."+e.Field, ".")
		return &moved
	}
	return err
}

// itemOf is the path of an item of a list.
func itemOf(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
