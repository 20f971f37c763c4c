package amount

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// must parses a literal of a test.
func must(t testing.TB, s string) Amount {
	t.Helper()
	a, err := Parse(s)
	if err != nil {
		t.Fatalf("Parse(%q): %v", s, err)
	}
	return a
}

// anyAmount draws amounts of every size within ±2^126 billionths, half of them in range.
func anyAmount() *rapid.Generator[Amount] {
	return rapid.Custom(func(t *rapid.T) Amount {
		m := uint128{rapid.Uint64().Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}
		m = m.shr(uint(rapid.IntRange(2, 63).Draw(t, "shift")))
		if rapid.Bool().Draw(t, "small") {
			m.hi = 0
		}
		if rapid.Bool().Draw(t, "whole") {
			m, _ = m.div64(unit)
			m, _ = m.mul64(unit)
		}
		return m.signed(rapid.Bool().Draw(t, "negative"))
	})
}

// roundHalfAway is the naive twin of every rounding here.
func roundHalfAway(r *big.Rat, digits int) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	x := new(big.Rat).Mul(new(big.Rat).Abs(r), new(big.Rat).SetInt(scale))
	x.Add(x, big.NewRat(1, 2))
	n := new(big.Int).Quo(x.Num(), x.Denom())
	if r.Sign() < 0 {
		n.Neg(n)
	}
	return new(big.Rat).SetFrac(n, scale)
}

var limit = new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(MaxIntegerDigits), nil))

func inRange(r *big.Rat) bool { return new(big.Rat).Abs(r).Cmp(limit) < 0 }

func TestArithmetic(t *testing.T) {
	// Every operation that does not round gives what exact rationals give.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAmount().Draw(t, "a"), anyAmount().Draw(t, "b")
		ra, rb := a.Rat(), b.Rat()
		check := func(name string, got Amount, want *big.Rat) {
			if got.Rat().Cmp(want) != 0 {
				t.Fatalf("%s of %s and %s is %s, want %s", name, a, b, got, want.FloatString(9))
			}
		}
		check("Add", a.Add(b), new(big.Rat).Add(ra, rb))
		check("Sub", a.Sub(b), new(big.Rat).Sub(ra, rb))
		check("Neg", a.Neg(), new(big.Rat).Neg(ra))
		check("Abs", a.Abs(), new(big.Rat).Abs(ra))
		if a.Cmp(b) != ra.Cmp(rb) || a.Less(b) != (ra.Cmp(rb) < 0) || a.Sign() != ra.Sign() || a.IsZero() != (ra.Sign() == 0) {
			t.Fatalf("comparing %s and %s", a, b)
		}
		if a.InRange() != inRange(ra) {
			t.Fatalf("InRange(%s) = %v", a, a.InRange())
		}
		low, high := Min(a, b), Max(a, b)
		if high.Less(low) || low.Add(high) != a.Add(b) {
			t.Fatalf("Min and Max of %s and %s are %s and %s", a, b, low, high)
		}
	})
}

func TestRounding(t *testing.T) {
	// Mul, MulDiv and Round round the exact result once, half away from zero, and refuse results out of range.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyAmount().Draw(t, "a"), anyAmount().Draw(t, "b"), anyAmount().Draw(t, "c")
		digits := rapid.IntRange(0, FractionDigits).Draw(t, "digits")
		product := new(big.Rat).Mul(a.Rat(), b.Rat())
		got, ok := a.Mul(b)
		checkBounded(t, "Mul", got, ok, roundHalfAway(product, FractionDigits))
		got, ok = MulDiv(a, b, c, digits)
		if c.IsZero() {
			if ok {
				t.Fatal("MulDiv by zero succeeded")
			}
		} else {
			checkBounded(t, "MulDiv", got, ok, roundHalfAway(new(big.Rat).Quo(product, c.Rat()), digits))
		}
		if want := roundHalfAway(a.Rat(), digits); a.Round(digits).Rat().Cmp(want) != 0 {
			t.Fatalf("%s.Round(%d) = %s", a, digits, a.Round(digits))
		}
	})
}

func checkBounded(t *rapid.T, name string, got Amount, ok bool, want *big.Rat) {
	if ok != inRange(want) {
		t.Fatalf("%s: ok is %v for %s", name, ok, want.FloatString(9))
	}
	if ok && got.Rat().Cmp(want) != 0 || !ok && !got.IsZero() {
		t.Fatalf("%s: got %s, want %s", name, got, want.FloatString(9))
	}
}

func TestMulDivExamples(t *testing.T) {
	// Proration, revenue and cost basis come out as in semantics 10.4, 19.2 and W30.
	t.Parallel()
	for _, x := range []struct {
		a, b, c string
		digits  int
		want    string
	}{
		{"4000", "1706400", "2592000", 9, "2633.333333333"},
		{"4000", "1706400", "2592000", 0, "2633"},
		{"99.99", "37", "1000", 2, "3.7"},
		{"10", "1", "3", 2, "3.33"},
		{"10", "2", "3", 2, "6.67"},
		{"5", "1", "333", 9, "0.015015015"},
		{"333", "0.015", "1", 2, "5"},
		{"-1", "1", "2", 0, "-1"},
		{"1", "0.000000001", "2", 9, "0.000000001"},
		{"1", "0.49", "1", 0, "0"},
	} {
		got, ok := MulDiv(must(t, x.a), must(t, x.b), must(t, x.c), x.digits)
		if !ok || got.String() != x.want {
			t.Errorf("MulDiv(%s, %s, %s, %d) = %s, %v; want %s", x.a, x.b, x.c, x.digits, got, ok, x.want)
		}
	}
}

func TestLongDivision(t *testing.T) {
	// Dividing 256 bits by 128 agrees with math/big where digit estimates are hardest: words of all ones and zeros.
	t.Parallel()
	words := []uint64{0, 1, 1 << 63, 1<<63 + 1, ^uint64(0), ^uint64(0) - 1, 1 << 32}
	for _, a := range words {
		for _, b := range words {
			for _, c := range words {
				for _, d := range words {
					for _, e := range words {
						checkDivision(t, uint256{0, a, b, c}, uint128{d, e})
						checkDivision(t, uint256{a >> 1, b, c, e}, uint128{d, b})
					}
				}
			}
		}
	}
}

func checkDivision(t *testing.T, p uint256, d uint128) {
	t.Helper()
	if d == (uint128{}) {
		return
	}
	n, m := wordsToInt(p[:]...), wordsToInt(d.hi, d.lo)
	wantQ, wantR := new(big.Int).QuoRem(n, m, new(big.Int))
	q, r, ok := p.div128(d)
	if ok != (wantQ.BitLen() <= 128) {
		t.Fatalf("%v / %v: ok is %v", p, d, ok)
	}
	if ok && (wordsToInt(q.hi, q.lo).Cmp(wantQ) != 0 || wordsToInt(r.hi, r.lo).Cmp(wantR) != 0) {
		t.Fatalf("%v / %v = %v rest %v", p, d, q, r)
	}
}

func wordsToInt(words ...uint64) *big.Int {
	n := new(big.Int)
	for _, w := range words {
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w))
	}
	return n
}

func TestFromInt(t *testing.T) {
	// FromInt is exact for every int64.
	t.Parallel()
	for _, n := range []int64{0, 1, -1, 42, 999_999_999_999_999, 1<<63 - 1, -1 << 63} {
		if got := FromInt(n).Rat(); got.Cmp(new(big.Rat).SetInt64(n)) != 0 {
			t.Errorf("FromInt(%d) = %s", n, got)
		}
	}
}

func TestMinorDigits(t *testing.T) {
	// Minor units follow ISO 4217 in either case, and default to 2.
	t.Parallel()
	for code, want := range map[string]int{"usd": 2, "EUR": 2, "jpy": 0, "KRW": 0, "bhd": 3, "CLF": 4, "": 2, "xx": 2, "long": 2} {
		if got := MinorDigits(code); got != want {
			t.Errorf("MinorDigits(%q) = %d, want %d", code, got, want)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	// The operations on the path of an event allocate nothing.
	a, b := must(t, "123456.789"), must(t, "-0.000000001")
	lit := []byte(`"123456.789"`)
	buf := make([]byte, 0, 64)
	long := strings.Repeat("9", 15) + ".123456789"
	var sink Amount
	n := testing.AllocsPerRun(100, func() {
		sink = a.Add(b).Sub(b).Neg()
		if a.Cmp(b) < 0 || a.Less(b) {
			return
		}
		sink, _ = a.Mul(b)
		sink, _ = MulDiv(a, b, a, 2)
		sink, _ = Parse(long)
		sink, _ = Parse("nonsense")
		sink, _ = ParseJSON(lit)
		out := a.AppendText(buf)
		out = a.AppendBinary(out)
		sink, _, _ = DecodeBinary(out[len(out):])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	_ = sink
}

func BenchmarkAdd(b *testing.B) {
	x, y := must(b, "123456.789"), must(b, "0.000000001")
	for b.Loop() {
		x = x.Add(y)
	}
}

func BenchmarkMul(b *testing.B) {
	x, y := must(b, "123456.789"), must(b, "0.002")
	for b.Loop() {
		_, _ = x.Mul(y)
	}
}

func BenchmarkMulDiv(b *testing.B) {
	x, y, z := must(b, "99.99"), must(b, "37"), must(b, "1000")
	for b.Loop() {
		_, _ = MulDiv(x, y, z, 2)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		_, _ = Parse("123456.789")
	}
}

func BenchmarkAppendText(b *testing.B) {
	x := must(b, "123456.789")
	buf := make([]byte, 0, 64)
	for b.Loop() {
		_ = x.AppendText(buf)
	}
}
