package engine_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
	"github.com/scrip-dev/scrip/test/postgres"
)

const usagePeriod ledger.Time = 30 * 24 * 3600 * 1_000_000

// uniqueOp is an event that counts the values of a usage period, at one credit each.
type uniqueOp struct {
	burnOp
	period ledger.Time
	value  string
	units  amount.Amount
}

func (o *uniqueOp) Decide(tx *engine.Tx) error {
	charge := o.charge()
	charge.Meter = &engine.MeterUse{
		Period: o.period, End: o.period + usagePeriod, Meter: &rating.Meter{Aggregation: rating.Unique},
		Measure: rating.Measurement{Units: amount.FromInt(1), Value: o.value},
	}
	if err := tx.Recall(&charge); err != nil {
		return err
	}
	o.units = tx.Preview(&charge)
	if again := tx.Advance(&charge); again != o.units {
		return fmt.Errorf("a preview of %s, then %s", o.units, again)
	}
	charge.Units, charge.Cost = o.units, o.units
	return o.burn(tx, charge)
}

// count reports a value in a usage period and returns the units that it added.
func (b *bundle) count(t testing.TB, period ledger.Time, value string) string {
	t.Helper()
	op := &uniqueOp{burnOp: burnOp{customer: "c", key: fmt.Sprint(value, b.clock.Add(1)), at: period}, period: period, value: value}
	b.do(t, op)
	return op.units.String()
}

// stored is how many bytes the customer's meters take.
func (b *bundle) stored(t testing.TB) (size int) {
	t.Helper()
	if err := b.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := b.store.Reader().QueryRowContext(t.Context(), `SELECT LENGTH(state) FROM owners WHERE customer = 'c' AND currency = ''`)
	if err := row.Scan(&size); err != nil {
		t.Fatal(err)
	}
	return size
}

func TestMetersAreForgotten(t *testing.T) {
	// Meters of periods that no event can reach any more take no room. An event that a person lets in long after gets the
	// units that it would have got in time, and a rebuild gives the same bytes (E5).
	t.Parallel()
	database := postgres.Options(t)
	b := setupWindows(t, database, 16)
	start := ledger.Time(b.clock.Load())
	sizes := map[int]int{}
	for n := range 12 {
		period := start + ledger.Time(n)*usagePeriod
		b.clock.Store(int64(period))
		for i, want := range []string{"1", "1", "0"} {
			if got := b.count(t, period, fmt.Sprint("v", i%2)); got != want {
				t.Errorf("period %d, event %d adds %s units, want %s", n, i, got, want)
			}
		}
		if n > 0 && b.count(t, period-usagePeriod, "v0") != "0" {
			t.Errorf("the period before %d is forgotten while events of it can come", n)
		}
		sizes[n] = b.stored(t)
	}
	if sizes[11] > sizes[4] {
		t.Errorf("the meters take %d bytes after five periods and %d after twelve", sizes[4], sizes[11])
	}
	for i, step := range []struct{ value, want string }{{"v0", "0"}, {"new", "1"}, {"new", "0"}, {"newer", "1"}} {
		if got := b.count(t, start, step.value); got != step.want {
			t.Errorf("late event %d adds %s units, want %s", i, got, step.want)
		}
	}
	b.stored(t)
	before := dump(t, b.store)
	b = b.rebuilt(t, database, 16)
	b.stored(t)
	if diff := cmp.Diff(before, dump(t, b.store)); diff != "" {
		t.Errorf("rebuilt rows differ (-before +after):\n%s", diff)
	}
	b.close(t)
}
