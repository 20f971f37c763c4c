package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const smallTrace = "TIMESTAMP,ContextTokens,GeneratedTokens\n" +
	"2023-11-16 18:17:03.9799600,4808,10\n" +
	"2023-11-16 18:17:04,3180,8\n" +
	"2023-11-16 18:17:03.5,0,27\n"

func TestTraceIsRead(t *testing.T) {
	// Rows keep their order, tokens and exact times, and the digest is that of the file.
	t.Parallel()
	name := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(name, []byte(smallTrace), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readTrace(name)
	if err != nil {
		t.Fatal(err)
	}
	want := &trace{digest: traceDigest([]byte(smallTrace)), rows: []traceRow{
		{1, time.Date(2023, 11, 16, 18, 17, 3, 979960000, time.UTC), 4808, 10},
		{2, time.Date(2023, 11, 16, 18, 17, 4, 0, time.UTC), 3180, 8},
		{3, time.Date(2023, 11, 16, 18, 17, 3, 500000000, time.UTC), 0, 27},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(trace{}, traceRow{})); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
}

func TestTraceRefusals(t *testing.T) {
	// A file that is not a recording is refused with its line.
	t.Parallel()
	header := "TIMESTAMP,ContextTokens,GeneratedTokens\n"
	tests := map[string]struct{ text, want string }{
		"empty":         {"", "header"},
		"other_header":  {"time,in,out\n", "header"},
		"no_rows":       {header, "no rows"},
		"bad_time":      {header + "2023-11-16 18:17:03,1,2\nyesterday,1,2\n", "line 3"},
		"negative":      {header + "2023-11-16 18:17:03,-1,2\n", "line 2"},
		"fraction":      {header + "2023-11-16 18:17:03,1,2.5\n", "line 2"},
		"missing_field": {header + "2023-11-16 18:17:03,1\n", "line 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseTrace(strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not say %q", err, test.want)
			}
		})
	}
}

func TestShiftMovesTheLatestToNow(t *testing.T) {
	// The latest row, not the last one, is at now; distances between rows stay; everything else of an event is the same.
	t.Parallel()
	now := time.Date(2026, 3, 10, 15, 30, 0, 123456789, time.UTC)
	shifted := func(by time.Duration) []replayEvent {
		rows, err := parseTrace(strings.NewReader(smallTrace))
		if err != nil {
			t.Fatal(err)
		}
		tr := &trace{rows: rows, digest: "d"}
		tr.shift(now.Add(by))
		return tr.events(tr.rows, newZipf(1, 3))
	}
	first, second := shifted(0), shifted(time.Hour)
	if first[1].Timestamp != "2026-03-10T15:30:00.123456Z" || first[2].Timestamp != "2026-03-10T15:29:59.623456Z" {
		t.Errorf("times %s, %s", first[1].Timestamp, first[2].Timestamp)
	}
	for i := range first {
		if first[i].Timestamp == second[i].Timestamp {
			t.Errorf("event %d has not moved", i)
		}
		second[i].Timestamp = first[i].Timestamp
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("events of two runs differ by more than their times:\n%s", diff)
	}
	if first[2].IdempotencyKey != "d-3" || first[2].Dimensions["output_tokens"] != 27 || first[2].Dimensions["total_tokens"] != 27 {
		t.Errorf("third event: %+v", first[2])
	}
}

func TestZipfDraw(t *testing.T) {
	// The draw is fixed by its seed, stays within the customers, and the first customer gets about its share.
	t.Parallel()
	draw := newZipf(1, 200)
	counts := make(map[int]int)
	for row := 1; row <= 8819; row++ {
		k := draw.customer(row)
		if k < 1 || k > 200 || k != newZipf(1, 200).customer(row) {
			t.Fatalf("row %d: customer %d", row, k)
		}
		counts[k]++
	}
	// The sum of 1/k for k to 200 is 5.88: the first customer should get 1,500 rows, the second 750.
	if counts[1] < 1350 || counts[1] > 1650 || counts[2] < 650 || counts[2] > 850 {
		t.Errorf("first customers: %d, %d rows", counts[1], counts[2])
	}
	if newZipf(7, 1).customer(5) != 1 {
		t.Error("one customer must get every row")
	}
}

func TestReplayRefusesBadFlags(t *testing.T) {
	// Flags that cannot work are refused before the server is called.
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"no_key":             {nil, "API key"},
		"no_customers":       {[]string{"--api-key=k", "--customers=0"}, "--customers"},
		"too_many_customers": {[]string{"--api-key=k", "--customers=10001"}, "--customers"},
		"no_batch":           {[]string{"--api-key=k", "--batch=0"}, "--batch"},
		"too_large_batch":    {[]string{"--api-key=k", "--batch=1001"}, "--batch"},
		"no_file":            {[]string{"--api-key=k"}, "absent.csv"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, noVariables, append([]string{"replay", "absent.csv"}, test.args...)...)
			if got.Code != exitFailed || !strings.Contains(got.Stderr, test.want) {
				t.Errorf("exit code %d, stderr %q; want %q", got.Code, got.Stderr, test.want)
			}
		})
	}
}

func TestReplayHelpStatesTheRules(t *testing.T) {
	// The help says how customers are drawn and what is charged, so that the figures can be computed again.
	t.Parallel()
	got := execute(t, noVariables, "replay", "--help")
	for _, text := range []string{"SHA-256", "Zipf", replayFormula, replayPlan, "modulo", "SCRIP_API_KEY"} {
		if !strings.Contains(strings.Join(strings.Fields(got.Stdout), " "), text) {
			t.Errorf("help does not mention %q:\n%s", text, got.Stdout)
		}
	}
}

// fakeAPI answers the calls of a replay as a server would that has never seen the data, or always has.
type fakeAPI struct {
	mu     sync.Mutex
	seen   map[string]bool // ids and keys
	fail   []int           // statuses to answer the next event batches with
	bodies map[string][]string
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	f.bodies[r.Method+" "+r.URL.Path] = append(f.bodies[r.Method+" "+r.URL.Path], string(body))
	switch {
	case r.Header.Get("X-API-KEY") != "secret":
		answer(w, http.StatusUnauthorized, object{"code": "Unauthenticated", "message": "no"})
	case r.URL.Path == "/api/v1/events/report":
		f.report(w, body)
	case r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/publish") && !strings.HasSuffix(r.URL.Path, "/grants"):
		f.create(w, r, body)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/plans/"):
		status := "DRAFT"
		if f.seen["published"] {
			status = "PUBLISHED"
		}
		answer(w, http.StatusOK, object{"data": object{"status": status}})
	case r.Method == http.MethodGet:
		var meter any
		if f.seen["PATCH "+r.URL.Path] {
			meter = object{}
		}
		answer(w, http.StatusOK, object{"data": object{"meter": meter}})
	default:
		f.seen[r.Method+" "+r.URL.Path] = true
		if strings.HasSuffix(r.URL.Path, "/publish") {
			f.seen["published"] = true
		}
		answer(w, http.StatusOK, object{"data": object{}})
	}
}

func (f *fakeAPI) create(w http.ResponseWriter, r *http.Request, body []byte) {
	var named struct{ ID string }
	_ = json.Unmarshal(body, &named)
	id := r.URL.Path + "/" + named.ID
	if f.seen[id] {
		answer(w, http.StatusConflict, object{"code": "DuplicatedEntityNotAllowed", "message": "taken"})
		return
	}
	f.seen[id] = true
	answer(w, http.StatusCreated, object{"data": object{"id": named.ID}})
}

func (f *fakeAPI) report(w http.ResponseWriter, body []byte) {
	if len(f.fail) > 0 {
		status := f.fail[0]
		f.fail = f.fail[1:]
		answer(w, status, object{"code": "Unavailable", "message": "later"})
		return
	}
	var batch struct{ Events []replayEvent }
	_ = json.Unmarshal(body, &batch)
	var results []object
	for _, e := range batch.Events {
		results = append(results, object{
			"status": "RATED", "duplicate": f.seen[e.IdempotencyKey], "mismatch": false, "reason": nil,
			"burns": []object{{"cost": 0.5}, {"cost": json.Number("0.000000001")}},
		})
		f.seen[e.IdempotencyKey] = true
	}
	answer(w, http.StatusOK, object{"data": results})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// replaying runs a replay of smallTrace against a fake.
func replaying(t *testing.T, api *fakeAPI) outcome {
	t.Helper()
	server := httptest.NewServer(api)
	defer server.Close()
	name := filepath.Join(t.TempDir(), "trace.csv")
	if err := os.WriteFile(name, []byte(smallTrace), 0o600); err != nil {
		t.Fatal(err)
	}
	env := variables(map[string]string{"SCRIP_API_KEY": "secret"})
	return execute(t, env, "replay", name, "--url", server.URL+"/", "--customers=3", "--batch=2")
}

func TestReplaySendsOnce(t *testing.T) {
	// A second run finds everything set up, sends the same keys, and counts duplicates instead of credits.
	t.Parallel()
	api := &fakeAPI{seen: map[string]bool{}, bodies: map[string][]string{}}
	first := replaying(t, api)
	if first.Code != exitDone || !strings.Contains(first.Stdout, "new             3\n") ||
		!strings.Contains(first.Stdout, "credits burned  1.500000003\n") {
		t.Fatalf("first run: %+v", first)
	}
	if got := len(api.bodies["POST /api/v1/events/report"]); got != 2 {
		t.Errorf("%d batches, want 2", got)
	}
	api.bodies = map[string][]string{}
	second := replaying(t, api)
	if second.Code != exitDone || !strings.Contains(second.Stdout, "new             0\n") ||
		!strings.Contains(second.Stdout, "duplicates      3\n") || !strings.Contains(second.Stdout, "credits burned  0\n") {
		t.Errorf("second run: %+v", second)
	}
	for call := range api.bodies {
		if strings.HasPrefix(call, http.MethodPatch) || strings.HasSuffix(call, "/publish") {
			t.Errorf("the second run changed something: %s", call)
		}
	}
}

func TestReplayRepeatsWhatMayPass(t *testing.T) {
	// 429 and 503 are repeated with the same body; other refusals end the call at once; a stopped context ends it too.
	t.Parallel()
	api := &fakeAPI{seen: map[string]bool{}, bodies: map[string][]string{}, fail: []int{503, 429, 400}}
	server := httptest.NewServer(api)
	defer server.Close()
	client := newReplayClient(server.URL, "secret")
	var waited int
	client.wait = func(ctx context.Context, _ time.Duration) error {
		waited++
		return ctx.Err()
	}
	events := []replayEvent{{IdempotencyKey: "k"}}
	if _, err := client.report(t.Context(), events); err == nil || !strings.Contains(err.Error(), "400 Unavailable: later") {
		t.Errorf("error %v", err)
	}
	sent := api.bodies["POST /api/v1/events/report"]
	if waited != 2 || len(sent) != 3 || sent[0] != sent[2] {
		t.Errorf("%d waits, bodies %q", waited, sent)
	}
	server.Close()
	waited = 0
	if _, err := client.report(t.Context(), events); err == nil || waited != replayAttemptsMax-1 {
		t.Errorf("without a server: %v after %d waits", err, waited)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waited = 0
	if _, err := client.report(ctx, events); err == nil || waited != 0 {
		t.Errorf("stopped: %v after %d waits", err, waited)
	}
}

func TestReplayTellsWhatWasNotPriced(t *testing.T) {
	// Events that were stored but not priced, or stored with other content, make the replay fail.
	t.Parallel()
	reason := "NoSubscription"
	tests := map[string]struct {
		result replayResult
		want   string
	}{
		"priced":   {replayResult{Status: "RATED"}, ""},
		"unmapped": {replayResult{Status: "UNMAPPED", Reason: &reason}, "NoSubscription"},
		"mismatch": {replayResult{Status: "RATED", Duplicate: true, Mismatch: true}, "other content"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sums replaySums
			sums.add([]replayResult{test.result})
			err := sums.check()
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
