package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Manifest says what a run has written. It is written last: what it names is complete and never changes.
type Manifest struct {
	Environment string          `json:"environment"`
	Format      Format          `json:"format"`
	Since       string          `json:"since"`  // the cursor at which the run began, empty for the beginning
	Cursor      string          `json:"cursor"` // the cursor up to which it went: where the next begins
	Tables      []ManifestTable `json:"tables"`
}

// ManifestTable is what a run has written of one table; no files when nothing was new.
type ManifestTable struct {
	Table string         `json:"table"`
	Rows  int64          `json:"rows"`
	Files []ManifestFile `json:"files"`
}

// ManifestFile is one file, by its name from the top of the destination.
type ManifestFile struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Rows is how many rows the run has written.
func (m *Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// plan is up to where a run is to go. It is written first and removed after the manifest.
type plan struct {
	To string `json:"to"`
}

// series names the runs that continue each other: those of one environment, format and set of tables.
type series struct {
	environment string
	format      Format
	tables      []string // in the order of Tables
}

// name is short for all tables, else it has a mark of those that are wanted.
func (s series) name() string {
	if slices.Equal(s.tables, TableNames()) {
		return string(s.format)
	}
	sum := sha256.Sum256([]byte(strings.Join(s.tables, " ")))
	return string(s.format) + "-" + hex.EncodeToString(sum[:4])
}

// folder is where the files of a kind are.
func (s series) folder(kind string) string { return path.Join(s.environment, kind) }

const (
	manifestFolder = "manifests"
	planFolder     = "plans"
)

func (s series) manifestName(since, to Cursor) string {
	return path.Join(s.folder(manifestFolder), "manifest-"+s.environment+"-"+s.name()+"-"+rangeName(since, to)+".json")
}

func (s series) planName(since Cursor) string {
	return path.Join(s.folder(planFolder), "plan-"+s.environment+"-"+s.name()+"-"+rangeName(Cursor{}, since)+".json")
}

func (s series) fileName(table string, since, to Cursor, part int) string {
	return path.Join(s.folder(table), fmt.Sprintf("%s-%s-%s-%04d.%s", table, s.environment, rangeName(since, to), part, s.format))
}

// last is the cursor of the series' newest manifest; the beginning when there is none.
func (s series) last(ctx context.Context, b Bucket) (Cursor, error) {
	prefix := path.Join(s.folder(manifestFolder), "manifest-"+s.environment+"-"+s.name()+"-0")
	names, err := b.List(ctx, prefix)
	if err != nil || len(names) == 0 {
		return Cursor{}, err
	}
	var m Manifest
	if err := readJSON(ctx, b, names[len(names)-1], &m); err != nil {
		return Cursor{}, err
	}
	return ParseCursor(m.Cursor)
}

// planned is up to where an interrupted run from a cursor was to go; false when there was none.
func (s series) planned(ctx context.Context, b Bucket, since Cursor) (Cursor, bool, error) {
	var p plan
	err := readJSON(ctx, b, s.planName(since), &p)
	if errors.Is(err, fs.ErrNotExist) {
		return Cursor{}, false, nil
	}
	if err != nil {
		return Cursor{}, false, err
	}
	to, err := ParseCursor(p.To)
	return to, err == nil, err
}

func readJSON(ctx context.Context, b Bucket, name string, into any) error {
	data, err := b.Read(ctx, name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func putJSON(ctx context.Context, b Bucket, name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = put(ctx, b, name, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
