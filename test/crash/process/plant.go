package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Change is one place in a source file of the program, named from the folder of the test, that a planted bug changes. From
// must stand there once. Without From the file is a new one.
type Change struct{ File, From, To string }

// BuildPlanted is Build with a bug, or without one. Planted bugs live in tests and not behind switches, so that no build of
// the program can have one by accident.
func BuildPlanted(ctx context.Context, dir string, bug ...Change) (string, error) {
	flags, err := plant(dir, bug)
	if err != nil {
		return "", err
	}
	return Build(ctx, dir, flags...)
}

// plant writes changed copies of source files and returns the flags that put them in the place of the files.
func plant(dir string, changes []Change) ([]string, error) {
	texts := map[string]string{}
	for _, c := range changes {
		path, err := filepath.Abs(c.File)
		if err != nil {
			return nil, err
		}
		if c.From == "" {
			texts[path] = c.To
			continue
		}
		text, known := texts[path]
		if !known {
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			text = string(source)
		}
		if n := strings.Count(text, c.From); n != 1 {
			return nil, fmt.Errorf("%q stands %d times in %s; plant the bug anew", c.From, n, c.File)
		}
		texts[path] = strings.Replace(text, c.From, c.To, 1)
	}
	return overlay(dir, texts)
}

// overlay writes texts, by the path of the file that each replaces, and the list of them for the compiler.
func overlay(dir string, texts map[string]string) ([]string, error) {
	replace := map[string]string{}
	for path, text := range texts {
		replace[path] = filepath.Join(dir, strconv.Itoa(len(replace))+"-"+filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "overlay.json")
	return []string{"-overlay", path}, os.WriteFile(path, list, 0o600)
}
