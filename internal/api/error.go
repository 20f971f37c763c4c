package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/scrip-dev/scrip/internal/api/strictjson"
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
)

// statuses maps each kind of error to its HTTP status. Nobody else names one.
var statuses = map[credits.Kind]int{
	credits.KindInvalid:         http.StatusBadRequest,
	credits.KindUnauthorized:    http.StatusUnauthorized,
	credits.KindPaymentRequired: http.StatusPaymentRequired,
	credits.KindForbidden:       http.StatusForbidden,
	credits.KindNotFound:        http.StatusNotFound,
	credits.KindConflict:        http.StatusConflict,
	credits.KindUnprocessable:   http.StatusUnprocessableEntity,
	credits.KindLimited:         http.StatusTooManyRequests,
	credits.KindNotSupported:    http.StatusNotImplemented,
	credits.KindUnavailable:     http.StatusServiceUnavailable,
}

// Errors of the transport that no use case knows.
type (
	// transportError is a refusal with a status of its own.
	transportError struct {
		status        int
		code, message string
	}
	// methodNotAllowed says which methods the path has.
	methodNotAllowed struct{ allowed string }
	// inProgress says that the first request under the same key has not been answered yet.
	inProgress struct{}
)

func (e *transportError) Error() string   { return e.code + ": " + e.message }
func (e *methodNotAllowed) Error() string { return "only " + e.allowed + " can be used on this path" }
func (inProgress) Error() string {
	return "the first request with this key is still under way; ask again"
}

func tooLarge(limit int64) error {
	return &transportError{http.StatusRequestEntityTooLarge, "RequestTooLarge", fmt.Sprintf("the body is too large; at most %d bytes are allowed", limit)}
}

func unsupportedMedia(message string) error {
	return &transportError{http.StatusUnsupportedMediaType, "UnsupportedMediaType", message}
}

// failure is an error as the caller sees it.
type failure struct {
	status               int
	code, field, message string
	header               [][2]string
}

// retryAfter is how many seconds a caller should wait while the server is busy.
const retryAfter = "1"

// failureOf translates an error. What is not meant for callers becomes InternalError.
func failureOf(err error) failure {
	var known *credits.Error
	var body *strictjson.Error
	var transport *transportError
	var method *methodNotAllowed
	switch {
	case errors.As(err, &known):
		return failure{status: statuses[known.Kind], code: known.Code, field: known.Field, message: known.Message}
	case errors.As(err, &body):
		return failure{status: http.StatusBadRequest, code: credits.CodeInvalid, field: body.Path, message: body.Message}
	case errors.As(err, &transport):
		return failure{status: transport.status, code: transport.code, message: transport.message}
	case errors.As(err, &method):
		return failure{status: http.StatusMethodNotAllowed, code: "MethodNotAllowed", message: method.Error(),
			header: [][2]string{{"Allow", method.allowed}}}
	case errors.As(err, &inProgress{}):
		return failure{status: http.StatusConflict, code: "RequestInProgress", message: err.Error()}
	case errors.Is(err, engine.ErrOverloaded):
		return failure{status: http.StatusTooManyRequests, code: "RateLimitExceeded", message: "the server is busy; ask again in a moment"}
	case errors.Is(err, engine.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return failure{status: http.StatusServiceUnavailable, code: "Unavailable",
			message: "the request could not be completed; repeat it unchanged"}
	}
	return failure{status: http.StatusInternalServerError, code: "InternalError", message: "internal error"}
}

// refuse makes the answer for an error.
func (s *server) refuse(c *call, err error) response {
	f := failureOf(err)
	e := wire.Error{Code: f.code, Message: f.message, TraceID: c.traceID}
	if f.field != "" {
		e.Field, e.Message = &f.field, f.field+": "+f.message
	}
	return response{status: f.status, body: strictjson.Append(nil, e), header: append(f.header, hints(f)...)}
}

// hints tell clients that retry by themselves whether that can help. They repeat 409 and every 5xx unless told not to.
func hints(f failure) [][2]string {
	switch {
	case f.code == "RequestInProgress":
		return [][2]string{{"X-Should-Retry", "true"}, {"Retry-After", retryAfter}}
	case f.status == http.StatusTooManyRequests || f.status == http.StatusServiceUnavailable:
		return [][2]string{{"Retry-After", retryAfter}}
	case f.status < 500 || f.status == http.StatusNotImplemented:
		return [][2]string{{"X-Should-Retry", "false"}}
	}
	return nil
}
