package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// ThresholdTx keeps what pools are watched for.
type ThresholdTx interface {
	// Thresholds lists all sets of an environment.
	Thresholds(ctx context.Context, env string) ([]*ThresholdSet, error)
	// PutThresholds inserts a set or replaces it.
	PutThresholds(ctx context.Context, env string, set *ThresholdSet) error
	// DeleteThresholds fails with ErrMissing if there is no set of that name.
	DeleteThresholds(ctx context.Context, env string, of ThresholdRef) error
}

// TellingTx keeps how far the journal has been told.
type TellingTx interface {
	// ToldUntil is the position of the first entry of a shard that has not been told.
	ToldUntil(ctx context.Context, shard uint16) (engine.Position, error)
	// SetToldUntil moves it from one position to another; it fails with ErrMissing when it stands elsewhere.
	SetToldUntil(ctx context.Context, from, to engine.Position) error
	// PutExpiryNotice inserts a notice, or moves it in time.
	PutExpiryNotice(ctx context.Context, env string, n ExpiryNotice) error
	// DeleteExpiryNotice removes the notice of a grant for so many days before its expiry, if there is one.
	DeleteExpiryNotice(ctx context.Context, env string, n ExpiryNotice) error
	// DueExpiryNotices lists notices whose time has come, the earliest first.
	DueExpiryNotices(ctx context.Context, env string, now ledger.Time, limit int) ([]ExpiryNotice, error)
}
