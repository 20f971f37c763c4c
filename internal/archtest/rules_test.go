package archtest

import (
	"slices"
	"strings"
	"testing"
)

// sample is a file made up to break one rule, or to stay just within it.
type sample struct {
	path, text string
	broken     string // the one rule it breaks; empty when it is fine
}

// importing is a Go file that imports the given paths.
func importing(imports ...string) string {
	return "package p\n\nimport (\n\t\"" + strings.Join(imports, "\"\n\t\"") + "\"\n)\n"
}

// check runs every rule on each sample.
func check(t *testing.T, samples map[string]sample) {
	t.Helper()
	for name, test := range samples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(test.path, test.text)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range judge(s) {
				got = append(got, v.Rule)
			}
			var want []string
			if test.broken != "" {
				want = []string{test.broken}
			}
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("broke %q, want %q", got, want)
			}
		})
	}
}

func TestImportRulesBite(t *testing.T) {
	// Each import rule refuses what it is for and lets the neighbouring good case pass.
	t.Parallel()
	const ours = module + "/internal/"
	check(t, map[string]sample{
		"amount_stands_alone":         {"internal/amount/a.go", importing(ours + "ledger"), "layering"},
		"ledger_counts":               {"internal/ledger/a.go", importing(ours+"amount", "sort"), ""},
		"ledger_does_not_price":       {"internal/ledger/a.go", importing(ours + "rating"), "layering"},
		"ledger_tests_may_price":      {"internal/ledger/a_test.go", importing(ours+"rating", "os", "testing"), ""},
		"ledger_tests_do_not_store":   {"internal/ledger/a_test.go", importing(ours + "store"), "layering"},
		"rating_does_not_debit":       {"internal/rating/a.go", importing(ours + "ledger"), "layering"},
		"engine_knows_no_use_cases":   {"internal/engine/a.go", importing(ours + "credits"), "layering"},
		"credits_does_not_store":      {"internal/credits/a.go", importing(ours + "store"), "layering"},
		"credits_tests_may_store":     {"internal/credits/a_test.go", importing(ours+"store", "database/sql"), ""},
		"store_does_not_speak":        {"internal/store/a.go", importing(ours + "api/wire"), "layering"},
		"store_stores":                {"internal/store/a.go", importing(ours+"credits", ours+"store/migrations", "database/sql"), ""},
		"api_goes_through_use_cases":  {"internal/api/a.go", importing(ours + "store"), "layering"},
		"api_has_folders":             {"internal/api/wire/a.go", importing(ours+"api", ours+"credits"), ""},
		"nobody_imports_cmd":          {"internal/api/a.go", importing(module + "/cmd/scrip"), "layering"},
		"a_new_package_needs_a_row":   {"internal/noun/a.go", importing("sort"), "layering"},
		"cmd_imports_everything":      {"cmd/scrip/a.go", importing(ours+"store", ours+"engine", "math/rand/v2", "database/sql"), ""},
		"test_imports_everything":     {"test/model/a.go", importing(ours+"store", "testing", "pgregory.net/rapid"), ""},
		"ledger_has_no_context":       {"internal/ledger/a.go", importing("context"), "purity"},
		"amount_has_no_log":           {"internal/amount/a.go", importing("log/slog"), "purity"},
		"rating_has_no_net":           {"internal/rating/a.go", importing("net/http"), "purity"},
		"rating_has_no_os":            {"internal/rating/a.go", importing("os/exec"), "purity"},
		"engine_may_have_context":     {"internal/engine/a.go", importing("context", "log/slog"), ""},
		"testing_in_the_binary":       {"internal/credits/a.go", importing("testing/synctest"), "test-only"},
		"contract_checks_in_the_api":  {"internal/api/a.go", importing("github.com/getkin/kin-openapi/openapi3"), "test-only"},
		"contract_checks_beside_it":   {"internal/api/contract/a.go", importing("testing", "github.com/getkin/kin-openapi/openapi3"), ""},
		"store_contract_is_test_code": {"internal/store/storetest/a.go", importing("testing", "github.com/google/go-cmp/cmp"), ""},
		"rapid_in_cmd":                {"cmd/scrip/a.go", importing("pgregory.net/rapid"), "test-only"},
		"sql_in_credits":              {"internal/credits/a.go", importing("database/sql"), "sql-in-store"},
		"a_driver_in_engine":          {"internal/engine/a.go", importing("modernc.org/sqlite"), "sql-in-store"},
	})
}

func TestTidyRulesBite(t *testing.T) {
	// Each tidy rule refuses what it is for and lets the neighbouring good case pass.
	t.Parallel()
	const limit = functionLinesMax
	long := func(lines int) string { return "package p\n\nfunc f() {\n" + strings.Repeat("\tf()\n", lines) + "}\n" }
	table := "package p\n\nfunc f() {\n\t_ = []int{\n" + strings.Repeat("\t\t1,\n", limit) + "\t}\n}\n"
	text := "package p\n\nfunc f() {\n\t_ = `" + strings.Repeat("x\n", limit) + "`\n}\n"
	nested := "package p\n\nvar t = []func(){\n\tfunc() {\n" + strings.Repeat("\t\tt[0]()\n", limit+1) + "\t},\n}\n"
	hidden := "package p\n\nfunc f() {\n\t_ = []func(){\n\t\tfunc() {\n" + strings.Repeat("\t\t\tf()\n", limit) + "\t\t},\n\t}\n}\n"
	check(t, map[string]sample{
		"function_at_the_limit":   {"internal/store/a.go", long(limit), ""},
		"function_over_it":        {"internal/store/a.go", long(limit + 1), "function-length"},
		"test_function_over_it":   {"internal/store/a_test.go", long(limit + 1), "function-length"},
		"generated_function":      {"internal/api/wire/a.gen.go", long(fileLinesMax), ""},
		"table":                   {"internal/store/a_test.go", table, ""},
		"long_text":               {"internal/store/a.go", text, ""},
		"literal_over_it":         {"internal/store/a.go", nested, "function-length"},
		"code_hidden_in_a_table":  {"internal/store/a.go", hidden, "function-length"},
		"file_at_the_limit":       {"internal/store/a.go", "package p\n" + strings.Repeat("//\n", fileLinesMax-1), ""},
		"file_over_it":            {"internal/store/a.go", "package p\n" + strings.Repeat("//\n", fileLinesMax), "file-length"},
		"test_file":               {"internal/store/a_test.go", "package p\n" + strings.Repeat("//\n", fileLinesMax), ""},
		"test_file_over_its_own":  {"internal/store/a_test.go", "package p\n" + strings.Repeat("//\n", testFileLinesMax), "file-length"},
		"script_over_it":          {"scripts/a.sh", strings.Repeat("#\n", fileLinesMax+1), "file-length"},
		"clock":                   {"internal/credits/a.go", importing("time") + "var x = time.Now()\n", "clock"},
		"clock_by_another_name":   {"internal/credits/a.go", "package p\n\nimport t \"time\"\n\nvar x = t.Since\n", "clock"},
		"clock_in_cmd":            {"cmd/scrip/a.go", importing("time") + "var x = time.Now()\n", ""},
		"duration":                {"internal/credits/a.go", importing("time") + "var x = time.Second\n", ""},
		"random":                  {"internal/credits/a.go", importing("math/rand/v2"), "randomness"},
		"secret_random":           {"internal/credits/a.go", importing("crypto/rand"), "randomness"},
		"random_test":             {"internal/credits/a_test.go", importing("math/rand/v2"), ""},
		"vague_name":              {"test/model/a.go", "package utils\n", "package-name"},
		"vague_test_name":         {"test/model/a_test.go", "package helpers_test\n", "package-name"},
		"float":                   {"internal/ledger/a.go", "package p\n\nvar x float64\n", "floats"},
		"float_conversion":        {"internal/engine/a.go", "package p\n\nvar x = float32(1)\n", "floats"},
		"float_in_api":            {"internal/api/a.go", "package p\n\nvar x float64\n", ""},
		"open_work":               {"internal/store/a.go", "package p\n\n// TO" + "DO: later\n", "open-work"},
		"open_work_with_issue":    {"internal/store/a.go", "package p\n\n// TO" + "DO(#12): later\n", ""},
		"open_work_in_sql":        {"internal/store/migrations/a.sql", "-- FIX" + "ME: index\n", "open-work"},
		"machine_path":            {"docs/a.md", "see /" + "home/me/scrip\n", "foreign-place"},
		"machine_path_in_go":      {"cmd/scrip/a.go", "package p\n\nvar x = \"/" + "tmp/x\"\n", "foreign-place"},
		"path_inside_another":     {"docs/a.md", "GET /api/v1/" + "work/1 and $folder/" + "tmp/x\n", ""},
		"neighbouring_repository": {"Makefile", "\tcp ../" + "shared/x .\n", "foreign-place"},
		"registry":                {"web/package-lock.json", "https://registry.npmjs" + ".org/x\n", "foreign-place"},
	})
}

func TestDocumentationRuleBites(t *testing.T) {
	// Everything exported needs a comment; what a package keeps to itself, and well-known methods, do not.
	t.Parallel()
	const store, p = "internal/store/a.go", "package p\n\n"
	check(t, map[string]sample{
		"function":               {store, p + "func F() {}\n", "documentation"},
		"function_with_comment":  {store, p + "// F is fine.\nfunc F() {}\n", ""},
		"own_function":           {store, p + "func f() {}\n", ""},
		"method":                 {store, p + "// T is fine.\ntype T struct{}\n\nfunc (*T) M() {}\n", "documentation"},
		"method_of_a_generic":    {store, p + "// T is fine.\ntype T[A, B any] struct{}\n\nfunc (T[A, B]) M() {}\n", "documentation"},
		"well_known_method":      {store, p + "// T is fine.\ntype T struct{}\n\nfunc (T) String() string { return \"\" }\n", ""},
		"method_of_own_type":     {store, p + "type t struct{}\n\nfunc (t) M() {}\n", ""},
		"type":                   {store, p + "type T struct{}\n", "documentation"},
		"type_in_a_group":        {store, p + "type (\n\tT struct{}\n)\n", "documentation"},
		"constant":               {store, p + "const C = 1\n", "documentation"},
		"variable":               {store, p + "var V = 1\n", "documentation"},
		"constants_with_comment": {store, p + "// The sizes.\nconst (\n\tA = 1\n\tB = 2\n)\n", ""},
		"constant_with_remark":   {store, p + "const (\n\tA = 1 // the size\n)\n", ""},
		"test":                   {"internal/store/a_test.go", p + "func F() {}\n", ""},
		"generated":              {"internal/api/wire/a.gen.go", p + "type T struct{}\n", ""},
	})
}

func TestExceptionsAreNarrow(t *testing.T) {
	// An exception excuses its own rule in its own file and nothing else.
	t.Parallel()
	e := exception{Rule: "clock", Path: "internal/store/a.go", Reason: "example"}
	for _, test := range []struct {
		v    violation
		want bool
	}{
		{violation{Rule: "clock", Path: "internal/store/a.go"}, true},
		{violation{Rule: "floats", Path: "internal/store/a.go"}, false},
		{violation{Rule: "clock", Path: "internal/store/b.go"}, false},
	} {
		if got := test.v.excusedBy(e); got != test.want {
			t.Errorf("%v: excused %v, want %v", test.v, got, test.want)
		}
	}
}
