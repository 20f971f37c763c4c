package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Due is one kind of work that falls due at instants of an environment's clock. The scheduler runs it in every environment
// once a second, on every node; AdvanceClock runs it at each of its instants on the way. So a kind keeps these rules:
//
//   - Everything it does is dated by its own due instant, never by when it runs: lateness changes no result.
//   - It may run on several nodes, and several times on one, at once: each piece has one effect, by a key of its own. Work with
//     effects outside the database is claimed by one UPDATE … RETURNING on the row of that work, which raises a fence and
//     sets a lease; every later write of that piece repeats the fence.
//   - A piece that cannot be done now must not keep those after it from being done, and gets a later due instant.
//   - Nothing due costs little, and no run lasts longer than what is outside the database is waited for.
type Due interface {
	// Kind names the work, for answers and logs: a plural noun such as "expiries".
	Kind() string
	// Next is the earliest instant at which a piece is due in an environment, ledger.Never when none is planned. It may
	// have passed.
	Next(ctx context.Context, env string) (ledger.Time, error)
	// Run does every piece that is due by the environment's clock, and returns how many it did.
	Run(ctx context.Context, env string) (int, error)
}

// AddDue adds a kind of work, which at one instant runs after those added before. It is called before the first request
// and before the scheduler starts.
func (s *Service) AddDue(kind Due) { s.due = append(s.due, kind) }

// nextDue is the earliest instant at which work of any kind is due.
func (s *Service) nextDue(ctx context.Context, env string) (ledger.Time, error) {
	next := ledger.Never
	for _, kind := range s.due {
		at, err := kind.Next(ctx, env)
		if err != nil {
			return 0, err
		}
		next = min(next, at)
	}
	return next, nil
}

// sweepDue posts what is due in pools: expiries, activations and timeouts of holds.
type sweepDue struct{ service *Service }

// Kind implements Due.
func (d sweepDue) Kind() string { return "pools" }

// Next implements Due.
func (d sweepDue) Next(ctx context.Context, env string) (ledger.Time, error) {
	return d.service.engine.NextDue(ctx, env)
}

// Run implements Due.
func (d sweepDue) Run(ctx context.Context, env string) (int, error) { return d.service.Sweep(ctx, env) }
