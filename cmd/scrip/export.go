package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/export"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

// exportCommand writes an environment into files for a data warehouse.
type exportCommand struct {
	databaseFlags
	To          string   `required:"" placeholder:"DIR|s3://BUCKET/PATH" help:"Where to: a folder, made when missing, or a bucket. Credentials of a bucket come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or what else AWS clients know; ?region=, ?endpoint= and ?use_path_style=true say which."`
	Environment string   `default:"${export_environment}" placeholder:"ID" help:"The environment to export."`
	Format      string   `enum:"csv,ndjson,parquet" default:"parquet" help:"How rows are written: ${enum}."`
	Tables      []string `placeholder:"NAME,…" help:"Only these tables. Runs of the same tables and format continue each other."`
	Since       string   `placeholder:"CURSOR" help:"Begin at this cursor of an earlier run, instead of where the last one of the series ended."`
}

// Help states what an export is.
func (c *exportCommand) Help() string {
	return strings.TrimSpace(`
The database is only read, and may be in use. What is new since the last run to the same place is written, and a manifest that
names it; a run that was cut short is completed by the next. docs/export.md describes the tables.`)
}

// Run exports, or answers why not, and prints what it wrote.
func (c *exportCommand) Run(p *program) (err error) {
	place := store.Options{Dir: c.Data, URL: c.DatabaseURL}
	if place.URL == "" {
		if _, err := os.Stat(filepath.Join(place.Dir, "scrip.db")); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is no database in %s", place.Dir)
		}
	}
	o := export.Options{Environment: c.Environment, Format: export.Format(c.Format), Tables: c.Tables}
	if c.Since != "" {
		since, err := export.ParseCursor(c.Since)
		if err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		o.Since = &since
	}
	st, err := store.OpenReadOnly(p.ctx, place)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return c.export(p, st, o)
}

func (c *exportCommand) export(p *program, st *store.Store, o export.Options) (err error) {
	shape, err := st.KeptShape(p.ctx)
	if err != nil {
		return err
	}
	bucket, err := c.bucket(p)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	m, err := export.Run(p.ctx, export.Source{
		Store: st, Journal: st.Journal(), Shards: shape.Shards,
		Clock: func(string) ledger.Time { return ledger.Time(p.now().UnixMicro()) },
	}, bucket, o)
	if err != nil {
		return err
	}
	for _, t := range m.Tables {
		fmt.Fprintf(p.stdout, "%s: %d rows\n", t.Table, t.Rows)
	}
	fmt.Fprintf(p.stdout, "cursor %s\n", m.Cursor)
	return nil
}

func (c *exportCommand) bucket(p *program) (export.Bucket, error) {
	if !strings.Contains(c.To, "://") {
		return export.OpenFolder(c.To)
	}
	if err := export.CheckS3(c.To); err != nil {
		return nil, err
	}
	return export.OpenS3(p.ctx, c.To)
}

// exportEnvironment is exported when nobody says which.
const exportEnvironment = credits.EnvironmentProduction
