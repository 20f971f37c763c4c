package crash

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The planted bug: the writer of a shard answers its callers before the commit instead of after it. It lives here and
// not behind a switch in the engine, so that no build of the program can have it by accident.
const (
	plantedFile = "../../internal/engine/flight.go"
	plantedAt   = "\t\tf.err = s.journal.Commit(context.Background(), &f.commit)\n"
	planted     = "\t\tanswerBeforeCommit(f.works)\n" + plantedAt
	// plantedCode lets the answers reach the clients: a real commit takes that long on a slow disk.
	plantedCode = `package engine

import "time"

func answerBeforeCommit(batch []*work) {
	for _, w := range batch {
		if w.read == nil {
			early := w.done
			w.done = make(chan struct{})
			close(early)
		}
	}
	time.Sleep(5 * time.Millisecond)
}
`
)

// plant writes the changed files and returns the overlay that puts them in place of the real ones.
func plant(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(plantedFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), plantedAt); n != 1 {
		t.Fatalf("%q stands %d times in %s; plant the bug anew", plantedAt, n, plantedFile)
	}
	target, err := filepath.Abs(plantedFile)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		target: write("flight.go", strings.Replace(string(text), plantedAt, planted, 1)),
		filepath.Join(filepath.Dir(target), "planted.go"): write("planted.go", plantedCode),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return write("overlay.json", string(overlay))
}
