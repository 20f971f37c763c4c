package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
)

// verifyCommand recomputes what the database claims.
type verifyCommand struct {
	databaseFlags
}

// Run prints a summary, or answers an error that names the first bad row. The server must not be running.
func (c *verifyCommand) Run(p *program) error {
	if c.DatabaseURL == "" {
		if _, err := os.Stat(c.Data); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is no database in %s", c.Data)
		}
	}
	log := newLogger(p.stderr, p.line.LogFormat, p.line.LogLevel)
	st, err := store.Open(p.ctx, store.Options{Dir: c.Data, URL: c.DatabaseURL, Now: p.now, Logger: log})
	if err != nil {
		return err
	}
	report, err := verify(p.ctx, st)
	if err := errors.Join(err, st.Close()); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	fmt.Fprintf(p.stdout, "ok: %d entries, %d ledger rows, %d pools, %d keys\n", report.Entries, report.Rows, report.Pools, report.Keys)
	for _, name := range slices.Sorted(maps.Keys(report.Balance)) {
		fmt.Fprintf(p.stdout, "balance %s %s\n", name, report.Balance[name])
	}
	return nil
}

func verify(ctx context.Context, st *store.Store) (*engine.Report, error) {
	shape, err := st.KeptShape(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Verify(ctx, st.Journal(), shape.Shards)
}
