package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/bench"
	"github.com/scrip-dev/scrip/internal/bench/rival"
	"github.com/scrip-dev/scrip/internal/cluster"
)

// benchCommand measures the server beside the usual service and the floor, in one run.
type benchCommand struct {
	Rounds      int           `default:"3" help:"How often each cell is measured; the figures are medians."`
	Duration    time.Duration `default:"5s" help:"How long each server is measured in each cell and round."`
	Warmup      time.Duration `default:"1s" help:"Load before each measurement that does not count."`
	Quick       bool          `help:"A first impression in under a minute: one round, one second, at most 500 customers, no long run."`
	Only        []string      `placeholder:"NAME" help:"Measure only these of scrip, usual, batched, floor, and on PostgreSQL function."`
	Cells       []string      `placeholder:"CLIENTSxEVENTS" help:"Measure these shapes of load instead of 64x1,16x10,8x100,4x1000."`
	Customers   int           `default:"10000" help:"How many customers, each with a pool of credits."`
	Preload     int           `placeholder:"EVENTS" help:"Measure everything again on servers that hold so many events, to see what growth costs."`
	Growth      int           `placeholder:"EVENTS" help:"Measure only what growth costs: load so many events in ten steps and measure 4x1000 and 8x100 at each, then pages of the ledger and pools of many grants. Rivals, if named with --only, grow to a tenth."`
	Sustained   time.Duration `default:"60s" help:"How long the last cell is kept up at the end; 0s to leave it out."`
	Rates       []float64     `default:"0.5" placeholder:"RATE" help:"Measure latencies while requests arrive at random moments at these rates: up to 1 a share of what each cell reached, else events a second; 0 to leave it out."`
	Checks      bool          `default:"true" negatable:"" help:"Measure entitlement checks."`
	Memory      bool          `default:"true" negatable:"" help:"Measure the memory of the server."`
	Nodes       int           `default:"1" placeholder:"N" help:"Measure Scrip also as so many processes on one PostgreSQL database, with each request sent to the next one, and with the requests about a customer all sent to one."`
	Seed        uint64        `default:"1" help:"From which the events follow."`
	JSON        string        `name:"json" placeholder:"FILE" help:"Write every figure to a file."`
	SVG         string        `name:"svg" placeholder:"FILE" help:"Draw throughput against table size, with --growth."`
	Dir         string        `placeholder:"DIR" help:"Where to put the measured data, on a real disk. Default: a folder for temporary files."`
	Postgres    bool          `help:"Measure on a private PostgreSQL server, started for the run with default durability, if one is installed."`
	DatabaseURL string        `name:"database-url" placeholder:"URL" help:"Measure on this PostgreSQL server; every measured server gets a database of its own, dropped afterwards. The user must be allowed to create databases."`
	Rival       string        `hidden:"" help:"Be one of the servers to compare with, with its data in --dir."`
}

// What --quick makes of the other flags.
const (
	quickDuration  = time.Second
	quickWarmup    = 250 * time.Millisecond
	quickCustomers = 500
)

// Run prints the figures. It fails, after printing what it has, when a server failed or lost an event.
func (c *benchCommand) Run(p *program) (err error) {
	if c.Rival != "" {
		return c.serveRival(p)
	}
	options, err := c.options(p)
	if err != nil {
		return err
	}
	if options.Dir, err = os.MkdirTemp(c.Dir, "scrip-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(options.Dir)) }()
	stop, err := c.startPostgres(&options)
	if err != nil {
		return err
	}
	defer stop()
	report, err := bench.Run(p.ctx, options)
	if report == nil || report.Empty() {
		return err // nothing has been measured
	}
	return errors.Join(err, report.WriteTable(p.stdout), c.writeJSON(report), c.writeSVG(report))
}

// startPostgres starts the private server that --postgres asks for.
func (c *benchCommand) startPostgres(o *bench.Options) (stop func(), err error) {
	if !c.Postgres {
		return func() {}, nil
	}
	server, err := cluster.StartIn(c.Dir)
	if err != nil {
		return nil, err
	}
	stop = func() { _ = server.Stop() } // what it kept is of no use
	o.Database = server.URL
	if o.DatabasePID, err = server.Process(); err != nil {
		stop()
	}
	return stop, err
}

// options turns the flags into what bench takes.
func (c *benchCommand) options(p *program) (bench.Options, error) {
	o := bench.Options{
		Database: c.DatabaseURL, Servers: c.Only, Cells: bench.Cells, Rounds: c.Rounds, Warmup: c.Warmup, Duration: c.Duration,
		Customers: c.Customers, Preload: c.Preload, Growth: c.Growth, Sustained: c.Sustained, Checks: c.Checks, Memory: c.Memory,
		Seed: c.Seed, Now: p.now,
		Progress: func(line string) { fmt.Fprintln(p.stderr, line) },
	}
	if len(o.Servers) == 0 {
		o.Servers = c.servers()
	}
	if c.Nodes != 1 {
		o.Servers = slices.Concat(o.Servers, bench.NodeNames(bench.Scrip, c.Nodes))
	}
	if c.Quick {
		o.Rounds, o.Duration, o.Warmup, o.Sustained = 1, quickDuration, quickWarmup, 0
		o.Customers = min(o.Customers, quickCustomers)
	}
	for _, rate := range c.Rates {
		if rate != 0 {
			o.Rates = append(o.Rates, rate)
		}
	}
	if len(c.Cells) > 0 {
		o.Cells = nil
	}
	for _, text := range c.Cells {
		cell, err := bench.ParseCell(text)
		if err != nil {
			return o, err
		}
		o.Cells = append(o.Cells, cell)
	}
	executable, err := os.Executable()
	o.Start = bench.Processes{Executable: executable, Arguments: childArguments}.Start
	return o, err
}

// servers are those that are measured when nothing else is said.
func (c *benchCommand) servers() []string {
	switch {
	case c.Growth > 0:
		return []string{bench.Scrip}
	case c.Postgres || c.DatabaseURL != "":
		return bench.PostgresNames
	}
	return bench.Names
}

// childArguments is how this program becomes one of the measured servers.
func childArguments(name string, at bench.Place) []string {
	args := []string{"bench", "--rival=" + name, "--dir=" + at.Dir}
	if name == bench.Scrip {
		args = []string{"serve", "--listen=127.0.0.1:0", "--data=" + at.Dir, "--drain-wait=0s", "--log-level=warn"}
	}
	if at.URL != "" {
		args = append(args, "--database-url="+at.URL)
	}
	return args
}

// serveRival answers as one of the servers to compare with until the program is told to stop.
func (c *benchCommand) serveRival(p *program) error {
	key, _ := p.env("SCRIP_API_KEY")
	if key == "" {
		return errors.New("SCRIP_API_KEY is not set")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s listens on http://%s\n", c.Rival, listener.Addr())
	return rival.Serve(p.ctx, rival.Settings{Name: c.Rival, Dir: c.Dir, URL: c.DatabaseURL, APIKey: key, Now: p.now}, listener)
}

// writeSVG draws the report where --svg says.
func (c *benchCommand) writeSVG(report *bench.Report) error {
	if c.SVG == "" {
		return nil
	}
	var picture bytes.Buffer
	if err := report.WriteSVG(&picture); err != nil {
		return err
	}
	return os.WriteFile(c.SVG, picture.Bytes(), 0o644)
}

// writeJSON writes the report where --json says.
func (c *benchCommand) writeJSON(report *bench.Report) error {
	if c.JSON == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.JSON, append(text, '\n'), 0o644)
}
