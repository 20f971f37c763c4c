package postgres

import (
	"bufio"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ErrNotInstalled says that this machine has no PostgreSQL that could be started.
var ErrNotInstalled = errors.New("no PostgreSQL server 15 or later is installed (Debian: apt-get install postgresql)")

//go:embed cluster.sh
var script string

// exitNotInstalled is how cluster.sh says that there is no server.
const exitNotInstalled = 3

// upMax is how long a server may take to be up; a machine on which it takes longer is too busy to test on.
const upMax = 60 * time.Second

// Cluster is a private server. It ends with Stop, or with the process that started it.
type Cluster struct {
	URL string // of the database "postgres", for a user who may do everything

	folder  string
	command *exec.Cmd
	input   io.Closer // the script runs for as long as this is open
}

// Start starts a server with default durability and further settings, each NAME=VALUE.
func Start(settings ...string) (*Cluster, error) {
	c := &Cluster{command: exec.Command("bash", append([]string{"-c", script, "cluster.sh"}, settings...)...)}
	var stderr strings.Builder
	c.command.Stderr = &stderr
	stdout, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if c.input, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "ready %s %s", &c.URL, &c.folder); err != nil || scanErr != nil {
		_ = c.command.Wait()
		if c.command.ProcessState.ExitCode() == exitNotInstalled {
			return nil, ErrNotInstalled
		}
		return nil, fmt.Errorf("the PostgreSQL server did not start: %s", strings.TrimSpace(stderr.String()))
	}
	return c, nil
}

// Private starts a server for one test, or skips it as Database does.
func Private(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	c, err := Start(settings...)
	if errors.Is(err, ErrNotInstalled) && os.Getenv(serverVariable) == "" {
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

// Stop ends the server and removes its data. Stopping it again does nothing.
func (c *Cluster) Stop() error {
	if c.command.ProcessState != nil {
		return nil
	}
	return errors.Join(c.input.Close(), c.command.Wait())
}

// Crash sends a signal to the server's first process: SIGQUIT ends everything at once without writing anything more, as
// an immediate shutdown does, and SIGKILL not even tells the others. The server starts again by itself. Crash returns
// when it takes connections, with the instant.
func (c *Cluster) Crash(ctx context.Context, signal syscall.Signal) (up time.Time, err error) {
	before, err := c.process()
	if err != nil {
		return up, err
	}
	if err := syscall.Kill(before, signal); err != nil {
		return up, err
	}
	ctx, cancel := context.WithTimeout(ctx, upMax)
	defer cancel()
	for {
		if now, err := c.process(); err == nil && now != before && c.answers(ctx) {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return up, fmt.Errorf("the PostgreSQL server did not come back: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// process is the id of the server's first process.
func (c *Cluster) process() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.folder, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

func (c *Cluster) answers(ctx context.Context) bool {
	db, err := sql.Open("pgx", c.URL)
	if err != nil {
		return false
	}
	defer func() { _ = db.Close() }()
	return db.PingContext(ctx) == nil
}
