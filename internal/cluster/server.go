// Package cluster runs a private PostgreSQL server with default durability, and makes and drops databases on any server.
// The bench measures on it and tests run on it; it knows nothing of what is kept there.
package cluster

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNotInstalled says that this machine has no PostgreSQL that could be started.
var ErrNotInstalled = errors.New("no PostgreSQL server 15 or later is installed (Debian: apt-get install postgresql)")

//go:embed cluster.sh
var script string

// exitNotInstalled is how cluster.sh says that there is no server.
const exitNotInstalled = 3

// Server is a private server. It ends with Stop, or with the process that started it.
type Server struct {
	URL    string // of the database "postgres", for a user who may do everything
	Folder string // where it keeps everything; the data is in data below it

	command *exec.Cmd
	input   io.Closer // the script runs for as long as this is open
}

// Start starts a server with default durability and further settings, each NAME=VALUE, below the folder for temporary files.
func Start(settings ...string) (*Server, error) { return StartIn("", settings...) }

// StartIn is Start below a folder that everybody may enter.
func StartIn(dir string, settings ...string) (*Server, error) {
	s := &Server{command: exec.Command("bash", append([]string{"-c", script, "cluster.sh"}, settings...)...)}
	if dir != "" {
		s.command.Env = append(os.Environ(), "TMPDIR="+dir)
	}
	var stderr strings.Builder
	s.command.Stderr = &stderr
	stdout, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "ready %s %s", &s.URL, &s.Folder); err != nil || scanErr != nil {
		_ = s.command.Wait()
		if s.command.ProcessState.ExitCode() == exitNotInstalled {
			return nil, ErrNotInstalled
		}
		return nil, fmt.Errorf("the PostgreSQL server did not start: %s", strings.TrimSpace(stderr.String()))
	}
	return s, nil
}

// Process is the id of the server's first process.
func (s *Server) Process() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.Folder, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(line)
}

// logMax is how much of the end of the server's log explains a failure.
const logMax = 4 << 10

// Log is the end of what the server has written to its log.
func (s *Server) Log() []byte {
	text, _ := os.ReadFile(filepath.Join(s.Folder, "server.log"))
	return text[max(0, len(text)-logMax):]
}

// Stop ends the server and removes its data. Stopping it again does nothing.
func (s *Server) Stop() error {
	if s.command.ProcessState != nil {
		return nil
	}
	return errors.Join(s.input.Close(), s.command.Wait())
}
