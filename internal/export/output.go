package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
)

// fileRowsMax is how many rows a file has before the next begins: some hundred megabytes of CSV.
const fileRowsMax = 1_000_000

// output writes one table of a run, in parts.
type output struct {
	run     *run
	table   Table
	done    ManifestTable
	file    File
	rows    rowWriter
	counter *counter
	inFile  int64
}

// counter passes bytes on and remembers how many and which.
type counter struct {
	out  io.Writer
	sum  hash.Hash
	size int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.size += int64(n)
	_, _ = c.sum.Write(p[:n]) // never fails
	return n, err
}

func (r *run) output(t Table) *output {
	return &output{run: r, table: t, done: ManifestTable{Table: t.Name, Files: []ManifestFile{}}}
}

func (o *output) name() string {
	return o.run.series.fileName(o.table.Name, o.run.since, o.run.to, len(o.done.Files)+1)
}

// write adds a row.
func (o *output) write(ctx context.Context, r row) error {
	if len(r) != len(o.table.columns) {
		return fmt.Errorf("table %s has %d columns, a row %d", o.table.Name, len(o.table.columns), len(r))
	}
	if o.rows == nil {
		if err := o.begin(ctx); err != nil {
			return err
		}
	}
	if err := o.rows.write(r); err != nil {
		return err
	}
	if o.inFile++; o.inFile >= fileRowsMax {
		return o.end()
	}
	return nil
}

func (o *output) begin(ctx context.Context) (err error) {
	if o.file, err = o.run.bucket.Create(ctx, o.name()); err != nil {
		return err
	}
	o.counter = &counter{out: o.file, sum: sha256.New()}
	o.rows, err = o.run.series.format.writer(o.counter, o.table.columns)
	return err
}

// end completes the file under way, if there is one.
func (o *output) end() error {
	if o.rows == nil {
		return nil
	}
	if err := o.rows.close(); err != nil {
		return err
	}
	if err := o.file.Commit(); err != nil {
		return err
	}
	o.add(ManifestFile{Name: o.name(), Rows: o.inFile, Bytes: o.counter.size, SHA256: hex.EncodeToString(o.counter.sum.Sum(nil))})
	o.rows, o.file, o.inFile = nil, nil, 0
	return nil
}

func (o *output) add(f ManifestFile) {
	o.done.Files = append(o.done.Files, f)
	o.done.Rows += f.Rows
}

// abort gives up the file under way.
func (o *output) abort() {
	if o.file != nil {
		o.file.Abort()
	}
}

// keep takes over the files that an interrupted run has completed, if there are any. It is for tables whose rows may have
// changed since: what has a name keeps its bytes.
func (o *output) keep(ctx context.Context) (bool, error) {
	for {
		data, err := o.run.bucket.Read(ctx, o.name())
		if errors.Is(err, fs.ErrNotExist) {
			return len(o.done.Files) > 0, nil
		}
		if err != nil {
			return false, err
		}
		rows, err := o.run.series.format.count(data)
		if err != nil {
			return false, fmt.Errorf("read %s: %w", o.name(), err)
		}
		sum := sha256.Sum256(data)
		o.add(ManifestFile{Name: o.name(), Rows: rows, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
		if rows < fileRowsMax {
			return true, nil
		}
	}
}

// wants tells whether a table is part of the run.
func (r *run) wants(name string) bool { return slices.Contains(r.series.tables, name) }
