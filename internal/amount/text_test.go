package amount

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	// Parse accepts JSON numbers within 15 and 9 digits and prints them in the shortest plain form.
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "-0.000": "0", "0e999999999999999999999": "0", "1": "1", "-1": "-1",
		"1.50": "1.5", "1e-7": "0.0000001", "1E+2": "100", "1e2": "100", "12.5e-1": "1.25", "0.05e3": "50",
		"999999999999999.999999999":          "999999999999999.999999999",
		"-999999999999999.999999999":         "-999999999999999.999999999",
		"0.000000001":                        "0.000000001",
		"1.0000000000000000000000":           "1",
		"1000000000e-18":                     "0.000000001",
		"0.0000000001e1":                     "0.000000001",
		"0.000000000000000000001e20":         "0.1",
		"123456789012345678901234567890e-29": "", // 1.2345… has too many digits
		"100000000000000000000000000000e-29": "1",
		"1e14":                               "100000000000000",
	} {
		got, err := Parse(in)
		if want == "" {
			if err != ErrTooManyDigits {
				t.Errorf("Parse(%q) = %s, %v", in, got, err)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("Parse(%q) = %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestParseRefusals(t *testing.T) {
	// Each refusal has its own error, and an absurd exponent costs nothing.
	t.Parallel()
	for want, inputs := range map[error][]string{
		ErrSyntax: {
			"", "-", "+1", "01", "-01", "00", ".5", "1.", "1.e1", "1e", "1e+", "1e1.5", "NaN", "Inf", "-Infinity", "0x1",
			"1_000", "1,5", " 1", "1 ", "--1", "1e99999999999999999999x", "１", "null", `"1"`,
		},
		ErrOutOfRange:    {"1e15", "1000000000000000", "-1e15", "1e999999999999999999999", strings.Repeat("9", 100_000)},
		ErrTooManyDigits: {"1e-10", "0.0000000001", "1.0000000001", "1e-999999999999999999999", "0." + strings.Repeat("3", 100_000)},
	} {
		for _, in := range inputs {
			if got, err := Parse(in); err != want || !got.IsZero() {
				t.Errorf("Parse(%.30q) = %s, %v; want %v", in, got, err, want)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	// Amounts are JSON numbers on output; on input a string that holds a number is as good.
	t.Parallel()
	var v struct{ A, B, C Amount }
	if err := json.Unmarshal([]byte(`{"A": 1.50, "B": "2e3", "C": null}`), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil || string(out) != `{"A":1.5,"B":2000,"C":0}` {
		t.Errorf("got %s, %v", out, err)
	}
	for _, in := range []string{`""`, `"`, `"1`, `1"`, `" 1"`, `"\u0031"`, `"+1"`, `"01"`, `true`, `{}`, `[1]`, `"NaN"`} {
		if got, err := ParseJSON([]byte(in)); err != ErrSyntax {
			t.Errorf("ParseJSON(%s) = %s, %v", in, got, err)
		}
	}
}

func TestTextRoundTrip(t *testing.T) {
	// The text of an amount is its exact value, and amounts in range are parsed back from it.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount().Draw(t, "a")
		s := a.String()
		r, ok := new(big.Rat).SetString(s)
		if !ok || r.Cmp(a.Rat()) != 0 {
			t.Fatalf("%v prints as %s", a.Rat(), s)
		}
		if strings.Contains(s, ".") && strings.HasSuffix(s, "0") || strings.ContainsAny(s, "eE+") || s == "-0" {
			t.Fatalf("%s is not the shortest plain form", s)
		}
		if b, err := Parse(s); a.InRange() != (err == nil) || err == nil && a != b {
			t.Fatalf("Parse(%s) = %s, %v", s, b, err)
		}
	})
}

func TestBinaryRoundTrip(t *testing.T) {
	// The binary form is compact, unique and followed by whatever follows it.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount().Draw(t, "a")
		enc := a.AppendBinary(nil)
		got, rest, err := DecodeBinary(append(enc, 7))
		if err != nil || got != a || !bytes.Equal(rest, []byte{7}) || len(enc) > 17 {
			t.Fatalf("%s became %s, %v, %v", a, got, rest, err)
		}
		for cut := range enc {
			if _, _, err := DecodeBinary(enc[:cut]); err != ErrCorrupt {
				t.Fatalf("%s cut to %d bytes: %v", a, cut, err)
			}
		}
	})
	for s, size := range map[string]int{"0": 1, "1": 2, "255": 2, "0.002": 2, "-5": 2, "1000000": 4, "0.000000001": 2} {
		if n := len(must(t, s).AppendBinary(nil)); n != size {
			t.Errorf("%s takes %d bytes, want %d", s, n, size)
		}
	}
}

// FuzzParse compares Parse with math/big and checks that what it accepts survives printing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.5e-3", "1e15", "0.0000000001e1", "01", "1e99999", "9.999999999E14", "-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		b, err2 := ParseJSON([]byte(s))
		if err == nil && (a != b || err2 != nil) {
			t.Fatalf("Parse and ParseJSON disagree about %q", s)
		}
		if (err != ErrSyntax) != json.Valid([]byte(s)) && looksNumeric(s) {
			t.Fatalf("Parse(%q) = %v", s, err)
		}
		if err != nil {
			return
		}
		if again, err := Parse(a.String()); err != nil || again != a || !a.InRange() {
			t.Fatalf("%q became %s, then %s, %v", s, a, again, err)
		}
		if len(s) > 30 || a.IsZero() {
			return // big.Rat would expand a huge exponent
		}
		if r, ok := new(big.Rat).SetString(s); !ok || r.Cmp(a.Rat()) != 0 {
			t.Fatalf("Parse(%q) = %s", s, a)
		}
	})
}

// looksNumeric reports whether valid JSON in s can only be a number.
func looksNumeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789+-.eE") == ""
}

// FuzzDecodeBinary checks that whatever is accepted is exactly what AppendBinary writes.
func FuzzDecodeBinary(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0x61, 1})
	f.Add([]byte{0xff, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, rest, err := DecodeBinary(b)
		if err != nil {
			return
		}
		if enc := a.AppendBinary(nil); !bytes.Equal(enc, b[:len(b)-len(rest)]) {
			t.Fatalf("%x decodes to %s, which encodes as %x", b, a, enc)
		}
	})
}
