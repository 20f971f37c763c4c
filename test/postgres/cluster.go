package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scrip-dev/scrip/internal/cluster"
)

// upMax is how long a server may take to be up. Its recovery syncs every file, which takes a moment on an idle disk and
// minutes on one that others write to.
const upMax = 3 * time.Minute

// Cluster is a private server that may be killed. It ends with Stop, or with the process that started it.
type Cluster struct{ *cluster.Server }

// Start starts a server with default durability and further settings, each NAME=VALUE.
func Start(settings ...string) (*Cluster, error) {
	server, err := cluster.Start(settings...)
	return &Cluster{server}, err
}

// Private starts a server for one test, or skips it as Database does.
func Private(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	c, err := Start(settings...)
	if errors.Is(err, cluster.ErrNotInstalled) && os.Getenv(serverVariable) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Crash sends a signal to the server's first process: SIGQUIT ends everything at once without writing anything more, as
// an immediate shutdown does, and SIGKILL not even tells the others. The server starts again by itself. Crash returns
// when it takes connections, with the instant.
func (c *Cluster) Crash(ctx context.Context, signal syscall.Signal) (up time.Time, err error) {
	before, err := c.Process()
	if err != nil {
		return up, err
	}
	if err := syscall.Kill(before, signal); err != nil {
		return up, err
	}
	return c.wait(ctx, func() bool {
		now, err := c.Process()
		return err == nil && now != before && c.answers(ctx)
	})
}

// Kill kills one of the server's other processes. The server then ends all sessions and recovers. Kill returns when it
// takes connections again, with the instant.
func (c *Cluster) Kill(ctx context.Context, pid int) (up time.Time, err error) {
	witness, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return up, err
	}
	defer func() { _ = witness.Close(context.WithoutCancel(ctx)) }()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return up, err
	}
	return c.wait(ctx, func() bool { return witness.Ping(ctx) != nil && c.answers(ctx) })
}

func (c *Cluster) wait(ctx context.Context, up func() bool) (at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, upMax)
	defer cancel()
	for {
		if up() {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return at, fmt.Errorf("the PostgreSQL server did not come back: %w\n%s", ctx.Err(), c.Log())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (c *Cluster) answers(ctx context.Context) bool {
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}
