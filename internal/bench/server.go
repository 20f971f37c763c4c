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

// settle waits until the server and its database are idle, or until they have had their time.
func (r *run) settle(ctx context.Context, s *Server) {
	if s.PID == 0 {
		return
	}
	for range settleSteps {
		before := r.cpuTime(s)
		pause(ctx, settleStep)
		if r.cpuTime(s)-before < settleBusy || ctx.Err() != nil {
			return
		}
	}
}

// cpuTime answers the processor time that a server and its database have used, as far as it is known.
func (r *run) cpuTime(s *Server) time.Duration { return cpuTime(s.PID) + familyTime(r.DatabasePID) }

// pause waits, or ends early with ctx.
func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
