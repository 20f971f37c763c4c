package postgres

import (
	"bufio"
	"context"
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

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled says that this machine has no PostgreSQL that could be started.
var ErrNotInstalled = errors.New("no PostgreSQL server 15 or later is installed (Debian: apt-get install postgresql)")

//go:embed cluster.sh
var script string

// exitNotInstalled is how cluster.sh says that there is no server.
const exitNotInstalled = 3

// upMax is how long a server may take to be up. Its recovery syncs every file, which takes a moment on an idle disk and
// minutes on one that others write to.
const upMax = 3 * time.Minute

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
	return c.wait(ctx, func() bool {
		now, err := c.process()
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
			return at, fmt.Errorf("the PostgreSQL server did not come back: %w\n%s", ctx.Err(), c.log())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// logMax is how much of the end of the server's log explains a failure.
const logMax = 4 << 10

func (c *Cluster) log() []byte {
	text, _ := os.ReadFile(filepath.Join(c.folder, "server.log"))
	return text[max(0, len(text)-logMax):]
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
	conn, err := pgx.Connect(ctx, c.URL)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}
