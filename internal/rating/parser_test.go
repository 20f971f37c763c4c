package rating

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/scrip-dev/scrip/internal/amount"
)

func TestSyntaxErrors(t *testing.T) {
	// A formula that cannot be read is refused at the byte where it goes wrong.
	t.Parallel()
	for _, x := range []struct {
		source  string
		offset  int
		message string
	}{
		{"", 0, "end of the formula"}, {"  ", 2, "end of the formula"}, {"1 +", 3, "end of the formula"}, {"(1", 2, `instead of ")"`},
		{"1)", 1, `found ")"`}, {"1 2", 2, "operator"}, {"a b", 2, "operator"}, {"*a", 0, `found "*"`}, {"--a", 1, `found "-"`},
		{"a = 1", 2, "unexpected '='"}, {"a ! 1", 2, "unexpected '!'"}, {"a + é", 4, "unexpected 'é'"}, {"#", 0, "unexpected"},
		{"1.", 0, "not a number"}, {".5", 0, "unexpected '.'"}, {"01", 0, "not a number"}, {"1x", 0, "not a number"}, {"1e", 0, "not a number"},
		{"a + 1.2.3", 4, "not a number"}, {strings.Repeat("9", 61), 0, "60 digits"}, {"1e60", 0, "60 digits"}, {"1e999999999999", 0, "60 digits"},
		{"a < b < c", 6, `found "<"`}, {"if(a < b == c, 1, 2)", 9, `found "=="`}, {"not not a", 4, `found "not"`}, {"and", 0, `found "and"`},
		{`"open`, 0, "not closed"}, {`'open"`, 0, "not closed"}, {`"a\n"`, 2, "backslash"}, {`"a\`, 2, "backslash"}, {"`open", 0, "backquotes"}, {"``", 0, "backquotes"},
		{"foo(1)", 0, `no function "foo"`}, {"units(1)", 0, "no function"}, {"`min`(1)", 5, `found "("`}, {"min()", 0, "min(a, b"},
		{"abs(1, 2)", 0, "write abs(x)"}, {"round(1, 2, 3)", 0, "round(x, digits)"}, {"if(yes, 1)", 0, "if(condition"}, {"min(1,)", 6, `found ")"`},
		{"lookup(k, 1)", 0, "lookup(key"}, {"lookup(k, 1, 2, 3, 4)", 0, "lookup(key"}, {"coalesce()", 0, "coalesce(a"}, {"min(1 2)", 6, `instead of ")"`},
		{`"x"`, 0, "this is a text, but a number is needed"}, {"a < b", 0, "this is a condition"}, {"not a", 0, "this is a condition"},
		{"1 + ('x')", 5, "this is a text"}, {"1 + (a < b) * 2", 5, "this is a condition"}, {"if(1, 2, 3)", 3, "this is a number, but a condition"},
		{"if(a and 1 + 1, 2, 3)", 9, "this is a number"}, {"-'x'", 1, "this is a text"}, {"abs(a == 1)", 4, "this is a condition"},
		{"if('a' < b, 1, 2)", 3, "this is a text"}, {"2 * if(a, 'x', 'y')", 4, "this is a text"}, {"2 * lookup(a, 1, 'x', 'y')", 4, "this is a text"},
		{"coalesce(a < b, b < a) + 1", 0, "this is a condition"}, {"\xff", 0, "UTF-8"},
	} {
		f, err := ParseFormula(x.source)
		var syntax *SyntaxError
		if f != nil || !errors.As(err, &syntax) || syntax.Offset != x.offset || !strings.Contains(syntax.Message, x.message) {
			t.Errorf("%s: got %v, want offset %d and %q", x.source, err, x.offset, x.message)
		}
	}
}

func TestFormulaBounds(t *testing.T) {
	// 2,000 characters, 32 levels and 200 parts are accepted; one more of each is not.
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("(", n) + "1" + strings.Repeat(")", n) }
	calls := func(n int) string { return strings.Repeat("abs(", n) + "1" + strings.Repeat(")", n) }
	parts := func(n int) string { return "1" + strings.Repeat("+1", (n-1)/2) }
	long := func(n int) string { return "`" + strings.Repeat("é", n-2) + "`" }
	for _, x := range []struct {
		source string
		ok     bool
	}{
		{nested(32), true}, {nested(33), false}, {calls(32), true}, {calls(33), false},
		{parts(199), true}, {"-" + parts(199), true}, {parts(201), false}, {"1+" + parts(200), false},
		{long(2000), true}, {long(2001), false}, {strings.Repeat("(", 2000), false}, {strings.Repeat("not ", 400), false},
	} {
		if _, err := ParseFormula(x.source); (err == nil) != x.ok {
			t.Errorf("%.40s…: %v", x.source, err)
		}
	}
}

// twin is an expression of + - * with its exact value, computed without this package.
type twin struct {
	source string
	value  *big.Rat
}

// anyLiteral draws numbers of few and of many digits.
func anyLiteral() *rapid.Generator[twin] {
	return rapid.Custom(func(t *rapid.T) twin {
		s := rapid.StringMatching(`(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?`).Draw(t, "short")
		if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
			s = rapid.StringMatching(`[1-9][0-9]{0,25}(\.[0-9]{1,30})?`).Draw(t, "long")
		}
		r, _ := new(big.Rat).SetString(s)
		return twin{s, r}
	})
}

func anyTwin(depth int) *rapid.Generator[twin] {
	if depth == 0 {
		return anyLiteral()
	}
	return rapid.Custom(func(t *rapid.T) twin {
		a, b := anyTwin(depth-1).Draw(t, "a"), anyTwin(depth-1).Draw(t, "b")
		r := new(big.Rat)
		switch op := rapid.SampledFrom([]string{"+", "-", "*"}).Draw(t, "op"); op {
		case "+":
			return twin{"(" + a.source + " + " + b.source + ")", r.Add(a.value, b.value)}
		case "-":
			return twin{"(" + a.source + " - " + b.source + ")", r.Sub(a.value, b.value)}
		default:
			return twin{a.source + "*" + b.source, r.Mul(a.value, b.value)}
		}
	})
}

// roundedCost is the naive twin of the last step: half away from zero to 9 digits, negative costs raised to 0; false if
// it has more than 15 integer digits.
func roundedCost(r *big.Rat) (*big.Rat, bool) {
	scale := big.NewInt(1e9)
	x := new(big.Rat).Mul(new(big.Rat).Abs(r), new(big.Rat).SetInt(scale))
	x.Add(x, big.NewRat(1, 2))
	rounded := new(big.Rat).SetFrac(new(big.Int).Quo(x.Num(), x.Denom()), scale)
	ok := rounded.Cmp(new(big.Rat).SetInt64(1e15)) < 0
	if r.Sign() < 0 {
		rounded.SetInt64(0)
	}
	return rounded, ok
}

func TestFormulaExactness(t *testing.T) {
	// Sums, differences and products are exact, however many digits they need, and the cost is rounded once.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := anyTwin(rapid.IntRange(0, 3).Draw(t, "depth")).Draw(t, "expression")
		checkTwin(t, x)
		half := rapid.Int64Range(-3_000_000_000, 3_000_000_000).Draw(t, "half")
		s := "(" + big.NewInt(half).String() + ") * 0.0000000005"
		checkTwin(t, twin{s, new(big.Rat).SetFrac64(half, 2_000_000_000)})
	})
}

func checkTwin(t *rapid.T, x twin) {
	f, err := ParseFormula(x.source)
	if err != nil {
		t.Fatalf("%s: %v", x.source, err)
	}
	got, err := Rate{Formula: f}.Price(amount.Zero, nil)
	want, ok := roundedCost(x.value)
	if ok != (err == nil) || ok && got.Cost.Rat().Cmp(want) != 0 {
		t.Fatalf("%s costs %s, %v; want %s", x.source, got.Cost, err, want.FloatString(9))
	}
}

func TestDivision(t *testing.T) {
	// A quotient is the exact one rounded half away from zero to 34 significant digits, on the fast path as on the slow.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLiteral().Draw(t, "a"), anyLiteral().Draw(t, "b")
		if b.value.Sign() == 0 || a.value.Sign() == 0 {
			return
		}
		x, _ := parseNumber(a.source)
		y, _ := parseNumber(b.source)
		q, ok := x.quo(y)
		if !ok {
			t.Fatalf("%s / %s is out of bounds", a.source, b.source)
		}
		got, _ := new(big.Rat).SetString(q.decimal().Text('f'))
		exact := new(big.Rat).Quo(a.value, b.value)
		// |got − exact| ≤ ½ unit in the 34th digit ≤ exact × 10^-33 / 2
		gap := new(big.Rat).Sub(got, exact)
		gap.Quo(gap.Abs(gap), exact)
		limit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(33), nil))
		if gap.Cmp(limit.Mul(limit, big.NewRat(1, 2))) > 0 || q.decimal().NumDigits() > 34 {
			t.Fatalf("%s / %s = %s", a.source, b.source, q.decimal())
		}
	})
}

// FuzzFormula checks that no formula and no event makes parsing or pricing fail, and that costs keep their promise.
func FuzzFormula(f *testing.F) {
	f.Add(`(input_tokens + 4*output_tokens)/1000 * lookup(model,"large",3,"small",1,1)`, "model", "large", uint8(String))
	f.Add("round(x / 3, 5) + ceil(-x) * floor(x) - abs(min(x, 1e50))", "x", "1e-30", uint8(Number))
	f.Add("if(not x and y or `a b` != 'c\\'', coalesce(x, y), units)", "x", "true", uint8(Bool))
	f.Add("((((1e59*1e59", "", "1e99999999", uint8(9))
	f.Fuzz(func(t *testing.T, source, key, text string, kind uint8) {
		parsed, err := ParseFormula(source)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(source) {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		for _, strict := range []bool{false, true} {
			rate := Rate{Formula: parsed, Strict: strict}
			got, err := rate.Price(amount.FromInt(3), Dims{{Key: key, Kind: Kind(kind % 3), Text: text}})
			var formulaError *FormulaError
			if err != nil && !errors.As(err, &formulaError) {
				t.Fatalf("%q: %v", source, err)
			}
			if got.Cost.Sign() < 0 || !got.Cost.InRange() {
				t.Fatalf("%q costs %s", source, got.Cost)
			}
		}
	})
}
