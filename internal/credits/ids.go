package credits

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of texts, as on the wire (wire reference 2.11, 4.6 and reliability 5).
const (
	idLengthMax          = 255
	nameLengthMax        = 255
	currencyNameMax      = 64
	descriptionLengthMax = 255
	metadataEntriesMax   = 64
	metadataKeyMax       = 255
	metadataValueMax     = 1000
)

// validID checks a slug: 1 to 255 characters, a letter or digit first, then letters, digits and _ | . -
func validID(field, id string) error { return validSlug(field, id, "_|.-") }

// validCustomerID checks a customer's slug, which may also contain @.
func validCustomerID(field, id string) error { return validSlug(field, id, "_|.@-") }

func validSlug(field, id, marks string) error {
	switch {
	case id == "":
		return Invalid(field, "is required")
	case len(id) > idLengthMax:
		return invalidf(field, "has %d characters; at most %d are allowed", len(id), idLengthMax)
	}
	for i := range len(id) {
		if alphanumeric(id[i]) || (i > 0 && strings.IndexByte(marks, id[i]) >= 0) {
			continue
		}
		return invalidf(field, "must start with a letter or digit and contain only letters, digits and %s",
			strings.Join(strings.Split(marks, ""), " "))
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// validText checks the length of an optional text, in characters.
func validText(field, text string, lengthMax int) error {
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return Invalid(field, "must be valid UTF-8 without NUL")
	}
	if n := utf8.RuneCountInString(text); n > lengthMax {
		return invalidf(field, "has %d characters; at most %d are allowed", n, lengthMax)
	}
	return nil
}

// validName checks a text that must not be empty.
func validName(field, text string, lengthMax int) error {
	if strings.TrimSpace(text) == "" {
		return Invalid(field, "is required and must not be blank")
	}
	return validText(field, text, lengthMax)
}

// validMetadata checks the bounds of a flat map of texts.
func validMetadata(field string, m map[string]string) error {
	if len(m) > metadataEntriesMax {
		return invalidf(field, "has %d entries; at most %d are allowed", len(m), metadataEntriesMax)
	}
	for key, value := range m {
		path := fmt.Sprintf("%s.%s", field, clip(key))
		if key == "" || utf8.RuneCountInString(key) > metadataKeyMax {
			return invalidf(path, "keys must have 1 to %d characters", metadataKeyMax)
		}
		if err := validText(path, value, metadataValueMax); err != nil {
			return err
		}
	}
	return nil
}

// clip shortens a caller's text for an error message.
func clip(s string) string {
	const shown = 40
	if len(s) <= shown {
		return s
	}
	return strings.ToValidUTF8(s[:shown], "") + "…"
}

// oneOf checks an enumeration. An empty value is allowed only if it is listed.
func oneOf(field, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	listed := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if a != "" {
			listed = append(listed, a)
		}
	}
	return invalidf(field, "%q is not one of %s", clip(value), strings.Join(listed, ", "))
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
