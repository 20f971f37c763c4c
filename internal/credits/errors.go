package credits

import (
	"errors"
	"fmt"
)

// Kind groups errors by what a caller can do about them. The API maps each kind to one HTTP status.
type Kind uint8

// The kinds of error, with the status the API answers.
const (
	KindInvalid         Kind = iota + 1 // 400: the request itself is wrong
	KindUnauthorized                    // 401: no valid key
	KindPaymentRequired                 // 402: not enough credits on a strict call
	KindForbidden                       // 403: the key may not do this
	KindNotFound                        // 404: missing, or somebody else's
	KindConflict                        // 409: clashes with what exists
	KindUnprocessable                   // 422: well formed, but a rule forbids it
	KindLimited                         // 429: too many
	KindNotSupported                    // 501: known, but not offered
	KindUnavailable                     // 503: try again later
)

// Error codes that more than one rule uses. Codes are part of the API.
const (
	CodeInvalid    = "InvalidArgumentError"
	CodeDuplicate  = "DuplicatedEntityNotAllowed"
	CodeOutOfRange = "AmountOutOfRange"
)

// Error is a failure the API's user can act on. Anything else that a use case returns is an internal error.
type Error struct {
	Kind    Kind
	Code    string // PascalCase, stable, as on the wire
	Field   string // path of the offending member of the request, or empty
	Message string // says what is wrong and what to do
}

// Error returns the message with its code and field.
func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Message)
}

// Invalid says that one member of a request is wrong.
func Invalid(field, message string) *Error {
	return &Error{Kind: KindInvalid, Code: CodeInvalid, Field: field, Message: message}
}

// invalidf is Invalid with a formatted message.
func invalidf(field, format string, args ...any) *Error {
	return Invalid(field, fmt.Sprintf(format, args...))
}

// NotFound says that the named thing does not exist in the caller's environment.
func NotFound(code, message string) *Error {
	return &Error{Kind: KindNotFound, Code: code, Message: message}
}

// Conflict says that the request clashes with the present state.
func Conflict(code, message string) *Error {
	return &Error{Kind: KindConflict, Code: code, Message: message}
}

// Unprocessable says that a rule forbids a well-formed request.
func Unprocessable(code, field, message string) *Error {
	return &Error{Kind: KindUnprocessable, Code: code, Field: field, Message: message}
}

// Unauthorized says that the caller is not known.
func Unauthorized(message string) *Error {
	return &Error{Kind: KindUnauthorized, Code: "Unauthenticated", Message: message}
}

// Forbidden says that the caller is known and may not do this.
func Forbidden(message string) *Error {
	return &Error{Kind: KindForbidden, Code: "AccessDeniedError", Message: message}
}

// NotSupported says that the request is understood but not offered.
func NotSupported(field, message string) *Error {
	return &Error{Kind: KindNotSupported, Code: "NotSupported", Field: field, Message: message}
}

// Unavailable says that the request may succeed later, unchanged.
func Unavailable(message string) *Error {
	return &Error{Kind: KindUnavailable, Code: "Unavailable", Message: message}
}

// refuses tells whether an error is a definite no to a request. After any other the request may succeed when it is
// repeated, and whoever goes on as if it were a no loses it.
func refuses(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind != KindUnavailable
}

// Limited says that a limit of the installation is reached.
func Limited(message string) *Error {
	return &Error{Kind: KindLimited, Code: "RateLimitExceeded", Message: message}
}

// duplicate is the conflict of creating something under an id that is taken.
func duplicate(noun, id string) *Error { return duplicateAt("id", noun, id) }

// duplicateAt is duplicate for an id that the request carries under another name.
func duplicateAt(field, noun, id string) *Error {
	e := Conflict(CodeDuplicate, fmt.Sprintf("%s %q exists already; choose another id or update it", noun, id))
	e.Field = field
	return e
}

// missing is the NotFound of a noun. The code is the noun followed by NotFound.
func missing(code, noun, id string) *Error {
	return NotFound(code, fmt.Sprintf("%s %q does not exist", noun, id))
}

// at moves an error's field under a path, so that nested validation can speak of its own members only.
func at(path string, err error) error {
	var e *Error
	if !errors.As(err, &e) || path == "" {
		return err
	}
	moved := *e
	switch {
	case e.Field == "":
		moved.Field = path
	case e.Field[0] == '[':
		moved.Field = path + e.Field
	default:
		moved.Field = path + "." + e.Field
	}
	return &moved
}

// item is the path of one member of a list.
func item(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
