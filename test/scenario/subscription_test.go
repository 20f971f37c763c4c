package scenario_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/api/contract"
	"github.com/scrip-dev/scrip/test/postgres"
	"github.com/scrip-dev/scrip/test/scenario"
	"github.com/scrip-dev/scrip/test/served"
)

// TestSubscriptionScenarios: plans, subscriptions and money do over HTTP what the golden examples say of them, while a tester
// moves the test clock; also when everything is forgotten and read again between any two commands.
func TestSubscriptionScenarios(t *testing.T) {
	t.Parallel()
	list, err := filepath.Glob("testdata/served/*.txt")
	if err != nil || len(list) < 9 {
		t.Fatalf("found %d files: %v", len(list), err)
	}
	for name, restart := range map[string]int{"listening": 0, "restarted": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := openListening(t)
			for _, path := range list {
				s, err := scenario.Load(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range s.Variants {
					t.Run(s.File+"/"+v.Name, func(t *testing.T) {
						if restart == 0 { // who restarts a server is alone with it
							t.Parallel()
						}
						for _, f := range server.play(t, s, v, restart) {
							t.Error(f)
						}
					})
				}
			}
		})
	}
}

// listening is a server that can be reached by its address.
type listening struct {
	*served.Server
	base string
}

func openListening(t *testing.T) *listening {
	t.Helper()
	opened, err := served.Open(served.Options{Database: postgres.Options(t), Contract: contract.New(t).Verify})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { finish(t, opened) })
	listener := httptest.NewServer(opened)
	t.Cleanup(listener.Close)
	return &listening{opened, listener.URL}
}

// play plays a variant in a world of its own and lists what did not come true.
func (l *listening) play(t *testing.T, s *scenario.Scenario, v scenario.Variant, restart int) []scenario.Failure {
	t.Helper()
	w, err := l.NewWorld(served.WorldOptions{Hand: true, Restart: restart, Base: l.base})
	if err != nil {
		t.Fatal(err)
	}
	failures, err := s.Play(v, w)
	if err != nil {
		t.Error(err)
	}
	return failures
}

// TestSubscriptionScenariosOnPostgres: and all of that on the other database.
func TestSubscriptionScenariosOnPostgres(t *testing.T) {
	t.Parallel()
	postgres.Again(t, "^TestSubscriptionScenarios$")
}

// TestEditedSubscriptionScenarioFails: a story in which one thing is told differently, or another thing happens, stops passing.
func TestEditedSubscriptionScenarioFails(t *testing.T) {
	t.Parallel()
	server := openListening(t)
	for _, edit := range []struct{ file, line, edited string }{
		{"W16_monthly_reset", "| 5   | EXPIRED  | R3    | -1000  | 0    | 2027-04-30 10:00 |", "| 5   | EXPIRED  | R3    | -1000  | 0    | 2027-05-01 10:00 |"},
		{"W16_monthly_reset", "| 2   | GRANTED | R2    | +1000  | 1000 | 2029-02-28 00:00 |", "| 2   | GRANTED | R2    | +1000  | 1000 | 2029-03-01 00:00 |"},
		{"W17_deficit_at_reset", "month forgives", "month"},
		{"W18_rollover", "| 3   | ROLLED_OUT | R1    | -300   | 150 ", "| 3   | ROLLED_OUT | R1    | -301   | 149 "},
		{"W19_upgrade", "| 3   | GRANTED  | R2    | +2633  | 3233 |", "| 3   | GRANTED  | R2    | +2634  | 3234 |"},
		{"W19_upgrade", "change plan max new period", "change plan max"},
		{"W20_seats", "change with 5 seats", "change with 8 seats"},
		{"W28_trial_to_paid", "trial until 2026-03-15 then paid", "trial until 2026-03-15"},
		{"W29_immediate_cancel", "leave\n", ""},
		{"W30_top_up_bounds_and_price", "topup T2 250", "topup T2 251"},
		{"W35_payment", "money C1 failed\n", ""},
		{"W35_payment", "by invoice when paid", "by invoice"},
	} {
		t.Run(edit.file, func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile("testdata/served/" + edit.file + ".txt")
			if err != nil || strings.Count(string(src), edit.line) != 1 {
				t.Fatalf("%q must stand once in %s: %v", edit.line, edit.file, err)
			}
			s, err := scenario.Parse(edit.file, strings.Replace(string(src), edit.line, edit.edited, 1))
			if err != nil {
				t.Fatal(err)
			}
			failed := 0
			for _, v := range s.Variants {
				failed += len(server.play(t, s, v, 0))
			}
			if failed == 0 {
				t.Errorf("still passes with %q instead of %q", edit.edited, edit.line)
			}
		})
	}
}
