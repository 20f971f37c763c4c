package api

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codePattern finds the places where an error code is written down.
var codePattern = regexp.MustCompile(`(?:Conflict|NotFound|Unprocessable|missing)\("([A-Z][A-Za-z]+)"|[cC]ode: +"([A-Z][A-Za-z]+)"|transportError\{[^,]+, "([A-Z][A-Za-z]+)"`)

func TestContractListsEveryCode(t *testing.T) {
	// A code that a caller can meet stands in the introduction of the contract.
	t.Parallel()
	contract, err := os.ReadFile("../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	intro, _, _ := strings.Cut(string(contract), "**Retries.**")
	found := 0
	for _, folder := range []string{".", "../credits"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range codePattern.FindAllStringSubmatch(string(source), -1) {
				found++
				if code := m[1] + m[2] + m[3]; !regexp.MustCompile(`\b` + code + `\b`).MatchString(intro) {
					t.Errorf("%s: %s is not in the contract's list of codes", name, code)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d codes found; the pattern no longer fits the code", found)
	}
}
