// Package planted puts known bugs into the program for one run of a test, which must notice: a check that cannot fail
// proves nothing. The bugs live in the tests that plant them and not behind switches, so that no build of the program can
// have one by accident.
package planted

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bug is made by replacing one piece of a source file.
type Bug struct {
	File     string // its path, from the folder of the test
	Old, New string
}

// Overlay writes the changed file and returns what `go build -overlay` needs to put it in place of the real one. A bug
// whose text is no longer in the source, or not just once, fails the test: it has to be planted anew.
func Overlay(t *testing.T, b Bug) string {
	t.Helper()
	path, err := filepath.Abs(filepath.FromSlash(b.File))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), b.Old); n != 1 {
		t.Fatalf("%q stands %d times in %s; plant the bug anew", b.Old, n, b.File)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, "changed.go")
	overlay := filepath.Join(dir, "overlay.json")
	table, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{changed: strings.Replace(string(src), b.Old, b.New, 1), overlay: string(table)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}
