package export

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// Source is what is exported. It is only read, and may be in use meanwhile.
type Source struct {
	Store   credits.Store
	Journal engine.Journal
	Shards  uint16
	// Clock is the time in an environment, by which rows of the catalogue say when they changed.
	Clock func(environment string) ledger.Time
}

// Options says what is wanted.
type Options struct {
	Environment string
	Format      Format
	Tables      []string // empty means all
	Since       *Cursor  // nil means from where the last run of the series ended
}

// catalogueOverlap is how far the catalogue is looked at again: a change is dated before it is committed.
const catalogueOverlap = ledger.Time(60 * 1_000_000)

// ErrBadOptions wraps what is wrong with Options.
var ErrBadOptions = errors.New("bad export options")

// Run exports from one cursor to the present and returns what it wrote. With nothing new it writes no manifest, and returns one
// without rows. After an error it may be called again.
func Run(ctx context.Context, from Source, to Bucket, o Options) (*Manifest, error) {
	tables, err := wanted(o)
	if err != nil {
		return nil, err
	}
	r := &run{source: from, bucket: to, series: series{environment: o.Environment, format: o.Format, tables: tables}}
	if err := r.prepare(ctx, o); err != nil {
		return nil, err
	}
	m := &Manifest{Environment: o.Environment, Format: o.Format, Cursor: r.to.String()}
	if r.since.entries() > 0 || r.since.Catalogue > 0 {
		m.Since = r.since.String()
	}
	if m.Tables, err = r.write(ctx); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if m.Rows() > 0 {
		if err := putJSON(ctx, to, r.series.manifestName(r.since, r.to), m); err != nil {
			return nil, err
		}
	}
	return m, to.Remove(ctx, r.series.planName(r.since))
}

// wanted checks options and lists the tables in their order.
func wanted(o Options) ([]string, error) {
	if !slices.Contains(Formats(), o.Format) {
		return nil, fmt.Errorf("%w: the format %q is not one of %v", ErrBadOptions, o.Format, Formats())
	}
	var tables []string
	for _, name := range TableNames() {
		if len(o.Tables) == 0 || slices.Contains(o.Tables, name) {
			tables = append(tables, name)
		}
	}
	for _, name := range o.Tables {
		if !slices.Contains(tables, name) {
			return nil, fmt.Errorf("%w: there is no table %q; there are %v", ErrBadOptions, name, TableNames())
		}
	}
	return tables, nil
}

// run is one way from a cursor to another.
type run struct {
	source    Source
	bucket    Bucket
	series    series
	since, to Cursor
}

// prepare finds out from where to where the run goes, and notes it before anything else is written.
func (r *run) prepare(ctx context.Context, o Options) error {
	head, err := r.head(ctx, o.Environment)
	if err != nil {
		return err
	}
	if o.Since != nil {
		r.since = *o.Since
	} else if r.since, err = r.series.last(ctx, r.bucket); err != nil {
		return err
	}
	if err := r.since.within(head); err != nil {
		return err
	}
	to, planned, err := r.series.planned(ctx, r.bucket, r.since)
	if err != nil {
		return err
	}
	if planned {
		r.to = to
		return to.within(head)
	}
	r.to = head
	return putJSON(ctx, r.bucket, r.series.planName(r.since), plan{To: head.String()})
}

// head is the present end of everything.
func (r *run) head(ctx context.Context, environment string) (Cursor, error) {
	var c Cursor
	err := r.source.Store.View(ctx, func(tx credits.Tx) error {
		environments, err := tx.Environments(ctx)
		if err == nil && !slices.ContainsFunc(environments, func(e *credits.Environment) bool { return e.ID == environment }) {
			err = fmt.Errorf("%w: there is no environment %q", ErrBadOptions, environment)
		}
		return err
	})
	if err != nil {
		return c, err
	}
	c.Catalogue = r.source.Clock(environment)
	for shard := range max(r.source.Shards, 1) {
		at, err := r.source.Journal.Head(ctx, shard)
		if err != nil {
			return c, err
		}
		c.Positions = append(c.Positions, at)
	}
	return c, nil
}

// write writes all tables and returns them in their order.
func (r *run) write(ctx context.Context) ([]ManifestTable, error) {
	outputs := map[string]*output{}
	for _, t := range Tables() {
		if r.wants(t.Name) {
			outputs[t.Name] = r.output(t)
			defer outputs[t.Name].abort()
		}
	}
	if err := r.writeJournal(ctx, outputs); err != nil {
		return nil, err
	}
	if err := r.writeCatalogue(ctx, outputs); err != nil {
		return nil, err
	}
	var done []ManifestTable
	for _, t := range r.series.tables {
		if err := outputs[t].end(); err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		done = append(done, outputs[t].done)
	}
	return done, nil
}
