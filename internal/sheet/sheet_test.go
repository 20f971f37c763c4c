package sheet_test

import (
	"testing"

	"github.com/scrip-dev/scrip/internal/sheet"
)

func TestText(t *testing.T) {
	// What begins like a formula is defused, and nothing else is touched.
	t.Parallel()
	for cell, want := range map[string]string{
		"":                  "",
		"ai-tokens":         "ai-tokens",
		"1+1":               "1+1",
		"a=b":               "a=b",
		"=HYPERLINK(\"x\")": "'=HYPERLINK(\"x\")",
		"+1":                "'+1",
		"-1":                "'-1",
		"@SUM(A1)":          "'@SUM(A1)",
		"\t=1":              "'\t=1",
		"\r=1":              "'\r=1",
		"\n=1":              "'\n=1",
		"  =1":              "'  =1",
		"＝1":                "'＝1",
		"'=1":               "'=1",
		"\u00fcber = gut":   "\u00fcber = gut",
	} {
		if got := sheet.Text(cell); got != want {
			t.Errorf("%q becomes %q, want %q", cell, got, want)
		}
	}
}
