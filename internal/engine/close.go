package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// ErrNotOver is returned by CloseBefore for a time that is not over by the environment's clock.
var ErrNotOver = errors.New("the time to be closed is not over")

// CloseBefore ends the time before an instant for an environment: what is due before it is posted, and from then on no
// node posts anything there that is dated earlier, whatever its clock says. It returns, for each shard, the entry that
// says so; every entry with a row dated before the instant stands before it. Closing again gives the same entries. It
// fails with ErrNotOver while the environment's clock has not reached the instant. The caller sweeps first, without holding
// up others, and has posted the boundaries of the time.
func (e *Engine) CloseBefore(ctx context.Context, environment string, until ledger.Time, by ledger.Actor, request string) (Cut, error) {
	cut := make(Cut, len(e.shards))
	for i, s := range e.shards {
		op := &closing{environment: environment, until: until, by: by, request: request}
		errs := make([]error, 1)
		e.run(ctx, s, []Op{op}, errs)
		if errs[0] != nil {
			return nil, errs[0]
		}
		cut[i] = op.position
	}
	return cut, nil
}

// closing is CloseBefore in the writer of one shard.
type closing struct {
	environment string
	until       ledger.Time
	by          ledger.Actor
	request     string
	position    Position
}

func (op *closing) Scope() Scope {
	return Scope{Environment: op.environment, Key: closeKey(op.environment, closeText(op.until))}
}

func (op *closing) Decide(tx *Tx) error {
	if tx.Now() < op.until {
		return ErrNotOver
	}
	if err := tx.shard.sweepAll(tx.ctx, op.environment, op.until-1); err != nil {
		return unreadable(err)
	}
	if err := tx.Open(); err != nil {
		return err
	}
	e := tx.Entry()
	e.Kind, e.Key, e.Actor, e.Request = CloseEntry, closeText(op.until), op.by, op.request
	op.position = e.Position
	return nil
}

func (op *closing) Repeat(_ *Tx, first *Entry) error {
	op.position = first.Position
	return nil
}

func closeKey(environment, until string) KeyHash { return hashKey(closeKeys, environment, until) }

func closeText(until ledger.Time) string { return strconv.FormatInt(int64(until), 10) }

// closedUntil is the instant that a CloseEntry names.
func (e *Entry) closedUntil() (ledger.Time, bool) {
	until, err := strconv.ParseInt(e.Key, 10, 64)
	return ledger.Time(until), err == nil && until > 0
}

// Closed is the instant before which nothing is posted in the operation's environment any more; 0 when nothing was closed.
func (tx *Tx) Closed() (ledger.Time, error) {
	closed, err := tx.shard.closedUntil(tx.ctx, tx.scope.Environment)
	return closed, unreadable(err)
}

// closedUntil is what was closed of an environment. Its attention list keeps it.
func (s *shard) closedUntil(ctx context.Context, environment string) (ledger.Time, error) {
	attention, err := s.customer(ctx, environment, "")
	if err != nil {
		return 0, err
	}
	return attention.self.closed, nil
}

// postClose notes what a CloseEntry ended.
func (s *shard) postClose(e *Entry, attention *owner) {
	until, _ := e.closedUntil()
	attention.self.closed = max(attention.self.closed, until)
	s.touch(attention, e.Position)
}

// sweepAll posts everything that is due by an instant in the pools of an environment, for the writer, which knows best what
// its pools hold: readers do not see yet what is on its way to the disk.
func (s *shard) sweepAll(ctx context.Context, environment string, until ledger.Time) error {
	for _, o := range s.duePools(environment, until) {
		s.sweep(ctx, o, until)
	}
	for limit := sweepPools; ; limit *= 4 {
		stored, err := s.journal.DueOwners(ctx, s.id, environment, 0, until, limit)
		if err != nil {
			return err
		}
		for _, due := range stored {
			o, err := s.owner(ctx, due.Key)
			if err != nil {
				return fmt.Errorf("sweep: %w", err)
			}
			s.sweep(ctx, o, until)
		}
		if len(stored) < limit {
			return nil
		}
	}
}

// duePools are the pools in memory that have something due.
func (s *shard) duePools(environment string, until ledger.Time) []*owner {
	var due []*owner
	for id, customer := range s.customers {
		if id.environment != environment {
			continue
		}
		for _, o := range customer.self.pools {
			if o.pool.NextDue() <= until {
				due = append(due, o)
			}
		}
	}
	slices.SortFunc(due, func(a, b *owner) int {
		x, y := a.key(), b.key()
		return cmp.Or(cmp.Compare(x.Customer, y.Customer), a.pool.Compare(y.Currency, y.Resource))
	})
	return due
}
