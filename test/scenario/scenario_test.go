package scenario_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/scenario"
)

// files lists the scenario files; none found is a failure, not an empty success.
func files(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(list) < 24 {
		t.Fatalf("found %d scenario files: %v", len(list), err)
	}
	return list
}

// playAll plays every variant of every file on fresh drivers.
func playAll(t *testing.T, open func() scenario.Driver) {
	for _, path := range files(t) {
		s, err := scenario.Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, v := range s.Variants {
			t.Run(s.File+"/"+v.Name, func(t *testing.T) {
				t.Parallel()
				failures, err := s.Play(v, open())
				if err != nil {
					t.Error(err)
				}
				for _, f := range failures {
					t.Error(f)
				}
			})
		}
	}
}

// TestScenariosOnModel: the naive model behaves as the golden examples say.
func TestScenariosOnModel(t *testing.T) {
	t.Parallel()
	playAll(t, func() scenario.Driver { return &serial{Subject: model.New()} })
}

// TestParseErrors: a mistake in a file is reported with file, line and what is wrong.
func TestParseErrors(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"grunt A 5\nexpect balance 1":                               `x.txt:1: unknown command "grunt"`,
		"at 2026-03-01\ngrant A\nexpect balance 1":                  "x.txt:2: the amount is missing",
		"at 2026-03-01\n\ngrant A five\nexpect balance 1":           `x.txt:3: the amount must be a decimal, found "five"`,
		"at 2026-03-01\nrenew R1 5 colour red\nexpect balance 1":    `x.txt:2: do not understand "colour"`,
		"at 2026-03-01\nrenew R2 5 rolls R1 max 3":                  `x.txt:2: expected "as", found "max"`,
		"at 2026-03-01\ncancel voids\nexpect balance 1":             "x.txt:2: the block that is taken away is missing",
		"at 2026-03-01\noffer pro includes 5 a month":               `x.txt:2: expected "per", found "a"`,
		"at 2026-03-01\noffer pro includes 5 per month in red":      `x.txt:2: do not understand "in"`,
		"at 2026-03-01\noffer pro sells at 1 usd max 5":             `x.txt:2: expected "min", found "max"`,
		"at 2026-03-01\nsign pro with seats":                        `x.txt:2: the quantity must be a decimal, found "seats"`,
		"at 2026-03-01\nchange plan":                                "x.txt:2: the plan is missing",
		"at 2026-03-01\nsell A 5 cost 1 usd":                        `x.txt:2: expected "by", found ""`,
		"at 2026-03-01\ngrant A 5 colour red\nexpect balance 1":     `x.txt:2: do not understand "colour"`,
		"at yesterday\nexpect balance 1":                            "x.txt:1: the instant must be a date",
		"at 2026-03-01\nexpect balanse 1":                           `x.txt:2: cannot expect "balanse"`,
		"at 2026-03-01\nexpect ledger\nexpect balance 1":            "x.txt:2: a table with a heading must follow",
		"at 2026-03-01\nexpect ledger\n| txn | type |":              "x.txt:2: a ledger table needs the column grant",
		"at 2026-03-01\nexpect usage LAST_WEEK\n| a | b |\n| 1 |":   "x.txt:4: this row has another number of cells",
		"at 2026-03-01\ngrant A 5":                                  "does not end with what must be seen",
		"at 2026-03-01\nvariant a\nexpect balance 0\nvariant b\n":   `variant "b" does not end`,
		"at 2026-03-01\nevent e1 costs 5 strict\nevent e1\nheld 1 ": `x.txt:3: expected "key", found ""`,
	} {
		_, err := scenario.Parse("x.txt", src)
		var e *scenario.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("parsing %q gives %v, want %s", src, err, want)
		}
	}
}

// TestAnswersMustBeAnnounced: a refusal or a duplicate that no line announces fails the scenario.
func TestAnswersMustBeAnnounced(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"at 2026-03-01\nvoid A\nexpect balance 0",
		"at 2026-03-01\ngrant A 5\nevent e1 costs 1\nevent e1 costs 1\nexpect balance 4",
		"at 2026-03-01\ngrant A 5\nrefused",
		"at 2026-03-01\ngrant A 5\ncheck\nexpect balance 5",
		"at 2026-03-01\ngrant A 5\ncheck\nyes",
		"at 2026-03-01\nvoid A\nrefused GrantExpired",
	} {
		s, err := scenario.Parse("x.txt", src)
		if err != nil {
			t.Fatal(err)
		}
		if failures, _ := s.Play(s.Variants[0], model.New()); len(failures) == 0 {
			t.Errorf("passes:\n%s", src)
		}
	}
}
