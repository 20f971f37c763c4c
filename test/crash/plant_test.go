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

// plant returns the overlay that puts the bug in place.
func plant(t *testing.T) string {
	t.Helper()
	files := map[string]string{plantedFile: changed(t, plantedFile, plantedAt, planted)}
	files[filepath.Join(filepath.Dir(plantedFile), "planted.go")] = plantedCode
	return overlay(t, files)
}

// The other planted bug: PostgreSQL is told to answer before a commit is on disk, and nobody checks that.
const (
	settingsFile   = "../../internal/store/dialect_postgres.go"
	settingsAt     = `"synchronous_commit":                  "on"`
	settingsUnsafe = `"synchronous_commit":                  "off"`
	checkFile      = "../../internal/store/check_postgres.go"
	checkAt        = `"full_page_writes", "synchronous_commit"`
	checkUnsafe    = `"full_page_writes"`
)

// plantUnsafeCommits returns the overlay that puts that bug in place.
func plantUnsafeCommits(t *testing.T) string {
	t.Helper()
	return overlay(t, map[string]string{
		settingsFile: changed(t, settingsFile, settingsAt, settingsUnsafe),
		checkFile:    changed(t, checkFile, checkAt, checkUnsafe),
	})
}

// changed is the text of a file with one place changed.
func changed(t *testing.T, file, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), from); n != 1 {
		t.Fatalf("%q stands %d times in %s; plant the bug anew", from, n, file)
	}
	return strings.Replace(string(text), from, to, 1)
}

// overlay writes files and an overlay that puts each in its place.
func overlay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for file, text := range files {
		target, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		replace[target] = write(filepath.Base(file), text)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	return write("overlay.json", string(list))
}
