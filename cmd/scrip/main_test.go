package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
)

// noVariables is an empty environment.
func noVariables(string) (string, bool) { return "", false }

// variables is an environment that holds exactly the given ones.
func variables(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// outcome is what a user sees of one run.
type outcome struct {
	Code           int
	Stdout, Stderr string
}

// execute runs the program to its end.
func execute(t *testing.T, env func(string) (string, bool), args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, env, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

func TestWrongCommandLineIsUsage(t *testing.T) {
	// A command line the program does not understand exits with 2, changes nothing and says what was wrong.
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no_subcommand":      {nil, "expected one of"},
		"unknown_subcommand": {[]string{"fly"}, "unexpected argument fly"},
		"unknown_flag":       {[]string{"serve", "--port", "80"}, "unknown flag --port"},
		"missing_file":       {[]string{"replay"}, "file.csv"},
		"unknown_log_format": {[]string{"--log-format=xml", "version"}, "must be one of"},
		"no_duration":        {[]string{"serve", "--drain-wait=soon"}, "invalid duration"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, noVariables, test.args...)
			if got.Code != exitUsage || got.Stdout != "" {
				t.Errorf("exit code %d, stdout %q; want %d and nothing", got.Code, got.Stdout, exitUsage)
			}
			if !strings.HasPrefix(got.Stderr, "scrip: ") || !strings.Contains(got.Stderr, test.want) {
				t.Errorf("stderr %q does not say %q", got.Stderr, test.want)
			}
		})
	}
}

func TestHelpListsEverySubcommand(t *testing.T) {
	// --help prints the subcommands on standard output and exits with 0, also when variables are set.
	t.Parallel()
	got := execute(t, variables(map[string]string{"SCRIP_HELP": "no", "SCRIP_LISTEN": ":1"}), "--help")
	if got.Code != exitDone || got.Stderr != "" {
		t.Errorf("exit code %d, stderr %q", got.Code, got.Stderr)
	}
	for _, name := range []string{"serve", "verify", "copy", "replay", "bench", "version", "SCRIP_SOME_NAME"} {
		if !strings.Contains(got.Stdout, name) {
			t.Errorf("help does not mention %s:\n%s", name, got.Stdout)
		}
	}
}

func TestServeFlags(t *testing.T) {
	// A flag wins over its variable, a variable over the default, and an empty variable counts as not set.
	t.Parallel()
	defaults := serveCommand{
		databaseFlags: databaseFlags{Data: "./scrip-data"},
		Listen:        "127.0.0.1:8080", DrainWait: 500 * time.Millisecond, DrainMax: 20 * time.Second,
	}
	tests := map[string]struct {
		args   []string
		env    map[string]string
		change func(*serveCommand)
	}{
		"defaults": {nil, nil, func(*serveCommand) {}},
		"flags": {
			[]string{"--listen", ":9", "--data=d", "--database-url", "postgres://db/x", "--shards=8", "--metrics-listen", ":10", "--drain-wait", "1s", "--drain-max=2s", "--allow-private-webhooks"}, nil,
			func(c *serveCommand) {
				*c = serveCommand{databaseFlags{"d", "postgres://db/x"}, 8, ":9", ":10", true, time.Second, 2 * time.Second}
			},
		},
		"variables": {
			nil, map[string]string{"SCRIP_LISTEN": ":9", "SCRIP_DATA": "d", "SCRIP_DATABASE_URL": "postgres://db/x", "SCRIP_SHARDS": "16", "SCRIP_DRAIN_WAIT": "1s", "SCRIP_ALLOW_PRIVATE_WEBHOOKS": "true"},
			func(c *serveCommand) {
				c.Shards, c.AllowPrivateWebhooks = 16, true
				c.databaseFlags, c.Listen, c.DrainWait = databaseFlags{"d", "postgres://db/x"}, ":9", time.Second
			},
		},
		"flag_wins": {
			[]string{"--listen", ":7"}, map[string]string{"SCRIP_LISTEN": ":9"},
			func(c *serveCommand) { c.Listen = ":7" },
		},
		"empty_variable": {nil, map[string]string{"SCRIP_LISTEN": ""}, func(*serveCommand) {}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &program{env: variables(test.env)}
			if _, err := p.parse(append([]string{"serve"}, test.args...)); err != nil {
				t.Fatal(err)
			}
			want := defaults
			test.change(&want)
			if diff := cmp.Diff(want, p.line.Serve, cmp.AllowUnexported(serveCommand{})); diff != "" {
				t.Errorf("parsed flags (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInitialKey(t *testing.T) {
	// A key that is too short or has stray white space is refused without being shown; none is fine.
	t.Parallel()
	long := strings.Repeat("k", credits.OperatorKeyMin)
	tests := map[string]struct{ value, want, fails string }{
		"none":        {"", "", ""},
		"long_enough": {long, long, ""},
		"too_short":   {long[1:], "", "at least 32"},
		"white_space": {long + "\n", "", "white space"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := initialKey(variables(map[string]string{"SCRIP_API_KEY": test.value}))
			if got != test.want || (err == nil) != (test.fails == "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "kkk")) {
				t.Errorf("message %q", err)
			}
		})
	}
}

func TestFailureIsOneLine(t *testing.T) {
	// A failure exits with 1 and takes exactly one line of standard error, whatever its message holds.
	t.Parallel()
	if got, want := oneLine(errors.New("first\nsecond\r\nthird")), "first; second; third"; got != want {
		t.Errorf("oneLine = %q, want %q", got, want)
	}
	got := execute(t, variables(map[string]string{"SCRIP_API_KEY": "short"}), "serve")
	want := outcome{exitFailed, "", "scrip: SCRIP_API_KEY has 5 characters; it needs at least 32\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func TestUnreachableDatabaseIsOneLine(t *testing.T) {
	// A database that is not there ends every subcommand that needs it with 1 and one line, which shows no password.
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env := variables(map[string]string{"SCRIP_DATABASE_URL": "postgres://scrip:secret@" + taken.Addr().String() + "/scrip"})
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"serve", "verify"} {
		got := execute(t, env, command)
		if got.Code != exitFailed || got.Stdout != "" || strings.Count(got.Stderr, "\n") != 1 ||
			!strings.Contains(got.Stderr, "cannot be reached") || strings.Contains(got.Stderr, "secret") {
			t.Errorf("%s: %+v", command, got)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	// A program told to stop before it started still starts, drains and exits with 0.
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	args := []string{"serve", "--listen=127.0.0.1:0", "--drain-wait=0s", "--data", t.TempDir()}
	if code := run(ctx, args, noVariables, &stdout, &stderr); code != exitDone {
		t.Errorf("exit code %d, stderr:\n%s", code, &stderr)
	}
}
