package store

import (
	"context"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Clock implements credits.Tx.
func (t *transaction) Clock(ctx context.Context, env string) (c credits.Clock, err error) {
	err = t.row(ctx, `SELECT clock_at, clock_since, clock_stands, clock_version FROM environments WHERE id = $1`,
		[]any{env}, &c.At, &c.Since, &c.Stands, &c.Version)
	return c, err
}

// SetClock implements credits.Tx.
func (t *transaction) SetClock(ctx context.Context, env string, c credits.Clock) error {
	stands := 0
	if c.Stands {
		stands = 1
	}
	return t.change(ctx, `UPDATE environments SET clock_at = $2, clock_since = $3, clock_stands = $4, clock_version = $5
		WHERE id = $1 AND clock_version = $5 - 1 AND clock_at <= $2`, env, c.At, c.Since, stands, c.Version)
}
