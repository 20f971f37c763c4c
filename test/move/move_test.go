package move

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

// What `scrip replay` sets up, and its recording.
const (
	creditType = "replay-credits"
	eventName  = "llm.request"
	busiest    = "replay-1" // has used far more than it was granted
	quiet      = "replay-150"
	recording  = "../../testdata/azure-llm-inference-2023-code.csv"
)

const waitMax = 30 * time.Second

func TestMovedDatabasesAreTheSame(t *testing.T) {
	// From SQLite to PostgreSQL and back: verify says the same of all three, down to the digest, and on each copy every
	// read answers the same, old keys are duplicates, cursors go on, and a new event continues the chain of its pool.
	t.Parallel()
	path, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	source := process.Options{Path: path, Data: t.TempDir(), Key: process.APIKey}
	used := use(t, source)
	there := process.Options{Path: path, URL: postgres.Database(t), Key: process.APIKey}
	back := process.Options{Path: path, Data: t.TempDir(), Key: process.APIKey}

	want := verify(t, source)
	copyOver(t, path, source.Data, there.URL)
	copyOver(t, path, there.URL, back.Data)
	for name, o := range map[string]process.Options{"PostgreSQL": there, "SQLite again": back} {
		if diff := cmp.Diff(want, verify(t, o)); diff != "" {
			t.Errorf("verify on %s (-source +copy):\n%s", name, diff)
		}
		used.compare(t, name, o)
		if verify(t, o) == want {
			t.Errorf("%s: a new event has not changed the digest", name)
		}
	}
	if got := verify(t, source); got != want {
		t.Errorf("the source has changed:\n%s", got)
	}
}

// usage is what a database was used for, and what its server answered.
type usage struct {
	production string // key of the second environment
	answers    map[string]string
	grant      object // made under an idempotency key
	cursor     string // of the second page of the busiest ledger
	second     string // that page
}

var (
	development = []string{busiest, "replay-2", quiet}
	production  = []string{"acme"}
)

// use starts a server on a new database, does everything with it that leaves a trace, and stops it.
func use(t *testing.T, o process.Options) *usage {
	t.Helper()
	server := serve(t, o)
	u := &usage{production: wordAfter(t, server.Said, "API key of env_prod, shown this once: ")}
	replay(t, o, server.URL)
	dev := &client{t, server.URL, process.APIKey}
	u.grant = object{"customerId": quiet, "currencyId": creditType, "amount": 7, "displayName": "Keyed", "grantType": "PROMOTIONAL"}
	dev.send("POST", "credits/grants", u.grant, "grant-key")
	dev.post("credits/grants", object{
		"customerId": quiet, "currencyId": creditType, "amount": 11, "displayName": "Short", "grantType": "PROMOTIONAL",
		"expireAt": time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano),
	})
	dev.report("unknown", eventName, "nobody")
	hold(dev, quiet)

	prod := &client{t, server.URL, u.production}
	prod.post("credits/custom-currencies", object{"id": creditType, "displayName": "Other"})
	prod.post("customers", object{"id": "acme", "name": "Acme"})
	prod.post("credits/grants", object{"customerId": "acme", "currencyId": creditType, "amount": 100, "displayName": "Welcome", "grantType": "PROMOTIONAL"})
	hold(prod, "acme")
	waitForExpiry(t, dev)

	u.answers = u.read(t, server.URL)
	if len(read[page](t, u.answers[quarantine]).Data) != 1 {
		t.Errorf("no event waits in quarantine: %s", u.answers[quarantine])
	}
	first := read[page](t, dev.get(ledgerOf(busiest)))
	u.cursor = *first.Pagination.Next
	u.second = dev.get(ledgerOf(busiest) + "&after=" + u.cursor)
	stop(t, server)
	return u
}

func ledgerOf(customer string) string {
	return "credits/ledger?limit=20&customerId=" + customer + "&currencyId=" + creditType
}

// hold leaves one reservation open and settles another.
func hold(c *client, customer string) {
	c.t.Helper()
	for _, id := range []string{"open", "settled"} {
		c.post("credits/reservations", object{"customerId": customer, "currencyId": creditType, "reservationId": id, "amount": 3})
	}
	c.post("credits/reservations/settled/settle", object{"customerId": customer, "currencyId": creditType, "amount": 2})
}

// waitForExpiry waits until the sweep has posted that the short grant ended.
func waitForExpiry(t *testing.T, c *client) {
	t.Helper()
	for end := time.Now().Add(waitMax); !strings.Contains(c.get(ledgerOf(quiet)), "CREDITS_EXPIRED"); {
		if time.Now().After(end) {
			t.Fatalf("no expiry in %s", c.get(ledgerOf(quiet)))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (u *usage) read(t *testing.T, base string) map[string]string {
	t.Helper()
	answers := (&client{t, base, process.APIKey}).everything(development)
	for path, answer := range (&client{t, base, u.production}).everything(production) {
		answers["production: "+path] = answer
	}
	return answers
}

// compare uses a copy and leaves one event more in it.
func (u *usage) compare(t *testing.T, name string, o process.Options) {
	t.Helper()
	server := serve(t, o)
	defer stop(t, server)
	if diff := cmp.Diff(u.answers, u.read(t, server.URL)); diff != "" {
		t.Errorf("%s answers differently (-source +copy):\n%s", name, diff)
	}
	dev := &client{t, server.URL, process.APIKey}
	if second := dev.get(ledgerOf(busiest) + "&after=" + u.cursor); second != u.second {
		t.Errorf("%s: the cursor led to\n%s\nwant\n%s", name, second, u.second)
	}
	if out := replay(t, o, server.URL); !strings.Contains(out, "new             0\n") {
		t.Errorf("%s: the keys of old events are not known:\n%s", name, out)
	}
	dev.send("POST", "credits/grants", u.grant, "grant-key")
	if path := "credits/balances?limit=50&customerId=" + quiet; u.answers[path] != dev.get(path) {
		t.Errorf("%s: an old key has acted again", name)
	}
	before := read[page](t, dev.get(ledgerOf(busiest))).Data[0]
	dev.report(busiest, eventName, "after the move")
	rows := read[page](t, dev.get(ledgerOf(busiest))).Data
	oldest := 0
	for oldest < len(rows) && rows[oldest]["seq"] != before["seq"] {
		oldest++
	}
	if oldest == 0 || oldest == len(rows) || rows[oldest]["hash"] != before["hash"] {
		t.Errorf("%s: the new event's rows do not follow the last one of the source:\n%v\n%v", name, before, rows)
	}
}

func serve(t *testing.T, o process.Options) *process.Server {
	t.Helper()
	server, err := process.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Kill() })
	ctx, cancel := context.WithTimeout(t.Context(), waitMax)
	defer cancel()
	if _, err := server.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return server
}

func stop(t *testing.T, server *process.Server) {
	t.Helper()
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, o process.Options, args ...string) string {
	t.Helper()
	out, err := process.Run(t.Context(), o, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func replay(t *testing.T, o process.Options, url string) string {
	t.Helper()
	return run(t, o, "replay", recording, "--url", url)
}

func verify(t *testing.T, o process.Options) string {
	t.Helper()
	text, err := process.Verify(t.Context(), o)
	if err != nil || !strings.Contains(text, "\ndigest ") {
		t.Fatalf("verify: %v\n%s", err, text)
	}
	return text
}

func copyOver(t *testing.T, path, from, to string) {
	t.Helper()
	t.Log(strings.TrimSpace(run(t, process.Options{Path: path}, "copy", "--from", from, "--to", to)), fmt.Sprintf("(%.4s to %.4s)", from, to))
}
