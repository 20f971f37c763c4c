package replay

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// readyMax is how long the server may take to start; the machine may be busy.
const readyMax = 10 * time.Second

// snapshot is everything that a replay may change, as text so that it can be compared.
type snapshot map[string]string

func TestReplayAccountsForEveryCredit(t *testing.T) {
	// After a replay of the recording, the total, each balance, each ledger and each hour of each usage series equal an
	// independent exact computation to the last digit; the same file replayed again changes nothing; verify agrees.
	t.Parallel()
	path, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	options := process.Options{Path: path, Data: t.TempDir(), Key: process.APIKey}
	server := start(t, options)

	first := replay(t, options, server.URL)
	events := readRecording(t)
	accounts := accountsOf(events, first.last.Sub(events[len(events)-1].at))
	wantOutcome(t, "first run", first, summary{sent: len(events), fresh: len(events), burned: total(accounts)})
	r := &reader{t: t, base: server.URL}
	for customer, want := range accounts {
		r.compare(customer, want)
	}
	r.compareEvents("replay-1", accounts["replay-1"])
	r.compareEvents("replay-150", accounts["replay-150"])

	before := r.snapshot(accounts)
	second := replay(t, options, server.URL)
	wantOutcome(t, "second run", second, summary{sent: len(events), duplicates: len(events), burned: new(big.Rat)})
	if diff := cmp.Diff(before, r.snapshot(accounts)); diff != "" {
		t.Errorf("the second run changed something (-before +after):\n%s", diff)
	}

	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	verified, err := process.Verify(t.Context(), options)
	if err != nil {
		t.Errorf("verify: %v", err)
	}
	t.Logf("verify says: %s", verified)
}

// start starts a server that is killed at the end of the test if it still runs.
func start(t *testing.T, options process.Options) *process.Server {
	t.Helper()
	server, err := process.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Kill() })
	ctx, cancel := context.WithTimeout(t.Context(), readyMax)
	defer cancel()
	if _, err := server.WaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return server
}

// summary is what a replay printed.
type summary struct {
	sent, fresh, duplicates int

	burned *big.Rat
	last   time.Time
}

// summaryText finds the figures in what a replay prints.
var summaryText = regexp.MustCompile(`last event at (\S+)
  customers       200
  events sent     (\d+)
  new             (\d+)
  duplicates      (\d+)
  credits burned  (\S+)
`)

// replay runs the command and reads its summary.
func replay(t *testing.T, options process.Options, url string) summary {
	t.Helper()
	begun := time.Now()
	out, err := process.Run(t.Context(), options, "replay", recording, "--url", url)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := summaryText.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no summary in:\n%s", out)
	}
	t.Logf("replayed in %v", time.Since(begun).Round(time.Millisecond))
	s := summary{burned: new(big.Rat)}
	if s.last, err = time.Parse(time.RFC3339Nano, found[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(found[2]+" "+found[3]+" "+found[4], &s.sent, &s.fresh, &s.duplicates); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.burned.SetString(found[5]); !ok {
		t.Fatalf("credits burned: %s", found[5])
	}
	return s
}

func wantOutcome(t *testing.T, run string, got, want summary) {
	t.Helper()
	if got.sent != want.sent || got.fresh != want.fresh || got.duplicates != want.duplicates || got.burned.Cmp(want.burned) != 0 {
		t.Errorf("%s: sent %d, new %d, duplicates %d, burned %s; want %d, %d, %d, %s", run,
			got.sent, got.fresh, got.duplicates, got.burned.FloatString(9),
			want.sent, want.fresh, want.duplicates, want.burned.FloatString(9))
	}
}

func total(accounts map[string]*account) *big.Rat {
	sum := new(big.Rat)
	for _, a := range accounts {
		sum.Add(sum, a.burned)
	}
	return sum
}

// compare compares everything that is a sum of one customer.
func (r *reader) compare(customer string, want *account) {
	r.t.Helper()
	got := r.balance(customer)
	deficit := new(big.Rat)
	if want.balance().Sign() < 0 {
		deficit.Neg(want.balance())
	}
	r.equal(customer+" balance", got.Balance, want.balance())
	r.equal(customer+" available", got.Available, want.balance())
	r.equal(customer+" held", got.Held, new(big.Rat))
	r.equal(customer+" total consumed", got.TotalConsumed, want.burned)
	r.equal(customer+" total granted", got.TotalGranted, big.NewRat(granted, 1))
	r.equal(customer+" deficit", got.Deficit, deficit)
	check := r.check(customer)
	r.equal(customer+" remaining", check.Remaining, want.balance())
	r.equal(customer+" current usage", check.CurrentUsage, want.burned)
	if check.IsGranted != (want.balance().Sign() > 0) {
		r.t.Errorf("%s is granted: %v with a balance of %s", customer, check.IsGranted, want.balance().FloatString(9))
	}
	r.compareLedger(customer, got, want)
	r.compareUsage(customer, want)
}

func (r *reader) equal(what string, got exact, want *big.Rat) {
	r.t.Helper()
	if got.Rat == nil {
		r.t.Errorf("%s is null, want %s", what, want.FloatString(9))
	} else if got.Cmp(want) != 0 {
		r.t.Errorf("%s is %s, want %s", what, got.FloatString(9), want.FloatString(9))
	}
}

// compareLedger counts and adds up the rows, which a list gives newest first.
func (r *reader) compareLedger(customer string, balance balanceOf, want *account) {
	r.t.Helper()
	rows := r.ledger(customer)
	if len(rows) != want.rows || balance.Seq != want.rows {
		r.t.Errorf("%s has %d rows and its last has number %d; want %d", customer, len(rows), balance.Seq, want.rows)
	}
	sum := new(big.Rat)
	for i, row := range rows {
		sum.Add(sum, row.Amount.Rat)
		if row.Seq != len(rows)-i {
			r.t.Errorf("%s: row %d from the end has number %d", customer, i, row.Seq)
		}
	}
	r.equal(customer+" sum of the ledger", exact{sum}, want.balance())
}

// compareUsage compares every hour. Hours and features without usage may be listed as zero.
func (r *reader) compareUsage(customer string, want *account) {
	r.t.Helper()
	got := map[string]string{}
	for _, s := range r.usage(customer) {
		sum := new(big.Rat)
		for _, p := range s.Points {
			sum.Add(sum, p.Value.Rat)
			if p.EventCount > 0 || p.Value.Sign() != 0 {
				got[s.FeatureID+" "+p.Timestamp.UTC().Format(time.RFC3339)] = fmt.Sprintf("%s in %d", p.Value.FloatString(9), p.EventCount)
			}
		}
		r.equal(customer+" "+s.FeatureID+" total", s.TotalCredits, sum)
		if s.EventCount != len(want.events) && s.EventCount != 0 {
			r.t.Errorf("%s %s: %d events, want %d", customer, s.FeatureID, s.EventCount, len(want.events))
		}
	}
	expected := map[string]string{}
	for feature, hours := range want.hours {
		for hour, b := range hours {
			expected[feature+" "+hour.Format(time.RFC3339)] = fmt.Sprintf("%s in %d", b.value.FloatString(9), b.events)
		}
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		r.t.Errorf("%s usage (-want +got):\n%s", customer, diff)
	}
}

// compareEvents compares every single event of a customer, its time included.
func (r *reader) compareEvents(customer string, want *account) {
	r.t.Helper()
	got, expected := map[string]string{}, map[string]string{}
	for _, e := range r.events(customer) {
		costs := map[string]string{}
		for _, burn := range e.Burns {
			costs[burn.FeatureID] = burn.Cost.FloatString(9)
		}
		got[e.IdempotencyKey] = fmt.Sprint(e.Status, e.Timestamp.UTC().Format(time.RFC3339Nano), costs)
	}
	for _, e := range want.events {
		costs := map[string]string{}
		for feature, cost := range e.costs {
			costs[feature] = cost.FloatString(9)
		}
		// The recording has tenths of microseconds; times are kept in microseconds.
		at := e.at.Truncate(time.Microsecond).Format(time.RFC3339Nano)
		expected[e.key] = fmt.Sprint("RATED", at, costs)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		r.t.Errorf("%s events (-want +got):\n%s", customer, diff)
	}
}

// snapshot reads what a second replay must not change. The head of a ledger is a hash over all of it; events that burn
// nothing would show in the count of one customer.
func (r *reader) snapshot(accounts map[string]*account) snapshot {
	r.t.Helper()
	s := snapshot{"events": fmt.Sprint(len(r.events("replay-2")))}
	for customer := range accounts {
		b := r.balance(customer)
		s[customer+" pool"] = fmt.Sprint(b.Balance, b.TotalGranted, b.TotalConsumed, b.Seq, b.HeadHash)
		for _, used := range r.usage(customer) {
			s[customer+" "+used.FeatureID] = fmt.Sprint(used.TotalCredits, used.EventCount)
		}
	}
	return s
}
