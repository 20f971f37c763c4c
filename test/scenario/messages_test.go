package scenario_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/model/pure"
	"github.com/scrip-dev/scrip/test/scenario"
)

// telling plays a source on the pure packages and lists what did not come true.
func telling(t *testing.T, file, src string) (failures []scenario.Failure, ok bool) {
	t.Helper()
	s, err := scenario.Parse(file, src)
	if err != nil {
		return nil, false
	}
	for _, v := range s.Variants {
		world := pure.New(false)
		found, err := s.Play(v, world)
		if err != nil || world.Verify() != nil {
			return nil, false
		}
		failures = append(failures, found...)
	}
	return failures, len(failures) == 0
}

// TestMessages: the golden examples tell what they should on the pure ledger, and fail when any word of it is changed.
func TestMessages(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/messages/*.txt")
	if err != nil || len(paths) < 3 {
		t.Fatalf("found %d files: %v", len(paths), err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if failures, ok := telling(t, path, string(src)); !ok {
			t.Errorf("%s: %v", path, failures)
		}
		lines := strings.Split(string(src), "\n")
		for i, line := range lines {
			if !claim.MatchString(line) || strings.Trim(line, "|-: ") == "" {
				continue
			}
			for _, edited := range edits(line) {
				if edited == "" && !strings.HasPrefix(line, "|") {
					continue
				}
				changed := append([]string(nil), lines...)
				changed[i] = edited
				if edited == "" {
					changed = append(changed[:i:i], changed[i+1:]...)
				}
				if _, ok := telling(t, path, strings.Join(changed, "\n")); ok {
					t.Errorf("%s:%d still passes as %q", path, i+1, edited)
				}
			}
		}
	}
}

// TestTellersOnly: a driver that tells nothing cannot play a table of messages.
func TestTellersOnly(t *testing.T) {
	t.Parallel()
	s, err := scenario.Parse("x.txt", "at 2026-03-01\ngrant A 5\nexpect messages\n| type | grant | threshold | balance |\n| granted | A | - | - |")
	if err != nil {
		t.Fatal(err)
	}
	if failures, err := s.Play(s.Variants[0], model.New()); err != nil || len(failures) != 1 {
		t.Errorf("%v, %v", failures, err)
	}
}
