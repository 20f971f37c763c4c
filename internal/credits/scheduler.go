package credits

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// scheduleEvery is how often due work is looked for. Being late changes no result (see Due).
const scheduleEvery = time.Second

// Schedule runs every kind of due work in every environment, again and again, until ctx ends and what it has begun has
// ended too. Any number of nodes may do so. Each kind has a loop of its own, so one that waits for somebody outside
// delays no other. What fails is tried again with the next round; it is logged when it begins to fail, and when it
// succeeds again.
func (s *Service) Schedule(ctx context.Context, log *slog.Logger) {
	var wait sync.WaitGroup
	for _, kind := range s.due {
		l := &dueLoop{service: s, kind: kind, log: log.With("work", kind.Kind()), failing: map[string]bool{}}
		wait.Go(func() { l.serve(ctx) })
	}
	wait.Wait()
}

// dueLoop runs one kind of work.
type dueLoop struct {
	service *Service
	kind    Due
	log     *slog.Logger
	failing map[string]bool // by environment
}

// serve runs a round every second. A round that takes longer leaves ticks out.
func (l *dueLoop) serve(ctx context.Context) {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.round(ctx)
		}
	}
}

// round runs the work in every environment. Where memory cannot be confirmed nothing is run: it is not known how late it is
// there (E7).
func (l *dueLoop) round(ctx context.Context) {
	err := l.service.Confirm(ctx)
	l.note(ctx, "", err)
	if err != nil {
		return
	}
	for _, env := range l.service.Environments() {
		if ctx.Err() != nil {
			return
		}
		_, err := l.kind.Run(ctx, env.ID)
		l.note(ctx, env.ID, err)
	}
}

// note logs a failure that is new, and the end of one. The end of ctx is no failure.
func (l *dueLoop) note(ctx context.Context, env string, err error) {
	switch {
	case ctx.Err() != nil || (err != nil) == l.failing[env]:
	case err != nil:
		l.log.Warn("due work fails; it will be tried again", "environment", env, "error", err)
		l.failing[env] = true
	default:
		l.log.Info("due work succeeds again", "environment", env)
		delete(l.failing, env)
	}
}
