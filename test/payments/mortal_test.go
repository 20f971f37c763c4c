package payments_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
)

// errDead is what a process that was killed gets from its database: nothing of it happens any more.
var errDead = errors.New("killed")

// life ends after so many steps, before or after the effect of the last one. The zero life does not end.
type life struct {
	mu    sync.Mutex
	left  int // steps; 0 means that it does not end
	after bool
	dead  bool
}

// step runs one step of a process that may be killed at it.
func (l *life) step(act func() error) error {
	l.mu.Lock()
	last := false
	if l.left > 0 {
		l.left--
		last = l.left == 0
	}
	dead, after := l.dead, l.after
	l.dead = l.dead || last
	l.mu.Unlock()
	if dead || last && !after {
		return errDead
	}
	err := act()
	if last {
		return errDead
	}
	return err
}

// mortalBooks are the rows as a collector sees them that will be killed at one of its steps.
type mortalBooks struct {
	billing.Books
	life *life
}

func (b mortalBooks) ClaimAttempts(ctx context.Context, env string, most int) (work []*credits.Work, err error) {
	err = b.life.step(func() (err error) { work, err = b.Books.ClaimAttempts(ctx, env, most); return err })
	return work, err
}

func (b mortalBooks) BeginCall(ctx context.Context, env string, w *credits.Work) error {
	return b.life.step(func() error { return b.Books.BeginCall(ctx, env, w) })
}

func (b mortalBooks) RecordOutcome(ctx context.Context, env string, w *credits.Work, o credits.Outcome) error {
	return b.life.step(func() error { return b.Books.RecordOutcome(ctx, env, w, o) })
}

func (b mortalBooks) RecordMoneyBack(ctx context.Context, env string, w *credits.Work, back credits.MoneyBack) error {
	return b.life.step(func() error { return b.Books.RecordMoneyBack(ctx, env, w, back) })
}

func (b mortalBooks) ApplyPayment(ctx context.Context, env, id string) (o *credits.Order, err error) {
	err = b.life.step(func() (err error) { o, err = b.Books.ApplyPayment(ctx, env, id); return err })
	return o, err
}

func (b mortalBooks) CloseAttempt(ctx context.Context, env string, w *credits.Work) error {
	return b.life.step(func() error { return b.Books.CloseAttempt(ctx, env, w) })
}

func (b mortalBooks) PutOff(ctx context.Context, env string, w *credits.Work, wait time.Duration) error {
	return b.life.step(func() error { return b.Books.PutOff(ctx, env, w, wait) })
}

func (b mortalBooks) Rest(ctx context.Context, env string, w *credits.Work, wait time.Duration) error {
	return b.life.step(func() error { return b.Books.Rest(ctx, env, w, wait) })
}

func (b mortalBooks) LapseUnpaid(ctx context.Context, env string, most int) (n int, err error) {
	err = b.life.step(func() (err error) { n, err = b.Books.LapseUnpaid(ctx, env, most); return err })
	return n, err
}

// mortalStore is the database of a process that buys, and may be killed at any of its transactions.
type mortalStore struct {
	credits.Store
	life *life
}

func (s *mortalStore) Update(ctx context.Context, fn func(credits.Tx) error) error {
	return s.life.step(func() error { return s.Store.Update(ctx, fn) })
}
