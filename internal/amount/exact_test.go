package amount

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestExactOperations(t *testing.T) {
	// MulExact and QuoExact give the exact result or none.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyAmount().Draw(t, "a"), anyAmount().Draw(t, "b")
		got, ok := a.MulExact(b)
		checkExact(t, "MulExact", got, ok, new(big.Rat).Mul(a.Rat(), b.Rat()))
		if b.IsZero() {
			return
		}
		got, ok = a.QuoExact(b)
		checkExact(t, "QuoExact", got, ok, new(big.Rat).Quo(a.Rat(), b.Rat()))
		product, ok := a.MulExact(b)
		if !ok {
			return
		}
		if back, ok := product.QuoExact(b); ok != a.InRange() || ok && back != a {
			t.Fatalf("%s × %s ÷ %s = %s, %v", a, b, b, back, ok)
		}
	})
}

func checkExact(t *rapid.T, name string, got Amount, ok bool, want *big.Rat) {
	if ok != (inRange(want) && roundHalfAway(want, FractionDigits).Cmp(want) == 0) {
		t.Fatalf("%s: ok is %v for %s", name, ok, want)
	}
	if ok && got.Rat().Cmp(want) != 0 || !ok && !got.IsZero() {
		t.Fatalf("%s: got %s, want %s", name, got, want)
	}
}

func TestWholeNumbers(t *testing.T) {
	// Floor, Ceil and Blocks agree with rational arithmetic.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, size := anyAmount().Draw(t, "a"), rapid.Int64Range(1, 1e15).Draw(t, "size")
		floor, ceil := a.Floor(), a.Ceil()
		for _, whole := range []Amount{floor, ceil} {
			if !whole.Rat().IsInt() {
				t.Fatalf("%s is not whole", whole)
			}
		}
		one := FromInt(1)
		if a.Less(floor) || !a.Less(floor.Add(one)) || ceil.Less(a) || !ceil.Sub(one).Less(a) {
			t.Fatalf("%s lies between %s and %s", a, floor, ceil)
		}
		blocks, begun := a.Abs().Blocks(FromInt(size))
		ratio := new(big.Rat).Quo(a.Abs().Rat(), new(big.Rat).SetInt64(size))
		want := new(big.Int).Quo(ratio.Num(), ratio.Denom())
		if blocks.Rat().Cmp(new(big.Rat).SetInt(want)) != 0 || begun == ratio.IsInt() {
			t.Fatalf("%s in blocks of %d: %s, %v", a, size, blocks, begun)
		}
	})
}

func TestTimesAndInt64(t *testing.T) {
	// Times is exact for amounts in range, whatever their sign, and Int64 gives back whole amounts only.
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, n := anyAmount().Draw(t, "a"), rapid.Int64Range(0, 1<<40).Draw(t, "n")
		if !a.InRange() {
			return
		}
		want := new(big.Rat).Mul(a.Rat(), new(big.Rat).SetInt64(n))
		if got := a.Times(n); got.Rat().Cmp(want) != 0 {
			t.Fatalf("%s × %d = %s, want %s", a, n, got, want.FloatString(9))
		}
		whole, ok := a.Int64()
		if ok != a.Rat().IsInt() || ok && FromInt(whole) != a {
			t.Fatalf("%s is %d, %v", a, whole, ok)
		}
	})
}
