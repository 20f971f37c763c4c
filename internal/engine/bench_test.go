package engine_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/postgres"
)

// BenchmarkEvents measures the writer and the store without HTTP: 4 callers with batches of 1,000 over 10,000 pools.
func BenchmarkEvents(b *testing.B) {
	e := setup(b, postgres.Options(b))
	defer e.close(b)
	const customers, size, callers = 10_000, 1000, 4
	grants := make([]engine.Op, customers)
	for c := range grants {
		grants[c] = &grantOp{customer: fmt.Sprint("customer-", c), amount: 1e12, expire: ledger.Never}
	}
	e.do(b, grants...)
	b.ResetTimer()
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			ops := make([]engine.Op, size)
			for n := caller; n < b.N/size+1; n += callers {
				for i := range ops {
					k := n*size + i
					ops[i] = &plainBurn{burnOp{customer: fmt.Sprint("customer-", uint32(k)*2654435761%customers), key: fmt.Sprintf("key-%016d", k), cost: 2, at: ledger.Time(e.clock.Load())}}
				}
				for _, err := range e.Do(b.Context(), ops...) {
					if err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
	wait.Wait()
}

// plainBurn is a burn without a cumulative meter, as most events are.
type plainBurn struct{ burnOp }

func (o *plainBurn) Decide(tx *engine.Tx) error { return o.burn(tx, o.charge()) }

// BenchmarkOpen measures a start: replaying a journal of 200,000 events over 10,000 pools. One operation is one event.
func BenchmarkOpen(b *testing.B) {
	const customers, events = 10_000, 200_000
	database := postgres.Options(b)
	e := setup(b, database)
	for from := 0; from < events; from += 5000 {
		ops := make([]engine.Op, 5000)
		for i := range ops {
			k := from + i
			ops[i] = &plainBurn{burnOp{customer: fmt.Sprint("customer-", k%customers), key: fmt.Sprintf("key-%016d", k), cost: 2, at: 1}}
		}
		e.do(b, ops...)
	}
	e.close(b)
	b.ResetTimer()
	for n := 0; n < b.N; n += events {
		e = setup(b, database)
		b.StopTimer()
		e.close(b)
		b.StartTimer()
	}
}

// BenchmarkMerge is what merging costs, reading and deleting included, for each key of the new run. Commits are of the size
// that they have under load.
func BenchmarkMerge(b *testing.B) {
	const chunks = 100
	for _, runs := range []int{2, 8} {
		b.Run(fmt.Sprint("runs=", runs), func(b *testing.B) {
			keys := 0
			for b.Loop() {
				b.StopTimer()
				e := setup(b, postgres.Options(b))
				r, err := engine.MakeKeyRuns(b.Context(), e.store.Journal(), runs)
				if err != nil {
					b.Fatal(err)
				}
				keys += r.Keys()
				b.StartTimer()
				if err := r.Merge(chunks); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				e.close(b)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(keys), "ns/key")
		})
	}
}

// BenchmarkKeyChunk is what it costs to confirm that a filter let an absent key pass.
func BenchmarkKeyChunk(b *testing.B) {
	e := setup(b, postgres.Options(b))
	defer e.close(b)
	runs, err := engine.MakeKeyRuns(b.Context(), e.store.Journal(), 8)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if err := runs.ReadChunk(b.Context(), random); err != nil {
			b.Fatal(err)
		}
	}
}
