package credits

import "context"

// Internals that tests of the rules look at.
var (
	SlugOf  = slugOf
	ValidID = validID
)

// BurnOnly is Consume by somebody who dies right after the commit.
func (s *Service) BurnOnly(ctx context.Context, env string, by Caller, in Consumption) error {
	op, err := s.consumeOp(ctx, env, by, in)
	if err != nil {
		return err
	}
	return s.engine.Do(ctx, op)[0]
}

// RechargeWork is the scheduler's work on automatic top-ups.
func (s *Service) RechargeWork() Due { return &rechargeDue{service: s} }
