package credits_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

// hammer lets node a write ever greater numbers to something and acknowledge each, while requests on node b read it. A
// request that reads less than what was acknowledged before it came has read something stale.
func hammer(t *testing.T, writes int, write func(n int) error, read func() (int, error)) {
	const readers = 8
	var acknowledged atomic.Int64
	var reads atomic.Int64
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range readers {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := acknowledged.Load()
				got, err := read()
				reads.Add(1)
				if err != nil || int64(got) < before {
					t.Errorf("stale read: %d, %v after %d was acknowledged", got, err, before)
					return
				}
			}
		})
	}
	for n := 1; n <= writes && !t.Failed(); n++ {
		if err := write(n); err != nil {
			t.Errorf("write %d: %v", n, err)
		}
		acknowledged.Store(int64(n))
	}
	close(done)
	wait.Wait()
	t.Logf("%d writes, %d reads", writes, reads.Load())
}

const hammerWrites = 300

func TestHammer_customer(t *testing.T) {
	// No read of a customer on one node is older than what another node had acknowledged before.
	t.Parallel()
	a, b := twoNodes(t)
	a.customer("ann")
	hammer(t, hammerWrites, func(n int) error {
		_, err := a.UpdateCustomer(a.ctx, env, actor, "ann", credits.CustomerUpdate{Name: credits.Set(strconv.Itoa(n))})
		return err
	}, func() (int, error) {
		if err := b.Confirm(b.ctx); err != nil {
			return 0, err
		}
		cs, err := b.CustomerState(b.ctx, env, "ann")
		if err != nil || cs.Customer.Name == "" {
			return 0, err
		}
		return strconv.Atoi(cs.Customer.Name)
	})
}

func TestHammer_catalogue(t *testing.T) {
	// No read of the catalogue on one node is older than what another node had acknowledged before.
	t.Parallel()
	a, b := twoNodes(t)
	a.shop()
	hammer(t, hammerWrites, func(n int) error {
		_, err := a.UpdateProduct(a.ctx, env, actor, "app", credits.ProductUpdate{DisplayName: credits.Set("App " + strconv.Itoa(n))})
		return err
	}, func() (int, error) {
		if err := b.Confirm(b.ctx); err != nil {
			return 0, err
		}
		p, ok := b.Catalog(env).Product("app")
		if !ok {
			return 0, errors.New("no product")
		}
		n := 0
		_, err := fmt.Sscanf(p.DisplayName+" 0", "App %d", &n)
		return n, err
	})
}

func BenchmarkConfirm(b *testing.B) {
	// What a request pays for being up to date: alone, with 63 others, and in the largest installation.
	for _, c := range []struct{ callers, environments int }{{1, 2}, {64, 2}, {1, 100}, {64, 100}} {
		b.Run(fmt.Sprintf("callers=%d/environments=%d", c.callers, c.environments), func(b *testing.B) {
			w := open(b, store.Options{URL: postgres.Database(b)})
			for i := len(w.Environments()); i < c.environments; i++ {
				must[*credits.Environment](b)(w.CreateEnvironment(w.ctx, actor, fmt.Sprint("Test ", i), false))
			}
			var wait sync.WaitGroup
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			for range c.callers {
				wait.Go(func() {
					for left.Add(-1) >= 0 {
						if err := w.Confirm(w.ctx); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wait.Wait()
		})
	}
}
