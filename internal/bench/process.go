package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of a child process.
const (
	startMax  = 60 * time.Second // opening five million rows
	stopMax   = 60 * time.Second // draining, and writing back what a checkpoint still holds
	stderrMax = 4 << 10          // what is kept to explain a failure
)

// Processes starts servers as processes of this program.
type Processes struct {
	Executable string // the program
	// Arguments answers how the program is told to run the named server on 127.0.0.1 and a free port, with its data there.
	// It must print "listens on http://HOST:PORT" to its standard output once it takes requests, drain on SIGTERM, and take
	// its key from SCRIP_API_KEY.
	Arguments func(name string, at Place) []string
}

// listening finds the address in what a server prints.
var listening = regexp.MustCompile(`listens on http://(\S+)`)

// Start is a Starter.
func (p Processes) Start(ctx context.Context, name string, at Place) (*Server, error) {
	command := exec.Command(p.Executable, p.Arguments(name, at)...)
	command.Env = environment(os.Environ())
	stderr := &tail{}
	command.Stderr = stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	child := &child{name: name, command: command, stderr: stderr, ended: make(chan struct{})}
	address := make(chan string, 1)
	go child.follow(stdout, address)
	timer := time.NewTimer(startMax)
	defer timer.Stop()
	select {
	case found := <-address:
		return &Server{Address: found, PID: command.Process.Pid, Stop: child.stop}, nil
	case <-child.ended:
		return nil, fmt.Errorf("%s ended before it listened: %w: %s", name, child.err, stderr)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), child.stop(ctx))
	case <-timer.C:
		return nil, errors.Join(fmt.Errorf("%s did not listen within %s", name, startMax), child.stop(ctx))
	}
}

// environment drops our own variables, which are meant for the server of whoever runs the bench, and adds the key.
func environment(all []string) []string {
	kept := []string{"SCRIP_API_KEY=" + apiKey}
	for _, one := range all {
		if !strings.HasPrefix(one, "SCRIP_") {
			kept = append(kept, one)
		}
	}
	return kept
}

// child is a started process.
type child struct {
	name    string
	command *exec.Cmd
	stderr  *tail
	ended   chan struct{} // closed once err stands
	err     error
}

// follow reads the output to its end, tells the address once, and waits for the process.
func (c *child) follow(stdout io.Reader, address chan<- string) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			select {
			case address <- found[1]:
			default: // it has said so before
			}
		}
	}
	_, _ = io.Copy(io.Discard, stdout) // a line too long to scan must not block the child
	c.err = c.command.Wait()
	close(c.ended)
}

// stop drains the process; one that does not end is killed, which is a failure.
func (c *child) stop(context.Context) error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	timer := time.NewTimer(stopMax)
	defer timer.Stop()
	select {
	case <-c.ended:
		if c.err != nil {
			return fmt.Errorf("%s: %w: %s", c.name, c.err, c.stderr)
		}
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("%s did not stop within %s", c.name, stopMax), c.command.Process.Kill())
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write is io.Writer; it never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if cut := len(t.text) - stderrMax; cut > 0 {
		t.text = append(t.text[:0], t.text[cut:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
