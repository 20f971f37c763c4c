package rating

import "fmt"

// Warning is a machine-readable note on how an event was measured or priced: a code, and mostly the name of the
// dimension after a colon, as in "MissingDimension:input_tokens". The event counts all the same.
type Warning string

func missingDimension(key string) Warning { return Warning("MissingDimension:" + key) }

// notANumber is given for text that is not a number where SUM or MAX needs one.
func notANumber(key string) Warning { return Warning("NotANumber:" + key) }

// numberTooLong is given for a number that is not exact within the bounds of amount.Amount where SUM or MAX needs one.
func numberTooLong(key string) Warning { return Warning("NumberTooLong:" + key) }

func negativeValue(key string) Warning { return Warning("NegativeValue:" + key) }

// NegativeCost is the warning of a price below zero that was raised to 0.
const NegativeCost Warning = "NegativeCost"

// FieldError says which member of a meter or rate is wrong, in the words of the API.
type FieldError struct {
	Field   string // path on the wire, relative to the feature or mapping
	Message string // what is wrong and what would be right
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func fieldErrorf(field, format string, args ...any) *FieldError {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// SyntaxError says where and why a formula cannot be read. It is final: no event can make the formula work.
type SyntaxError struct {
	Offset  int // in bytes from the start of the source
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at offset %d: %s", e.Offset, e.Message) }

// FormulaError says why an event has no price under a rate. The caller quarantines the event (semantics 9.2).
type FormulaError struct {
	Message string
}

func (e *FormulaError) Error() string { return e.Message }
