package store

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// watch makes the connections of a pool and notices when one is lost. The others are then probably lost too, so each is
// asked for a sign of life before it is used again: a restart of the server fails what is under way, and nothing more.
type watch struct {
	losses atomic.Int64
}

// How a machine that is gone is noticed: by keep-alives when nothing is under way, and by data that nobody confirms.
const (
	keepAliveIdle     = 5 * time.Second
	keepAliveInterval = time.Second
	keepAliveCount    = 5
	unconfirmedMax    = 10 * time.Second // on Linux
)

// idleMax is how long a connection may lie idle before it is asked in any case.
const idleMax = time.Second

func (w *watch) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount},
		Control:         limitUnconfirmed,
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &watched{Conn: conn, watch: w}, nil
}

// lossesSeen is where a connection keeps how many losses there were when it was known to live.
const lossesSeen = "scrip.losses"

func (w *watch) shouldPing(_ context.Context, p stdlib.ShouldPingParams) bool {
	known, losses := p.Conn.PgConn().CustomData(), w.losses.Load()
	if p.IdleDuration < idleMax && known[lossesSeen] == losses {
		return false
	}
	known[lossesSeen] = losses // if it is dead it will not be used again
	return true
}

// watched is a connection that tells when it is lost.
type watched struct {
	net.Conn
	watch *watch
}

// Read implements net.Conn.
func (c *watched) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		c.watch.losses.Add(1)
	}
	return n, err
}
