package ledger

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/scrip-dev/scrip/internal/amount"
)

func newBenchTx() *Tx {
	cause := &Cause{Txn: "01JD8Q2M3N4P5Q6R7S8T9V0W1X", Event: "evt_0123456789abc", EventAt: at("03-01"), Actor: Actor{ActorAPI, "key_0123456789abc"}}
	id := GrantID(0)
	watch, err := NewThresholds([]amount.Amount{amt("80"), amt("50"), amt("20")}, nil, []amount.Amount{amt("80")})
	if err != nil {
		panic(err)
	}
	return &Tx{Thresholds: watch, Now: at("03-01"), Cause: cause, SystemCause: cause, LateGrace: hour, NewGrant: func() GrantID { id++; return id }}
}

var benchCharge = Charge{Feature: "feature-image-upscale", Mapping: "map_0123456789abc", Version: 3}

// benchPool returns a pool with n open grants, all but a few with an expiry, and the transaction that made it.
func benchPool(b testing.TB, n int, each string) (*Pool, *Tx) {
	p := NewPool(Key{"env_prod", "customer-0123456789", "ai-tokens", ""})
	tx := newBenchTx()
	for i := range n {
		g := Grant{Type: Paid, Priority: int32(i % 3), Amount: amt(each), Cost: usd("100"), ExpireAt: at("06-01") + Time(i)*second}
		if _, err := p.AddGrant(tx, g); err != nil {
			b.Fatal(err)
		}
		p.Conclude(tx)
		tx.Facts, tx.concluded = tx.Facts[:0], 0
	}
	return p, tx
}

func BenchmarkBurn(b *testing.B) {
	for _, n := range []int{1, 10, 10_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			p, tx := benchPool(b, n, "90000000000")
			cost := amt("0.3")
			b.ReportAllocs()
			for b.Loop() {
				tx.Facts = tx.Facts[:0]
				if err := p.Burn(tx, cost, benchCharge); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBurnThrough empties a grant with every burn, which is when the order moves.
func BenchmarkBurnThrough(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("grants=%d", n), func(b *testing.B) {
			fresh, tx := benchPool(b, n, "1")
			cost, left := amt("1"), 0
			var p *Pool
			b.ReportAllocs()
			for b.Loop() {
				if left == 0 {
					b.StopTimer()
					p, left = fresh.Clone(), n
					b.StartTimer()
				}
				left--
				tx.Facts = tx.Facts[:0]
				if err := p.Burn(tx, cost, benchCharge); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHashRow(b *testing.B) {
	p, tx := benchPool(b, 1, "1000")
	if err := p.Burn(tx, amt("0.3"), benchCharge); err != nil {
		b.Fatal(err)
	}
	r := &tx.Facts[0].Row
	b.ReportAllocs()
	for b.Loop() {
		HashRow(&p.key, p.head, r)
	}
}

func BenchmarkApplyRow(b *testing.B) {
	p, tx := benchPool(b, 1, "90000000000")
	for range 1000 {
		if err := p.Burn(tx, amt("0.3"), benchCharge); err != nil {
			b.Fatal(err)
		}
	}
	fresh, _ := benchPool(b, 1, "90000000000")
	var twin *Pool
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == 0 {
			twin = fresh.Clone()
		}
		twin.Apply(&tx.Facts[i])
		i = (i + 1) % len(tx.Facts)
	}
}

func BenchmarkFactCodec(b *testing.B) {
	p, tx := benchPool(b, 1, "1000")
	if err := p.Burn(tx, amt("0.3"), benchCharge); err != nil {
		b.Fatal(err)
	}
	origin := &Origin{Cause: tx.Cause, SystemCause: tx.Cause}
	buf := AppendFact(nil, &tx.Facts[0], origin)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		b.ReportMetric(float64(len(buf)), "B/fact")
		for b.Loop() {
			buf = AppendFact(buf[:0], &tx.Facts[0], origin)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := DecodeFact(buf, origin); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPoolCodec(b *testing.B) {
	for _, n := range []int{1, 100} {
		p, _ := benchPool(b, n, "1000")
		buf := p.AppendBinary(nil)
		b.Run(fmt.Sprintf("append/grants=%d", n), func(b *testing.B) {
			b.ReportMetric(float64(len(buf)), "B/pool")
			for b.Loop() {
				buf = p.AppendBinary(buf[:0])
			}
		})
		b.Run(fmt.Sprintf("decode/grants=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodePool(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestBurnDoesNotAllocate(t *testing.T) { // A burn on an open grant allocates nothing but room for its facts.
	p, tx := benchPool(t, 2, "1000000")
	cost := amt("0.3")
	n := testing.AllocsPerRun(1000, func() {
		tx.Facts = tx.Facts[:0]
		if err := p.Burn(tx, cost, benchCharge); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a burn", n)
	}
}

func TestPoolSize(t *testing.T) { // A pool with one or two grants costs well under 1 KB, however it came into memory.
	const pools = 2000
	for grants, limit := range map[int]uint64{1: 680, 2: 930} {
		sample, _ := benchPool(t, grants, "1000")
		form := sample.AppendBinary(nil)
		keep := make([]*Pool, pools)
		before := liveBytes()
		for i := range keep {
			keep[i], _ = DecodePool(form)
		}
		each := (liveBytes() - before) / pools
		t.Logf("%d grants with expiry: %d bytes a pool, key texts included", grants, each)
		if each > limit {
			t.Errorf("%d grants: %d bytes a pool, want at most %d", grants, each, limit)
		}
		runtime.KeepAlive(keep)
	}
}

func liveBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkConclude is what an event that crosses no threshold pays for the look at them.
func BenchmarkConclude(b *testing.B) {
	p, tx := benchPool(b, 2, "90000000000")
	if err := p.Burn(tx, amt("0.3"), benchCharge); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tx.concluded = 0
		p.Conclude(tx)
	}
}
