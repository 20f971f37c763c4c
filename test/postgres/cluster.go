package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/cluster"
)

// upMax is how long a server may take to be up; a machine on which it takes longer is too busy to test on.
const upMax = 60 * time.Second

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
	ctx, cancel := context.WithTimeout(ctx, upMax)
	defer cancel()
	for {
		if now, err := c.Process(); err == nil && now != before && c.answers(ctx) {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return up, fmt.Errorf("the PostgreSQL server did not come back: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (c *Cluster) answers(ctx context.Context) bool {
	db, err := sql.Open("pgx", c.URL)
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx) == nil
}
