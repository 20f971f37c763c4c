package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Audit says who did what to which object. Every change of the catalogue, of customers and of keys writes one (I20).
type Audit struct {
	Actor  ledger.Actor
	Action string // noun and past verb, such as customer.archived
	Object string // id of what was changed
	// Customer is whose CustomerState the change is part of, or empty. Other nodes forget that state.
	Customer string
}

// AuditRow is an Audit as it is kept.
type AuditRow struct {
	Audit
	No        int64
	At        ledger.Time
	RequestID string // of the API request behind it, or empty
}

// RowNumber orders the trail.
func (a *AuditRow) RowNumber() int64 { return a.No }

type requestIDKey struct{}

// WithRequestID marks a context with the id of the request that it serves. It is written to the audit trail.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id that WithRequestID has set, or an empty one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// audit writes a row of the trail in the transaction of the change.
func (s *Service) audit(ctx context.Context, tx Tx, env string, a Audit) error {
	no, err := tx.NextNo(ctx, env)
	if err != nil {
		return err
	}
	return tx.AppendAudit(ctx, env, &AuditRow{Audit: a, No: no, At: s.clock(env), RequestID: RequestID(ctx)})
}
