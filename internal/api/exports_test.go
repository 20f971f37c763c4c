package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// fakeExporter notes what it was asked to export. Its operator has allowed folders.
type fakeExporter struct {
	mu   sync.Mutex
	runs []string
	fail bool
}

func (f *fakeExporter) Models() []credits.ExportModel {
	return []credits.ExportModel{{Group: "credits", ID: "credit_ledger", Title: "Credit ledger"}, {Group: "usage", ID: "usage_events", Title: "Usage events"}}
}

func (f *fakeExporter) Check(d *credits.ExportDestination) error {
	if d.Type != credits.ExportToFolder {
		return credits.Unprocessable("ExportNotAllowed", "destinationType", "not allowed")
	}
	if strings.Contains(d.Path, "..") {
		return credits.Invalid("path", "leads out")
	}
	return nil
}

func (f *fakeExporter) Export(_ context.Context, env string, d *credits.ExportDestination) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs = append(f.runs, fmt.Sprint(env, " ", d.ID, " ", d.Models))
	if f.fail {
		return 0, errors.New("secret address refused")
	}
	return 7, nil
}

const destinations = "/api/v1/data-export/destinations"

func TestExportDestinations(t *testing.T) {
	// A destination is exported to at once, then each hour, and when asked; its last run is shown, a failure without internals.
	t.Parallel()
	a := newTestAPI(t)
	exports := credits.Exports{Service: a.credits}
	run := func(want int) {
		t.Helper()
		if n, err := exports.Run(t.Context(), credits.EnvironmentDevelopment); n != want || (err != nil) != a.exporter.fail && want > 0 {
			t.Fatalf("%d runs, want %d; %v", n, want, err)
		}
	}
	a.ok("POST", destinations, `{"destinationId":"lake","destinationType":"FOLDER","enabledModels":["credit_ledger"],"path":"a/b","format":"csv"}`).
		want("data.destinations.0.destinationId", `"lake"`, "data.destinations.0.type", `"FOLDER"`, "data.destinations.0.lastSyncStatus", "")
	a.refused(409, "DuplicatedEntityNotAllowed", "destinationId", "POST", destinations, `{"destinationId":"lake","destinationType":"FOLDER"}`)
	run(1)
	run(0)
	a.ok("GET", destinations, "").want("data.destinations.0.lastSyncStatus.status", `"SUCCEEDED"`, "data.destinations.0.lastSyncStatus.rowsTransferred", "7",
		"data.destinations.0.everySeconds", "3600", "data.destinations.0.connectionStatus", `"connected"`)
	a.ok("PATCH", destinations+"/lake", `{"integrationId":"x","enabledModels":["usage_events"]}`).want("data.destinations.0.enabledModels.0", `"usage_events"`)
	id := a.ok("POST", "/api/v1/data-export/sync", `{"destinationId":"lake"}`).want("data.results.0.triggered", "true").text("data.results.0.transferId")
	a.exporter.fail = true
	if n, err := exports.Run(t.Context(), credits.EnvironmentDevelopment); err == nil || n != 0 {
		t.Errorf("a failed run: %d, %v", n, err)
	}
	failed := a.ok("GET", destinations, "").want("data.destinations.0.lastSyncStatus.transferId", `"`+id+`"`, "data.destinations.0.lastSyncStatus.status", `"FAILED"`,
		"data.destinations.0.connectionStatus", `"failed"`)
	if strings.Contains(string(failed.body), "secret") {
		t.Errorf("internals are shown: %s", failed.body)
	}
	a.exporter.fail = false
	run(0)
	a.clock.advance(time.Hour)
	run(1)
	a.ok("POST", "/api/v1/data-export/sync", "").want("data.results.0.destinationId", `"lake"`)
	run(1)
	for range 2 {
		a.ok("DELETE", destinations+"/lake", "").want("data.destinations", "[]")
	}
	a.clock.advance(time.Hour)
	run(0)
	if got := fmt.Sprint(a.exporter.runs); got != "[env_dev lake [credit_ledger] env_dev lake [usage_events] env_dev lake [usage_events] env_dev lake [usage_events]]" {
		t.Errorf("the runs were %s", got)
	}
}

func TestExportClaims(t *testing.T) {
	// What another node is at is left to it until its time is over, and its late end changes nothing.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", destinations, `{"destinationId":"lake","destinationType":"FOLDER"}`)
	now := ledger.Time(a.clock.Now().UnixMicro())
	claim := func() (fence int64, err error) {
		err = a.store.Update(t.Context(), func(tx credits.Tx) (err error) {
			fence, err = tx.ClaimExport(t.Context(), credits.EnvironmentDevelopment, "lake", now, now+60_000_000)
			return err
		})
		return fence, err
	}
	first, err := claim()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(); !errors.Is(err, credits.ErrMissing) {
		t.Errorf("claimed twice: %v", err)
	}
	exports := credits.Exports{Service: a.credits}
	if n, err := exports.Run(t.Context(), credits.EnvironmentDevelopment); n != 0 || err != nil {
		t.Errorf("%d runs beside another node; %v", n, err)
	}
	if at, err := exports.Next(t.Context(), credits.EnvironmentDevelopment); at != ledger.Never || err != nil {
		t.Errorf("due at %d; %v", at, err)
	}
	a.clock.advance(2 * time.Minute)
	if at, err := exports.Next(t.Context(), credits.EnvironmentDevelopment); at == ledger.Never || err != nil {
		t.Errorf("due at %d; %v", at, err)
	}
	if n, err := exports.Run(t.Context(), credits.EnvironmentDevelopment); n != 1 || err != nil {
		t.Errorf("%d runs; %v", n, err)
	}
	err = a.store.Update(t.Context(), func(tx credits.Tx) error {
		return tx.FinishExport(t.Context(), credits.EnvironmentDevelopment, "lake", first)
	})
	if !errors.Is(err, credits.ErrMissing) {
		t.Errorf("a stale claim ended: %v", err)
	}
}

func TestExportRefusals(t *testing.T) {
	// What the operator has not allowed, and what is no destination, is refused.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("GET", "/api/v1/data-export/models", "").want("data.groups.0.models.0.id", `"credit_ledger"`, "data.groups.1.id", `"usage"`)
	a.refused(422, "ExportNotAllowed", "destinationType", "POST", destinations, `{"destinationId":"d","destinationType":"S3"}`)
	for body, field := range map[string]string{
		`{"destinationId":"d","destinationType":"SNOWFLAKE"}`:                              "destinationType",
		`{"destinationId":"","destinationType":"FOLDER"}`:                                  "destinationId",
		`{"destinationId":"d","destinationType":"FOLDER","path":"../x"}`:                   "path",
		`{"destinationId":"d","destinationType":"FOLDER","format":"xls"}`:                  "format",
		`{"destinationId":"d","destinationType":"FOLDER","everySeconds":1}`:                "everySeconds",
		`{"destinationId":"d","destinationType":"FOLDER","everySeconds":9000000000000000}`: "everySeconds",
		`{"destinationId":"d","destinationType":"FOLDER","enabledModels":["secrets"]}`:     "enabledModels[0]",
	} {
		a.refused(400, "InvalidArgumentError", field, "POST", destinations, body)
	}
	a.refused(404, "ExportDestinationNotFound", "", "PATCH", destinations+"/d", `{"integrationId":"i"}`)
	a.refused(404, "ExportDestinationNotFound", "", "POST", "/api/v1/data-export/sync", `{"destinationId":"d"}`)
	a.send("POST", "/api/v1/data-export/scoped-token", `{"applicationOrigin":"https://x"}`).want("code", `"NotSupported"`)
}
