package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/cluster"
	"github.com/scrip-dev/scrip/internal/store"
)

// The variables that the tests know.
const (
	serverVariable = "SCRIP_TEST_POSTGRES_URL" // a server to make databases on
	againVariable  = "SCRIP_TEST_AGAIN"        // not empty in a process that Again started
)

// server is what the tests of this process share. One that was started here ends with the process.
var server = sync.OnceValues(func() (*Cluster, error) {
	if address := os.Getenv(serverVariable); address != "" {
		return &Cluster{&cluster.Server{URL: address}}, nil
	}
	return Start()
})

// address returns the shared server, or skips the test.
func address(t testing.TB) string {
	t.Helper()
	c, err := server()
	if errors.Is(err, cluster.ErrNotInstalled) {
		t.Skipf("%v; or name a server in %s", err, serverVariable)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c.URL
}

// Database makes an empty database and returns its address. It is dropped when the test ends. More words of SQL may say
// how to make it.
func Database(t testing.TB, how ...string) string {
	t.Helper()
	address, drop := create(t, address(t), how...)
	t.Cleanup(drop)
	return address
}

// create makes a database on a server and returns its address and what drops it.
func create(t testing.TB, server string, how ...string) (address string, drop func()) {
	t.Helper()
	name := "scrip_test_" + strings.ToLower(rand.Text())
	address, err := cluster.Create(t.Context(), server, name, how...)
	if err != nil {
		t.Fatal(err)
	}
	return address, func() { Execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") }
}

// Execute runs statements at an address, each in a transaction of its own. It also works while a test is cleaned up.
func Execute(t testing.TB, address string, statements ...string) {
	t.Helper()
	if err := cluster.Execute(context.WithoutCancel(t.Context()), address, statements...); err != nil {
		t.Error(err)
	}
}

// Options names a fresh database for a test: on SQLite, or in a process that Again started on PostgreSQL.
func Options(t testing.TB) store.Options {
	t.Helper()
	o, drop := Fresh(t)
	t.Cleanup(drop)
	return o
}

// Fresh is Options for a test that uses many databases, and drops each when it needs it no more.
func Fresh(t testing.TB) (o store.Options, drop func()) {
	t.Helper()
	if SecondRun() {
		o.URL, drop = create(t, address(t))
		return o, drop
	}
	dir, err := os.MkdirTemp("", "scrip-test-")
	if err != nil {
		t.Fatal(err)
	}
	return store.Options{Dir: dir}, func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}
}

// SecondRun tells whether this process was started by Again.
func SecondRun() bool { return os.Getenv(againVariable) != "" }

// Again runs tests of the calling package again, in a process in which Options names databases on PostgreSQL. The
// pattern selects them as -run does. Short runs leave it out: they are for what does not depend on the database.
func Again(t *testing.T, pattern string) {
	t.Helper()
	if SecondRun() || testing.Short() {
		t.Skip("left out in a short run and in the second run itself")
	}
	args := []string{"-test.run=" + pattern, "-test.skip=^" + t.Name() + "$", "-test.timeout=0"} // our own timeout ends both
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.") {
			args = append(args, arg)
		}
	}
	command := exec.CommandContext(t.Context(), os.Args[0], args...)
	command.Env = append(os.Environ(), againVariable+"=yes", serverVariable+"="+address(t))
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		t.Errorf("on PostgreSQL: %v\n%s", err, &out)
	}
	if strings.Contains(out.String(), "no tests to run") {
		t.Errorf("the pattern %q selects nothing", pattern)
	}
}
