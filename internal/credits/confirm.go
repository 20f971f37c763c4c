package credits

import (
	"context"
	"fmt"
	"time"
)

// confirmMax bounds one round of asking the database.
const confirmMax = 5 * time.Second

// Confirm returns when memory holds everything that any node had committed before the call (E7). Whoever acts for a caller of
// the installation calls it first: what follows then sees every change that was acknowledged before. It fails with
// Unavailable when the database cannot tell; memory must not be relied on then. Where nobody else can write it does
// nothing.
func (s *Service) Confirm(ctx context.Context) error {
	if !s.store.Shared() {
		return nil
	}
	if err := s.confirmations.Do(ctx, s.askAll); err != nil {
		return fmt.Errorf("confirm what other nodes have changed: %w", err)
	}
	return nil
}

// askAll asks for all who wait. It belongs to no caller, so none can end it by leaving.
func (s *Service) askAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), confirmMax)
	defer cancel()
	return s.follow(ctx)
}
