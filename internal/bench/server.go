package bench

import (
	"context"
	"time"
)

// Server is one started server.
type Server struct {
	Address string                      // HOST:PORT
	PID     int                         // of its process, 0 when it runs in this one and its use of the machine is unknown
	Stop    func(context.Context) error // drains it; called once
}

// Starter starts a server by its name on a place that already holds its data. The caller stops it.
type Starter func(ctx context.Context, name string, at Place) (*Server, error)

// Limits of waiting for a server to become idle, so that what it does behind its answers disturbs nobody else's figures.
const (
	settleStep  = 100 * time.Millisecond
	settleBusy  = settleStep / 20 // less than this of a step is idle
	settleSteps = 50
)

// settle waits until the nodes and their database are idle, or until they have had their time.
func (g group) settle(ctx context.Context) {
	if g.first().PID == 0 {
		return
	}
	for range settleSteps {
		before := g.cpuTime()
		pause(ctx, settleStep)
		if g.cpuTime()-before < settleBusy || ctx.Err() != nil {
			return
		}
	}
}

// pause waits, or ends early with ctx.
func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
