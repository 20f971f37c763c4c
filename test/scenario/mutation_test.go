package scenario_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/test/model"
	"github.com/scrip-dev/scrip/test/scenario"
)

// serial lets the concurrent steps of a scenario run one after another on a subject made for one goroutine.
type serial struct {
	model.Subject
	mu sync.Mutex
}

func (s *serial) Do(c model.Command) model.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Subject.Do(c)
}

// claim is a line that says what must be seen or answered; the first word stays as it is.
var claim = regexp.MustCompile(`^(expect|refused|duplicate|mismatch|warned|quarantined|costs|yes|no|held|\|)`)

var editable = regexp.MustCompile(`[A-Za-z0-9.+_:-]*[A-Za-z0-9][A-Za-z0-9.+_:-]*`)

// edits makes every edition of a line in which one word says something else.
func edits(line string) []string {
	first := strings.Fields(line)[0]
	skip := 0
	if first != "|" {
		skip = strings.Index(line, first) + len(first)
	}
	list := []string{""} // and the one without the line
	for _, at := range editable.FindAllStringIndex(line[skip:], -1) {
		word := line[skip+at[0] : skip+at[1]]
		list = append(list, line[:skip+at[0]]+other(word)+line[skip+at[1]:])
	}
	return list
}

// other changes a word: its last digit if it ends with one, else it gets a letter more.
func other(word string) string {
	last := word[len(word)-1]
	if last < '0' || last > '9' {
		return word + "X"
	}
	return word[:len(word)-1] + string('0'+(last-'0'+1)%10)
}

// TestEditedExpectationFails: whichever word of whichever expectation of whichever golden file is changed, the file
// stops passing. So the runner cannot pass without looking.
func TestEditedExpectationFails(t *testing.T) {
	t.Parallel()
	total := 0
	for _, path := range files(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(src), "\n")
		for i, line := range lines {
			if !claim.MatchString(line) || strings.Trim(line, "|-: ") == "" {
				continue
			}
			for _, edited := range edits(line) {
				if edited == "" && !strings.HasPrefix(line, "|") {
					continue // leaving out a whole expectation is legal, leaving out a row is not
				}
				changed := append([]string(nil), lines...)
				changed[i] = edited
				if edited == "" {
					changed = append(changed[:i:i], changed[i+1:]...)
				}
				total++
				if passes(filepath.Base(path), strings.Join(changed, "\n")) {
					t.Errorf("%s:%d still passes as %q", path, i+1, edited)
				}
			}
		}
	}
	if total < 1000 {
		t.Errorf("only %d edits tried", total)
	}
}

// passes plays a source on the model.
func passes(file, src string) bool {
	s, err := scenario.Parse(file, src)
	if err != nil {
		return false
	}
	for _, v := range s.Variants {
		failures, err := s.Play(v, &serial{Subject: model.New()})
		if err != nil || len(failures) > 0 {
			return false
		}
	}
	return true
}
