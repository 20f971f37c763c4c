package archtest

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the import path of this repository.
const module = "github.com/scrip-dev/scrip"

// layers says which packages of ours a package may import, by their first folder under internal. A package may always
// import what is below its own folder. cmd and test may import everything and have no row.
var layers = map[string][]string{
	"amount":   {},
	"ledger":   {"amount"},
	"rating":   {"amount"},
	"engine":   {"amount", "ledger", "rating"},
	"outbound": {},
	"credits":  {"amount", "ledger", "rating", "engine", "outbound"},
	"store":    {"amount", "ledger", "rating", "engine", "credits"},
	"api":      {"amount", "ledger", "rating", "engine", "credits"},
	"webhook":  {"credits", "outbound"},
	"billing":  {"credits"},
	"bench":    {"amount", "cluster"},
	"cluster":  {},
	"archtest": {},
}

// layerReasons says what each row protects.
var layerReasons = map[string]string{
	"amount":   "every other package counts with it, so it stands on nothing",
	"ledger":   "it decides who pays what from its arguments alone, which is what makes it testable to the last digit",
	"rating":   "it prices one event from its arguments alone, so that a price can be explained and computed again",
	"engine":   "it orders and commits decisions and knows neither the products nor SQL",
	"credits":  "use cases must not depend on how they are stored or spoken",
	"store":    "it keeps what it is given; a rule in SQL would have to be written once per database",
	"api":      "it speaks through the use cases; reaching past them to the store would skip their rules; of engine it takes the records that use cases answer with",
	"webhook":  "it tells what the outbox holds, through the one client that may call addresses of users",
	"outbound": "it judges addresses and calls them, whatever for",
	"billing":  "it collects through the use cases",
	"bench":    "it measures the program from outside, through HTTP, as its users see it; of cluster it has databases made",
	"cluster":  "it runs somebody else's server and knows nothing of ours",
	"archtest": "it reads the sources and runs none of them",
}

// purePackages compute from their arguments alone.
var purePackages = []string{"amount", "ledger", "rating"}

// impureImports, with everything below them, are refused in pure packages.
var impureImports = map[string]string{
	"context":      "a pure decision cannot be cancelled halfway",
	"database/sql": "decisions see values, not rows",
	"net":          "a decision must not depend on another machine",
	"os":           "a decision must not depend on this machine",
	"log":          "a decision answers its caller and tells nobody else",
}

// testImports, with everything below them, must not reach the binary.
var testImports = []string{"testing", "github.com/getkin/kin-openapi", "pgregory.net/rapid", "github.com/google/go-cmp", "github.com/anishathalye/porcupine"}

// testFolders hold test code that is not in _test.go files, because several packages share it.
var testFolders = []string{"test", "internal/api/contract", "internal/store/storetest"}

// sqlImports, with everything below them, belong to the package that keeps.
var sqlImports = []string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly/goose"}

// layering refuses an import that the table of layers does not name. Tests of the pure packages may use the other pure
// packages; tests elsewhere may build on anything, because the real store is what they run against.
func layering(s source) []violation {
	layer := internalLayer(s.Path)
	if s.Syntax == nil || layer == "" {
		return nil
	}
	permitted, known := layers[layer]
	if !known {
		return []violation{s.broken("layering", 1, "internal/%s has no row in layers: say what it may import, and why", layer)}
	}
	pure := slices.Contains(purePackages, layer)
	if s.isTest() && !pure {
		return nil
	}
	if s.isTest() {
		permitted = purePackages
	}
	return s.imports("layering", func(imported string) string {
		target, ours := ownPackage(imported)
		if !ours || target == layer || slices.Contains(permitted, target) {
			return ""
		}
		return layer + " must not import " + imported + ": " + layerReasons[layer]
	})
}

// purity keeps the outside world out of the packages that decide. Their tests may read files.
func purity(s source) []violation {
	if s.Syntax == nil || s.isTest() || !slices.Contains(purePackages, internalLayer(s.Path)) {
		return nil
	}
	return s.imports("purity", func(imported string) string {
		for banned, reason := range impureImports {
			if below(imported, banned) {
				return internalLayer(s.Path) + " must not import " + imported + ": " + reason
			}
		}
		return ""
	})
}

// testOnly keeps the tools of tests out of the program that users run.
func testOnly(s source) []violation {
	if s.Syntax == nil || s.isTest() || slices.ContainsFunc(testFolders, s.within) {
		return nil
	}
	return s.imports("test-only", func(imported string) string {
		if slices.ContainsFunc(testImports, func(banned string) bool { return below(imported, banned) }) {
			return imported + " is for tests and must not reach the binary"
		}
		return ""
	})
}

// sqlInStore keeps SQL, its drivers and its errors in one package. cmd may open databases of its own to measure against.
func sqlInStore(s source) []violation {
	layer := internalLayer(s.Path)
	if s.Syntax == nil || s.isTest() || layer == "" || layer == "store" {
		return nil
	}
	return s.imports("sql-in-store", func(imported string) string {
		if slices.ContainsFunc(sqlImports, func(banned string) bool { return below(imported, banned) }) {
			return layer + " must not import " + imported + ": all SQL lives in store, where both databases are known"
		}
		return ""
	})
}

// imports makes a violation of every import that judge finds a reason against.
func (s source) imports(rule string, judge func(imported string) string) []violation {
	var found []violation
	for _, spec := range s.Syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has let only string literals through
		}
		if reason := judge(imported); reason != "" {
			found = append(found, s.broken(rule, s.line(spec.Pos()), "%s", reason))
		}
	}
	return found
}

// internalLayer answers the first folder under internal, or "" for a file elsewhere.
func internalLayer(name string) string {
	rest, ok := strings.CutPrefix(path.Dir(name), "internal/")
	if !ok {
		return ""
	}
	layer, _, _ := strings.Cut(rest, "/")
	return layer
}

// ownPackage answers the layer of an import path of this repository. Anything of ours outside internal is its own name.
func ownPackage(imported string) (layer string, ours bool) {
	rest, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		return "", imported == module
	}
	if inner, ok := strings.CutPrefix(rest, "internal/"); ok {
		rest, _, _ = strings.Cut(inner, "/")
	}
	return rest, true
}

// below reports whether an import path is parent or something under it. A major version counts as under it.
func below(imported, parent string) bool {
	return imported == parent || strings.HasPrefix(imported, parent+"/")
}
