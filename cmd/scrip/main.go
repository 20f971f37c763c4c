// Command scrip is the whole product in one program: the server, and the tools an operator needs beside it.
//
// This package wires. It is the only one that reads flags, the environment, the wall clock and randomness; it builds the
// parts and hands them what they need. wire.go is where the parts meet; every subcommand has a file of its own.
//
// Exit codes: 0 done, 1 failed (one line on standard error says why), 2 the command line was wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes of the program; scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	// The first signal drains. Giving the signals back lets a second one end the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// commandLine is what a user may type. Every flag `--some-name` can also be given as the variable SCRIP_SOME_NAME; what is
// typed wins.
type commandLine struct {
	LogFormat string `enum:"text,json" default:"text" help:"How log lines on standard error are written: ${enum}."`
	LogLevel  string `enum:"debug,info,warn,error" default:"info" help:"The least important log lines that are written: ${enum}."`

	Serve   serveCommand   `cmd:"" help:"Start the server."`
	Verify  verifyCommand  `cmd:"" help:"Recompute every invariant and hash of a database."`
	Copy    copyCommand    `cmd:"" help:"Copy a database into an empty one, also from SQLite to PostgreSQL and back."`
	Replay  replayCommand  `cmd:"" help:"Replay recorded requests from a CSV file."`
	Listen  listenCommand  `cmd:"" help:"Print the messages of a running server, and forward them to a receiver on this machine."`
	Trigger triggerCommand `cmd:"" help:"Make a sample message of some type on a running server."`
	Bench   benchCommand   `cmd:"" help:"Measure throughput and latency on this machine."`
	Version versionCommand `cmd:"" help:"Print the version, the commit and the Go release."`
}

// program is what a subcommand gets from its surroundings. Tests build one by hand.
type program struct {
	ctx    context.Context // ends when the program is told to stop
	env    func(name string) (string, bool)
	now    func() time.Time
	line   commandLine // the flags that every subcommand shares
	stdout io.Writer   // for what the user asked for
	stderr io.Writer   // for logs and failures
}

// run is the program without its process: it parses args, executes one subcommand and answers the exit code. env looks up a
// variable, as os.LookupEnv does. run returns once everything it started has ended.
func run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	p := &program{ctx: ctx, env: env, now: time.Now, stdout: stdout, stderr: stderr}
	command, err := p.parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "scrip: %s\nTry \"scrip --help\".\n", oneLine(err))
		return exitUsage
	}
	if command == nil {
		return exitDone // --help has been printed
	}
	if err := command.Run(p); err != nil {
		fmt.Fprintf(stderr, "scrip: %s\n", oneLine(err))
		return exitFailed
	}
	return exitDone
}

// parse reads the command line and answers the chosen subcommand, or nil when help was asked for and printed.
func (p *program) parse(args []string) (*kong.Context, error) {
	helped := false
	parser, err := kong.New(&p.line,
		kong.Name("scrip"),
		kong.Description("A self-hosted credits engine. Every flag --some-name can also be given as the variable SCRIP_SOME_NAME."),
		kong.Writers(p.stdout, p.stderr),
		kong.Vars{
			"shards_max": fmt.Sprint(shardsMax), "shards_default": fmt.Sprint(shardsDefault),
		},
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(kong.ResolverFunc(p.fromEnvironment)),
	)
	if err != nil {
		return nil, err
	}
	command, err := parser.Parse(args)
	if helped {
		return nil, nil
	}
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		return nil, wrong.Unwrap()
	}
	return command, err
}

// fromEnvironment finds a flag's value in its variable. An empty variable counts as not set, because that is what
// container files make of an unset one.
func (p *program) fromEnvironment(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "help" {
		return nil, nil
	}
	name := "SCRIP_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
	if value, ok := p.env(name); ok && value != "" {
		return value, nil
	}
	return nil, nil
}

// oneLine keeps a failure on one line, which log collectors and people at a terminal can both read.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
