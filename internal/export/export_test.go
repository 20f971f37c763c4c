package export_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/parquet-go/parquet-go"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/export"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

const env = credits.EnvironmentDevelopment

// world is a database in use.
type world struct {
	*credits.Service
	t      *testing.T
	source export.Source
	now    atomic.Int64
}

var by = credits.Caller{Actor: ledger.Actor{Kind: ledger.ActorAPI, ID: "key"}, Request: "request"}

func setup(t *testing.T, o store.Options) *world {
	t.Helper()
	w := &world{t: t}
	w.now.Store(1_800_000_000_000_000)
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	clock := func(string) ledger.Time { return ledger.Time(w.now.Load()) }
	e, err := engine.Open(t.Context(), engine.Options{Journal: st.Journal(), Clock: clock, Shards: 3, WindowEntries: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	var ids atomic.Int64
	w.Service, err = credits.New(t.Context(), credits.Options{Store: st, Engine: e, Clocks: credits.NewClocks(clock), Random: rand.Reader,
		NewID: func() string { return fmt.Sprint("id", ids.Add(1)) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Bootstrap(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	w.source = export.Source{Store: st, Journal: st.Journal(), Shards: 3, Clock: clock}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// live has two customers buy, burn, overdraw and expire under a name that a spreadsheet would run.
func (w *world) live() {
	ctx, t := w.t.Context(), w.t
	t.Helper()
	_, err := w.CreateCreditType(ctx, env, by.Actor, credits.NewCreditType{ID: "credits", DisplayName: "=1+1"})
	w.must(err)
	for i := range 7 {
		customer := fmt.Sprint("c", i)
		_, err := w.ProvisionCustomer(ctx, env, by.Actor, credits.NewCustomer{ID: customer, Name: "+cmd", Metadata: map[string]string{"a": "b"}})
		w.must(err)
		_, err = w.CreateGrant(ctx, env, by, credits.NewGrant{Customer: customer, CreditType: "credits", Amount: dec("10.000000001"),
			DisplayName: "Pack", Cost: &ledger.Money{Amount: dec("9.99"), Currency: "usd"}, ExpireAt: ledger.Time(w.now.Load() + 3600_000_000)})
		w.must(err)
		for n := range 5 {
			_, err := w.Consume(ctx, env, by, credits.Consumption{Customer: customer, CreditType: "credits", Amount: dec("3.333333333"),
				Key: fmt.Sprint(n), Dims: rating.Dims{{Key: "user", Kind: rating.String, Text: "@u"}}})
			w.must(err)
		}
	}
}

func dec(text string) amount.Amount {
	a, err := amount.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

func (w *world) export(b export.Bucket, format export.Format, more ...func(*export.Options)) *export.Manifest {
	w.t.Helper()
	o := export.Options{Environment: env, Format: format}
	for _, f := range more {
		f(&o)
	}
	m, err := export.Run(w.t.Context(), w.source, b, o)
	w.must(err)
	return m
}

func folder(t *testing.T) (string, export.Bucket) {
	t.Helper()
	dir := t.TempDir()
	b, err := export.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return dir, b
}

// record is a row by column, as text.
type record map[string]string

// read returns the rows of a table in the files of a manifest.
func read(t *testing.T, b export.Bucket, m *export.Manifest, table string) (rows []record) {
	t.Helper()
	for _, mt := range m.Tables {
		for _, f := range mt.Files {
			if mt.Table != table {
				continue
			}
			data, err := b.Read(t.Context(), f.Name)
			if err != nil {
				t.Fatal(err)
			}
			got := parse(t, m.Format, data)
			if int64(len(got)) != f.Rows || int64(len(data)) != f.Bytes {
				t.Errorf("%s has %d rows and %d bytes, the manifest says %d and %d", f.Name, len(got), len(data), f.Rows, f.Bytes)
			}
			rows = append(rows, got...)
		}
	}
	return rows
}

func parse(t *testing.T, format export.Format, data []byte) (rows []record) {
	t.Helper()
	switch format {
	case export.CSV:
		all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, cells := range all[1:] {
			r := record{}
			for i, name := range all[0] {
				r[name] = cells[i]
			}
			rows = append(rows, r)
		}
	case export.NDJSON:
		for line := range bytes.Lines(data) {
			var v map[string]any
			if err := json.Unmarshal(line, &v); err != nil {
				t.Fatal(err)
			}
			r := record{}
			for name, cell := range v {
				if r[name] = fmt.Sprint(cell); cell == nil {
					r[name] = ""
				}
			}
			rows = append(rows, r)
		}
	case export.Parquet:
		return parseParquet(t, data)
	}
	return rows
}

func parseParquet(t *testing.T, data []byte) (rows []record) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	fields := f.Schema().Fields()
	for _, group := range f.RowGroups() {
		reader := group.Rows()
		buf := make([]parquet.Row, 16)
		for {
			n, err := reader.ReadRows(buf)
			for _, values := range buf[:n] {
				r := record{}
				for _, v := range values {
					field := fields[v.Column()]
					r[field.Name()] = parquetText(field, v)
				}
				rows = append(rows, r)
			}
			if err != nil {
				break
			}
		}
		_ = reader.Close()
	}
	return rows
}

// parquetText writes a value as the other formats do, as far as the tests look.
func parquetText(field parquet.Field, v parquet.Value) string {
	if v.IsNull() {
		return ""
	}
	if !strings.HasPrefix(field.Type().String(), "DECIMAL(") {
		return v.String()
	}
	var units int64 // the tests' amounts are small
	b := v.ByteArray()
	for _, digit := range b[len(b)-8:] {
		units = units<<8 | int64(digit)
	}
	a, _ := amount.MulDiv(amount.FromInt(units), amount.FromInt(1), amount.FromInt(1_000_000_000), 9)
	return a.String()
}

func sum(rows []record, column string, keep func(record) bool) amount.Amount {
	total := amount.Zero
	for _, r := range rows {
		if keep(r) {
			total = total.Add(dec(r[column]))
		}
	}
	return total
}

func TestExportAddsUp(t *testing.T) {
	// In every format and on both databases rows join and add up: the ledger per pool to its last balance, slices per event to
	// its cost, the ledger per grant to what it has left.
	t.Parallel()
	for name, o := range map[string]store.Options{"sqlite": {Dir: t.TempDir()}, "postgres": {URL: postgres.Database(t)}} {
		w := setup(t, o)
		w.live()
		for _, format := range export.Formats() {
			t.Run(fmt.Sprint(name, "/", format), func(t *testing.T) {
				_, b := folder(t)
				m := w.export(b, format)
				rows, grants := read(t, b, m, "credit_ledger"), read(t, b, m, "credit_grants")
				events, slices := read(t, b, m, "usage_events"), read(t, b, m, "credit_consumption")
				if len(rows) != 7*7 || len(grants) != 14 || len(events) != 35 || len(slices) != 6*7 {
					t.Fatalf("%d ledger rows, %d grants, %d events, %d slices", len(rows), len(grants), len(events), len(slices))
				}
				checkSums(t, rows, grants, events, slices)
				if customers := read(t, b, m, "customers"); len(customers) != 7 || customers[0]["metadata"] == "" {
					t.Errorf("customers %v", customers)
				}
			})
		}
	}
}

func checkSums(t *testing.T, rows, grants, events, slices []record) {
	t.Helper()
	ends := map[string]string{}
	for _, r := range rows {
		ends[r["customer_id"]] = r["end_balance"]
	}
	for customer, end := range ends {
		if got := sum(rows, "amount", func(r record) bool { return r["customer_id"] == customer }); got != dec(end) {
			t.Errorf("the ledger of %s adds up to %s, its balance is %s", customer, got, end)
		}
	}
	known := 0
	for _, g := range grants {
		of := func(r record) bool { return r["credit_grant_id"] == g["id"] }
		if got := sum(rows, "amount", of); got != dec(g["remaining_amount"]) {
			t.Errorf("the ledger of grant %s adds up to %s, it has %s", g["id"], got, g["remaining_amount"])
		}
		for _, r := range rows {
			if of(r) {
				known++
			}
		}
	}
	if known != len(rows) {
		t.Errorf("%d of %d ledger rows have a grant", known, len(rows))
	}
	for _, e := range events {
		of := func(r record) bool { return r["event_id"] == e["id"] }
		for _, s := range slices {
			if of(s) && sum(slices, "partial_cost", of) != dec(s["total_cost"]) {
				t.Errorf("event %s costs %s, its slices %s", e["id"], s["total_cost"], sum(slices, "partial_cost", of))
			}
		}
	}
}

func TestExportDefusesFormulas(t *testing.T) {
	// What a spreadsheet would run is defused in CSV, and exact in the other formats; numbers stay numbers.
	t.Parallel()
	w := setup(t, store.Options{Dir: t.TempDir()})
	w.live()
	for format, want := range map[export.Format]string{export.CSV: "'=1+1", export.NDJSON: "=1+1", export.Parquet: "=1+1"} {
		_, b := folder(t)
		m := w.export(b, format)
		if got := read(t, b, m, "credit_types")[0]["display_name"]; got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
		for _, r := range read(t, b, m, "credit_ledger") {
			if strings.HasPrefix(r["amount"], "'") {
				t.Errorf("%s: the amount %q", format, r["amount"])
			}
		}
	}
}

func TestExportIsIncremental(t *testing.T) {
	// A second run holds what is new, and grants that changed; a third has nothing; and one since a cursor repeats.
	t.Parallel()
	w := setup(t, store.Options{Dir: t.TempDir()})
	w.live()
	w.now.Add(120_000_000) // past the overlap, within which the catalogue's rows come again
	_, b := folder(t)
	first := w.export(b, export.NDJSON)
	w.now.Add(300_000_000)
	_, err := w.Consume(t.Context(), env, by, credits.Consumption{Customer: "c3", CreditType: "credits", Amount: dec("1"), Key: "new"})
	w.must(err)
	_, err = w.UpdateCustomer(t.Context(), env, by.Actor, "c2", credits.CustomerUpdate{Name: credits.Set("New")})
	w.must(err)
	w.now.Add(120_000_000)
	second := w.export(b, export.NDJSON)
	if second.Since != first.Cursor {
		t.Errorf("the second run began at %s, the first ended at %s", second.Since, first.Cursor)
	}
	for table, want := range map[string]int{"credit_ledger": 1, "usage_events": 1, "credit_consumption": 1, "credit_grants": 1, "customers": 1, "credit_types": 0} {
		if got := read(t, b, second, table); len(got) != want {
			t.Errorf("%s: %d new rows, want %d: %v", table, len(got), want, got)
		}
	}
	w.now.Add(300_000_000)
	if third := w.export(b, export.NDJSON); third.Rows() != 0 {
		t.Errorf("nothing happened, and the run has %d rows", third.Rows())
	}
	since, err := export.ParseCursor(first.Cursor)
	w.must(err)
	_, other := folder(t)
	again := w.export(other, export.NDJSON, func(o *export.Options) { o.Since = &since })
	if fmt.Sprint(read(t, other, again, "credit_ledger")) != fmt.Sprint(read(t, b, second, "credit_ledger")) {
		t.Error("the same way gives other rows")
	}
}

func TestExportSubsetsAreSeriesOfTheirOwn(t *testing.T) {
	// A run of some tables does not move the cursor of the others.
	t.Parallel()
	w := setup(t, store.Options{Dir: t.TempDir()})
	w.live()
	_, b := folder(t)
	part := w.export(b, export.CSV, func(o *export.Options) { o.Tables = []string{"usage_events"} })
	if len(part.Tables) != 1 || part.Rows() != 35 {
		t.Errorf("the part is %+v", part)
	}
	if all := w.export(b, export.CSV); len(read(t, b, all, "usage_events")) != 35 {
		t.Error("the whole lacks what the part had")
	}
}

// failing is a Bucket that fails after so many files.
type failing struct {
	export.Bucket
	left int
}

var errFull = errors.New("full")

func (f *failing) Create(ctx context.Context, name string) (export.File, error) {
	if f.left--; f.left < 0 {
		return nil, errFull
	}
	return f.Bucket.Create(ctx, name)
}

// files reads a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		all[strings.TrimPrefix(name, dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExportResumes(t *testing.T) {
	// A run that fails at any file is completed by the next, whatever happened meanwhile: what is there keeps its bytes, and
	// everything is named by a manifest once.
	t.Parallel()
	for _, format := range export.Formats() {
		for left := 0; ; left++ {
			w := setup(t, store.Options{Dir: t.TempDir()})
			w.live()
			dir, b := folder(t)
			_, err := export.Run(t.Context(), w.source, &failing{b, left}, export.Options{Environment: env, Format: format})
			if err == nil {
				break
			}
			if !errors.Is(err, errFull) {
				t.Fatal(err)
			}
			before := files(t, dir)
			w.now.Add(120_000_000)
			_, err = w.Consume(t.Context(), env, by, credits.Consumption{Customer: "c3", CreditType: "credits", Amount: dec("1"), Key: "new"})
			w.must(err)
			_, err = w.UpdateCustomer(t.Context(), env, by.Actor, "c2", credits.CustomerUpdate{Name: credits.Set("New")})
			w.must(err)
			m := w.export(b, format)
			after := files(t, dir)
			for name, data := range before {
				if !strings.Contains(name, "/plans/") && after[name] != data {
					t.Errorf("%s after %d files: %s was changed", format, left, name)
				}
			}
			rows := len(read(t, b, m, "credit_ledger")) + len(read(t, b, w.export(b, format), "credit_ledger"))
			if rows != 50 {
				t.Errorf("%s after %d files: %d ledger rows", format, left, rows)
			}
			for name := range files(t, dir) {
				if strings.Contains(name, "partial") || strings.Contains(name, "/plans/") {
					t.Errorf("%s is left", name)
				}
			}
			if left > 14 {
				t.Fatal("it never ends")
			}
		}
	}
}

func TestExportRefusals(t *testing.T) {
	// What cannot be meant is refused before anything is written.
	t.Parallel()
	w := setup(t, store.Options{Dir: t.TempDir()})
	dir, b := folder(t)
	ahead := export.Cursor{Positions: engine.Cut{engine.NewPosition(0, 1<<40)}}
	for name, o := range map[string]export.Options{
		"format":      {Environment: env, Format: "xls"},
		"table":       {Environment: env, Format: export.CSV, Tables: []string{"secrets"}},
		"environment": {Environment: "../x", Format: export.CSV},
		"cursor":      {Environment: env, Format: export.CSV, Since: &ahead},
	} {
		_, err := export.Run(t.Context(), w.source, b, o)
		if !errors.Is(err, export.ErrBadOptions) && !errors.Is(err, export.ErrBadCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"x", "e30x", strings.Repeat("A", 100)} {
		if _, err := export.ParseCursor(text); err == nil {
			t.Errorf("%q is taken for a cursor", text)
		}
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("files %v", slices.Collect(maps.Keys(left)))
	}
}

func TestFolderIsConfined(t *testing.T) {
	// Neither dots nor links lead out of the folder that the operator allowed.
	t.Parallel()
	parent, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(parent, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"..", "../x", "a/../../x", "/x", "link", "link/x"} {
		if b, err := export.OpenFolderIn(parent, name); err == nil {
			_ = b.Close()
			t.Errorf("%q was opened", name)
		}
	}
	b, err := export.OpenFolderIn(parent, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for _, name := range []string{"../x", "../../x", "/x"} {
		if f, err := b.Create(t.Context(), name); err == nil {
			f.Abort()
			t.Errorf("%q was created", name)
		}
	}
	if left := files(t, outside); len(left) > 0 {
		t.Errorf("outside are %v", left)
	}
}

func TestExportToS3(t *testing.T) {
	// The same run writes the same bytes to an object store, under a path, and goes on from its manifest there.
	backend := s3mem.New()
	server := httptest.NewServer(gofakes3.New(backend).Server())
	defer server.Close()
	if err := backend.CreateBucket("warehouse"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	address := "s3://warehouse/scrip/daily?region=us-east-1&use_path_style=true&endpoint=" + server.URL
	if err := export.CheckS3(address); err != nil {
		t.Fatal(err)
	}
	bucket, err := export.OpenS3(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bucket.Close() }()
	w := setup(t, store.Options{Dir: t.TempDir()})
	w.live()
	_, local := folder(t)
	there, here := w.export(bucket, export.Parquet), w.export(local, export.Parquet)
	if fmt.Sprint(there) != fmt.Sprint(here) {
		t.Errorf("there %+v\nhere %+v", there, here)
	}
	if rows := read(t, bucket, there, "credit_ledger"); len(rows) != 49 {
		t.Errorf("%d ledger rows", len(rows))
	}
	if again := w.export(bucket, export.Parquet); again.Rows() > 49 || again.Since != there.Cursor {
		t.Errorf("again from %q: %d rows", again.Since, again.Rows())
	}
	for _, bad := range []string{"http://x", "s3://", "s3://u:p@bucket", "s3://b/a/../c", "s3://b?profile=x", "s3://b#f", "::"} {
		if export.CheckS3(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

// warehouseVariable names a folder to export to for test/duckdb, which another process reads.
const warehouseVariable = "SCRIP_EXPORT_TO"

func TestExportForWarehouse(t *testing.T) {
	// What make duckdb reads: two runs, between which grants changed.
	dir := os.Getenv(warehouseVariable)
	if dir == "" {
		t.Skip(warehouseVariable + " names no folder")
	}
	w := setup(t, store.Options{Dir: t.TempDir()})
	w.live()
	b, err := export.OpenFolder(dir)
	w.must(err)
	defer func() { _ = b.Close() }()
	w.export(b, export.Parquet)
	w.now.Add(2 * 3600_000_000)
	_, err = w.Sweep(t.Context(), env)
	w.must(err)
	_, err = w.Consume(t.Context(), env, by, credits.Consumption{Customer: "c3", CreditType: "credits", Amount: dec("0.000000001"), Key: "new"})
	w.must(err)
	w.export(b, export.Parquet)
}
