// Package process runs the real program for tests: it builds it, starts it on a free port, waits until it can serve, and
// stops it gently or by kill -9. It knows the program's command line and nothing of its inside.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// APIKey is a server key that is long enough for Options.Key.
const APIKey = "key-of-a-test-key-of-a-test-key-of-a-test"

// Waits. A server that is slower is broken or the machine is far too busy to test on.
const (
	listenMax = 30 * time.Second
	stopMax   = 30 * time.Second
	probeMax  = time.Second
	probeWait = 3 * time.Millisecond
)

// listensPrefix begins the line on standard output that tells the address.
const listensPrefix = "Scrip listens on "

// Build compiles the program into dir, with further flags of `go build`, and returns its path.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	path := filepath.Join(dir, "scrip")
	args := slices.Concat([]string{"build", "-o", path}, flags, []string{"github.com/scrip-dev/scrip/cmd/scrip"})
	command := exec.CommandContext(ctx, "go", args...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}

// Options say how to start a server.
type Options struct {
	Path string   // of the program
	Data string   // its data folder
	URL  string   // of its PostgreSQL database, instead of Data
	Key  string   // SCRIP_API_KEY
	Env  []string // further variables, as NAME=value
}

// environment is a clean environment, so that variables of the person who runs the tests change nothing.
func (o Options) environment() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "SCRIP_API_KEY=" + o.Key}, o.Env...)
}

// database are the flags that say where the data is.
func (o Options) database() []string {
	if o.URL != "" {
		return []string{"--database-url", o.URL}
	}
	return []string{"--data", o.Data}
}

// Server is a running server process.
type Server struct {
	URL     string   // for example http://127.0.0.1:34567
	Said    []string // what it printed before that, such as generated keys
	command *exec.Cmd
	started time.Time
	log     *tail
	ended   chan struct{} // closed when the process has ended
	err     error         // of Wait; read after ended
}

// Start starts `scrip serve` on a free port and returns when the server has told its address.
func Start(o Options) (*Server, error) {
	s := &Server{log: &tail{}, ended: make(chan struct{})}
	s.command = exec.Command(o.Path, slices.Concat([]string{"serve", "--listen", "127.0.0.1:0", "--drain-wait", "0s", "--log-level", "warn"}, o.database())...)
	s.command.Env = o.environment()
	s.command.Stderr = s.log
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.started = time.Now()
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go s.follow(stdout, address)
	select {
	case s.URL = <-address:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("the server ended before it listened: %v\n%s", s.err, s.Log())
	case <-time.After(listenMax):
		return nil, fmt.Errorf("the server has not told its address (kill: %v)\n%s", s.Kill(), s.Log())
	}
}

// Strike starts a server and kills it after the given time, whether it listens by then or not.
func Strike(o Options, after time.Duration) error {
	command := exec.Command(o.Path, append([]string{"serve", "--listen", "127.0.0.1:0"}, o.database()...)...)
	command.Env = o.environment()
	if err := command.Start(); err != nil {
		return err
	}
	time.Sleep(after)
	_ = command.Process.Kill() // fails only if the process has ended, which is noticed below
	var exit *exec.ExitError
	err := command.Wait()
	if errors.As(err, &exit) && !exit.Exited() {
		return nil
	}
	return fmt.Errorf("the server ended before it was killed: %v", err)
}

// follow reads standard output to its end, which comes when the process ends, and then collects the process.
func (s *Server) follow(stdout io.Reader, address chan<- string) {
	lines := bufio.NewScanner(stdout)
	for told := false; lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), listensPrefix); ok {
			told = true
			address <- strings.TrimSpace(url)
		}
		if !told { // after the address the caller reads
			s.Said = append(s.Said, lines.Text())
		}
	}
	s.err = s.command.Wait()
	close(s.ended)
}

// WaitReady waits until the server says that it can serve and returns how long that took from the start of the process.
func (s *Server) WaitReady(ctx context.Context) (time.Duration, error) {
	client := &http.Client{Timeout: probeMax}
	defer client.CloseIdleConnections()
	for {
		response, err := client.Get(s.URL + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return time.Since(s.started), nil
			}
		}
		select {
		case <-ctx.Done():
			return time.Since(s.started), fmt.Errorf("not ready: %w\n%s", ctx.Err(), s.Log())
		case <-s.ended:
			return time.Since(s.started), fmt.Errorf("the server ended before it was ready: %v\n%s", s.err, s.Log())
		case <-time.After(probeWait):
		}
	}
}

// Freeze stops the process where it is, until Thaw; it does not notice.
func (s *Server) Freeze() error { return s.command.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw() error { return s.command.Process.Signal(syscall.SIGCONT) }

// Kill ends the process with SIGKILL, as a power cut of the process would, and returns when it is gone. It fails when
// the process had already ended by itself.
func (s *Server) Kill() error {
	select {
	case <-s.ended:
		return fmt.Errorf("the server had ended by itself: %v\n%s", s.err, s.Log())
	default:
	}
	if err := s.command.Process.Kill(); err != nil {
		return err
	}
	<-s.ended
	return nil
}

// Stop asks the process to drain and waits for it. It fails unless the process ends with exit code 0.
func (s *Server) Stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w\n%s", err, s.Log())
	}
	select {
	case <-s.ended:
	case <-time.After(stopMax):
		return fmt.Errorf("the server did not stop (kill: %v)", s.Kill())
	}
	if s.err != nil {
		return fmt.Errorf("the server did not stop cleanly: %w\n%s", s.err, s.Log())
	}
	return nil
}

// Log returns the last lines of the process's standard error.
func (s *Server) Log() string { return s.log.String() }

// Run runs another subcommand to its end and returns its standard output. A non-zero exit code is an error that carries
// its standard error.
func Run(ctx context.Context, o Options, args ...string) (string, error) {
	command := exec.CommandContext(ctx, o.Path, args...)
	command.Env = o.environment()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return string(out), errors.Join(fmt.Errorf("scrip %s: %w", args[0], err), errors.New(strings.TrimSpace(stderr.String())))
	}
	return string(out), nil
}

// Verify runs `scrip verify` on the database, which no server may use, and returns its summary.
func Verify(ctx context.Context, o Options) (string, error) {
	return Run(ctx, o, append([]string{"verify"}, o.database()...)...)
}

// tailMax is how much of a log is kept: enough for what a process says when it fails.
const tailMax = 8 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (t *tail) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, text...)
	if len(t.text) > 2*tailMax {
		t.text = append([]byte(nil), t.text[len(t.text)-tailMax:]...)
	}
	return len(text), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
