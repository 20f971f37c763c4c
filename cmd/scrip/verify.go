package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
)

// verifyCommand recomputes what the database claims.
type verifyCommand struct {
	databaseFlags
}

// Run prints a summary, or answers an error that names the first bad row. The server must not be running. The summary of a
// copy is that of its source, digest included.
func (c *verifyCommand) Run(p *program) error {
	st, err := openExisting(p, store.Options{Dir: c.Data, URL: c.DatabaseURL})
	if err != nil {
		return err
	}
	report, money, err := verify(p.ctx, st)
	if err := errors.Join(err, st.Close()); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	fmt.Fprintf(p.stdout, "ok: %d entries, %d ledger rows, %d pools, %d keys\n", report.Entries, report.Rows, report.Pools, report.Keys)
	for _, name := range slices.Sorted(maps.Keys(report.Balance)) {
		fmt.Fprintf(p.stdout, "balance %s %s\n", name, report.Balance[name])
	}
	if money.Grants > 0 {
		fmt.Fprintf(p.stdout, "revenue: %d grants with money, %d closed months\n", money.Grants, money.Months)
	}
	fmt.Fprintf(p.stdout, "digest %x\n", report.Digest)
	return nil
}

// openExisting opens a database, but makes none in a folder that is not there.
func openExisting(p *program, o store.Options) (*store.Store, error) {
	if o.URL == "" {
		if _, err := os.Stat(o.Dir); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no database in %s", o.Dir)
		}
	}
	return openDatabase(p, o)
}

// openDatabase opens a database for a subcommand other than the server.
func openDatabase(p *program, o store.Options) (*store.Store, error) {
	o.Now, o.Logger = p.now, newLogger(p.stderr, p.line.LogFormat, p.line.LogLevel)
	return store.Open(p.ctx, o)
}

func verify(ctx context.Context, st *store.Store) (*engine.Report, *credits.RevenueCheck, error) {
	shape, err := st.KeptShape(ctx)
	if err != nil {
		return nil, nil, err
	}
	report, err := engine.Verify(ctx, st.Journal(), shape.Shards)
	if err != nil {
		return nil, nil, err
	}
	money, err := credits.VerifyRevenue(ctx, st, st.Journal(), shape.Shards)
	return report, money, err
}
