package rival

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pg "github.com/scrip-dev/scrip/test/postgres"
)

const testKey = "a key for tests that is long enough"

var testNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// form is a rival on one database.
type form struct {
	name       string
	onPostgres bool
}

// forms are the rivals that keep balances; those of them on PostgreSQL are skipped where there is none.
var forms = map[string]form{
	"usual": {Usual, false}, "batched": {Batched, false},
	"usual_postgres": {Usual, true}, "batched_postgres": {Batched, true}, "function_postgres": {Function, true},
}

// running is a rival that answers.
type running struct {
	url  string
	data Settings
	stop func()
}

// start serves a rival on fresh data; stop may be called early to look at it.
func start(t *testing.T, f form, c Content) *running {
	t.Helper()
	c.Now = func() time.Time { return testNow }
	if c.Events == nil {
		c.Events = func(func(Event) bool) {}
	}
	data := Settings{Name: f.name, Dir: t.TempDir(), APIKey: testKey, Now: c.Now}
	var err error
	switch {
	case f.onPostgres:
		data.URL = pg.Database(t)
		err = PreparePostgres(t.Context(), data.URL, c)
	case f.name != Floor:
		err = Prepare(t.Context(), data.Dir, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, data, listener) }()
	stopped := false
	r := &running{url: "http://" + listener.Addr().String(), data: data}
	r.stop = func() {
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// call sends one request and answers status and body.
func (r *running) call(t *testing.T, method, path, key, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-KEY", key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// try sends one request and fails unless the answer is 200.
func (r *running) try(method, path, body string) error {
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("X-API-KEY", testKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// report sends events that must be taken.
func (r *running) report(t *testing.T, events ...string) {
	t.Helper()
	status, answer := r.call(t, "POST", "/api/v1/events", testKey, `{"events":[`+strings.Join(events, ",")+`]}`)
	if status != http.StatusOK || strings.TrimSpace(answer) != `{"data":{}}` {
		t.Fatalf("answered %d %s", status, answer)
	}
}

func (r *running) totals(t *testing.T) Totals {
	t.Helper()
	var got Totals
	if _, answer := r.call(t, "GET", "/totals", testKey, ""); json.Unmarshal([]byte(answer), &got) != nil {
		t.Fatalf("answered %s", answer)
	}
	return got
}

// event is one event on the wire.
func event(customer, key string, units int) string {
	return fmt.Sprintf(`{"customerId":%q,"eventName":"llm.completion","idempotencyKey":%q,"timestamp":"2026-03-04T05:06:00.5Z",`+
		`"dimensions":{"model":"large","cached":true,"input_tokens":9,"output_tokens":%d}}`, customer, key, units)
}

// tables reads what a stopped usual service holds, a line per row.
func tables(t *testing.T, data Settings) map[string][]string {
	t.Helper()
	db, err := openDatabase(data.Dir, "FULL")
	if data.URL != "" {
		db, err = sql.Open("pgx", data.URL)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	queries := map[string]string{
		"grants":   `SELECT customer_id || ' ' || priority || ' ' || remaining FROM grants ORDER BY id`,
		"balances": `SELECT customer_id || ' ' || balance FROM balances ORDER BY 1`,
		"ledger":   `SELECT l.id || ' ' || e.idempotency_key || ' ' || coalesce(CAST(grant_id AS TEXT), 'none') || ' ' || l.amount || ' ' || balance_after FROM ledger l JOIN events e ON e.id = event_id ORDER BY l.id`,
		"usage":    `SELECT customer_id || ' ' || hour || ' ' || events || ' ' || units || ' ' || cost FROM usage_hourly ORDER BY 1`,
	}
	all := map[string][]string{}
	for name, query := range queries {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = lines(t, rows)
	}
	return all
}

func lines(t *testing.T, rows *sql.Rows) []string {
	t.Helper()
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUsualServiceBurns(t *testing.T) {
	// All forms deduplicate, burn grants in order, let a balance go negative, and keep ledger and rollup in step.
	t.Parallel()
	hour := time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC).UnixMicro()
	want := map[string][]string{
		"grants":   {"ann 0 0", "ann 1 0", "bob 0 0", "bob 1 15"},
		"balances": {"ann -10", "bob 15"},
		"ledger": {
			"1 a1 1 -6 24", "2 b1 3 -10 20", "3 b1 4 -1 19", "4 a2 1 -4 20", "5 a2 2 -3 17",
			"6 a3 2 -17 0", "7 a3 none -10 -10", "8 b2 4 -4 15",
		},
		"usage": {fmt.Sprintf("ann %d 3 40 40", hour), fmt.Sprintf("bob %d 2 15 15", hour)},
	}
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, f, Content{Customers: []string{"ann", "bob"}, Grants: []int64{10, 20}})
			r.report(t, event("ann", "a1", 6), event("bob", "b1", 11), event("ann", "a1", 6), event("ann", "a2", 7))
			r.report(t, event("ann", "a2", 7))
			r.report(t, event("ann", "a3", 27), event("bob", "b1", 11), event("bob", "b2", 4))
			r.stop()
			if diff := cmp.Diff(want, tables(t, r.data)); diff != "" {
				t.Errorf("tables (-want +got):\n%s", diff)
			}
		})
	}
}

// history is a fixed stream of events of a few customers.
func history(n int) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for i := range n {
			e := Event{
				Customer: fmt.Sprintf("c%d", i*7%5), Name: EventName, Key: fmt.Sprint("k", i), At: testNow,
				Dimensions: fmt.Sprintf(`{"output_tokens":%d}`, i%13+1), Units: int64(i%13 + 1),
			}
			if !yield(e) {
				return
			}
		}
	}
}

func TestPrepareWritesWhatRecordingWould(t *testing.T) {
	// Loaded events leave the same tables as events that came over HTTP, and their keys are known.
	t.Parallel()
	content := Content{Customers: []string{"c0", "c1", "c2", "c3", "c4"}, Grants: []int64{40, 1000}}
	var wire []string
	for e := range history(300) {
		wire = append(wire, fmt.Sprintf(`{"customerId":%q,"eventName":%q,"idempotencyKey":%q,"timestamp":%q,"dimensions":%s}`,
			e.Customer, e.Name, e.Key, e.At.Format(time.RFC3339), e.Dimensions))
	}
	for name, both := range map[string]struct{ recorded, loaded form }{
		"sqlite":   {form{Batched, false}, form{Usual, false}},
		"postgres": {form{Function, true}, form{Usual, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := content
			recorded := start(t, both.recorded, content)
			recorded.report(t, wire...)
			content.Events = history(300)
			loaded := start(t, both.loaded, content)
			loaded.report(t, wire...) // duplicates, all of them
			if diff := cmp.Diff(recorded.totals(t), loaded.totals(t)); diff != "" {
				t.Errorf("totals (-recorded +loaded):\n%s", diff)
			}
			recorded.stop()
			loaded.stop()
			if diff := cmp.Diff(tables(t, recorded.data), tables(t, loaded.data)); diff != "" {
				t.Errorf("tables (-recorded +loaded):\n%s", diff)
			}
		})
	}
}

// clientCount is how many clients there are together.
const clientCount = 8

// together runs clients at the same time, none of which may fail.
func together(t *testing.T, do func(client int) error) {
	t.Helper()
	failures := make(chan error, clientCount)
	for client := range clientCount {
		go func() { failures <- do(client) }()
	}
	for range clientCount {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func TestCallersOfOneCustomerTakeTurns(t *testing.T) {
	// Requests about the same customers at the same time neither wait for each other nor lose an event.
	t.Parallel()
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, f, Content{Customers: []string{"ann", "bob"}, Grants: []int64{100, 200}})
			together(t, func(client int) error {
				var err error
				for i := range 10 {
					first := event([]string{"ann", "bob"}[client%2], fmt.Sprintf("first-%d-%d", client, i), 2)
					second := event([]string{"bob", "ann"}[client%2], fmt.Sprintf("second-%d-%d", client, i), 3)
					err = errors.Join(err, r.try("POST", "/api/v1/events", `{"events":[`+first+","+second+`]}`))
				}
				return err
			})
			if got, want := r.totals(t), (Totals{Events: 160, Consumed: 400}); got != want {
				t.Errorf("totals %+v, want %+v", got, want)
			}
		})
	}
}

func TestFloorKeepsEveryEvent(t *testing.T) {
	// What the floor acknowledged stands in its file, also when many callers share a sync.
	t.Parallel()
	r := start(t, form{name: Floor}, Content{})
	together(t, func(client int) error {
		var err error
		for i := range 20 {
			err = errors.Join(err, r.try("POST", "/api/v1/events", `{"events":[`+event("ann", fmt.Sprintf("key-%d-%d", client, i), 3)+`]}`))
		}
		return err
	})
	if got, want := r.totals(t), (Totals{Events: 160, Consumed: 480}); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
	r.stop()
	text, err := os.ReadFile(filepath.Join(r.data.Dir, "floor.log"))
	if err != nil {
		t.Fatal(err)
	}
	for client := range clientCount {
		for i := range 20 {
			if key := fmt.Sprintf("\x00key-%d-%d\x00", client, i); !strings.Contains(string(text), key) {
				t.Errorf("%q is not in the file", key)
			}
		}
	}
}

func TestRivalsRefuse(t *testing.T) {
	// A wrong key or a broken body is refused and changes nothing.
	t.Parallel()
	tests := map[string]struct {
		key, body string
		want      int
	}{
		"wrong_key":   {"guess", `{"events":[` + event("ann", "k", 1) + `]}`, http.StatusUnauthorized},
		"no_json":     {testKey, `{"events":[`, http.StatusBadRequest},
		"no_events":   {testKey, `{"events":[]}`, http.StatusBadRequest},
		"no_customer": {testKey, `{"events":[` + event("", "k", 1) + `]}`, http.StatusBadRequest},
		"no_key":      {testKey, `{"events":[` + event("ann", "", 1) + `]}`, http.StatusBadRequest},
		"text_units":  {testKey, strings.Replace(`{"events":[`+event("ann", "k", 1)+`]}`, `:1}`, `:"1"}`, 1), http.StatusBadRequest},
	}
	all := maps.Clone(forms)
	all["floor"] = form{name: Floor}
	for name, f := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, f, Content{Customers: []string{"ann"}, Grants: []int64{10}})
			for what, test := range tests {
				if f.name == Floor && what == "text_units" {
					continue // it keeps what it is told and charges for numbers only
				}
				if got, answer := r.call(t, "POST", "/api/v1/events", test.key, test.body); got != test.want {
					t.Errorf("%s answered %d %s, want %d", what, got, answer, test.want)
				}
			}
			if got := r.totals(t); got != (Totals{}) {
				t.Errorf("it holds %+v", got)
			}
		})
	}
}

func TestUnknownCustomersAreRefused(t *testing.T) {
	// An event of nobody is refused with everything that came with it, and the service goes on.
	t.Parallel()
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, f, Content{Customers: []string{"ann"}, Grants: []int64{10}})
			if err := r.try("POST", "/api/v1/events", `{"events":[`+event("ann", "a", 1)+","+event("eve", "e", 1)+`]}`); err == nil {
				t.Error("it was taken")
			}
			r.report(t, event("ann", "a", 2))
			if got, want := r.totals(t), (Totals{Events: 1, Consumed: 2}); got != want {
				t.Errorf("totals %+v, want %+v", got, want)
			}
		})
	}
}

func TestScannerReadsWhatDecodeReads(t *testing.T) {
	// The floor's scanner and the ordinary decoder find the same events, and fail on the same bodies.
	t.Parallel()
	plain := `{"events":[` + event("ann", "k1", 12) + `, ` + event("bob", "k2", 7) + "]}\n"
	for name, body := range map[string]string{
		"plain":         plain,
		"spaced":        strings.ReplaceAll(plain, ":", " :\t"),
		"escaped":       strings.Replace(plain, "ann", `\u0061nn`, 1),
		"other_member":  strings.Replace(plain, `"eventName"`, `"resourceId":null,"eventName"`, 1),
		"no_time":       strings.Replace(plain, "2026-03", "2026-99", 1),
		"fraction":      strings.Replace(plain, ":12}", ":1.5}", 1),
		"trailing":      plain + "x",
		"cut":           plain[:len(plain)-9],
		"empty":         "",
		"no_list":       `{"events":{}}`,
		"missing_comma": strings.Replace(plain, ", {", " {", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, wantErr := decode([]byte(body))
			var got []span
			if err := scan([]byte(body), &got); (err == nil) != (wantErr == nil) {
				t.Fatalf("scan: %v; decode: %v", err, wantErr)
			}
			if wantErr != nil {
				return
			}
			same := slices.EqualFunc(got, want, func(s span, e Event) bool {
				return string(s.customer) == e.Customer && string(s.name) == e.Name && string(s.key) == e.Key &&
					string(s.dimensions) == e.Dimensions && s.units == e.Units
			})
			if !same {
				t.Errorf("scan %+v, decode %+v", got, want)
			}
		})
	}
}
