package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// The shape of a round.
const (
	clients  = 64
	poolsAll = 64
	giveUp   = 10 // one request in so many is not sent again when its outcome is unknown
)

// round is the load on one set of pools.
type round struct {
	cluster *cluster
	pools   pools
	history *history
	began   time.Time
	left    atomic.Int64 // operations to begin
	serial  atomic.Int64
	known   [poolsAll]known
}

// known is what clients know of a pool that they can change.
type known struct {
	mu     sync.Mutex
	grants []handle
	holds  []handle
}

// handle is a grant that may be voided, or a hold that may be ended.
type handle struct {
	id     string
	no     int
	amount int64
}

// take removes a random handle.
func (k *known) take(random *rand.Rand, list *[]handle) (handle, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(*list)
	if n == 0 {
		return handle{}, false
	}
	i := random.IntN(n)
	h := (*list)[i]
	(*list)[i] = (*list)[n-1]
	*list = (*list)[:n-1]
	return h, true
}

func (k *known) put(list *[]handle, h handle) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*list = append(*list, h)
}

func newRound(c *cluster, name string, operations int) *round {
	r := &round{cluster: c, pools: pools{name}, history: newHistory(poolsAll), began: time.Now()}
	r.left.Store(int64(operations))
	return r
}

// run lets clients work until the operations are used up, and then reads every pool once more.
func (r *round) run(ctx context.Context, seed uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	for i := range clients {
		c := &worker{round: r, number: i, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		wait.Go(func() {
			for r.left.Add(-1) >= 0 && ctx.Err() == nil {
				if err := c.do(ctx, c.choose()); err != nil {
					cancel(fmt.Errorf("client %d: %w", c.number, err))
				}
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	last := &worker{round: r, number: clients, random: rand.New(rand.NewPCG(seed, clients))}
	for pool := range poolsAll {
		if err := last.do(ctx, r.pools.balance(pool)); err != nil {
			return err
		}
	}
	return nil
}

// worker is one client. It waits for each outcome before it goes on.
type worker struct {
	round  *round
	number int
	random *rand.Rand
}

// choose draws an operation. Some pools are asked for much more often than others, so that clients meet there.
func (w *worker) choose() operation {
	r, pool := w.round, w.random.IntN(1+w.random.IntN(poolsAll))
	serial := int(r.serial.Add(1))
	key := fmt.Sprintf("%s-%d", r.pools.resource, serial)
	amount := 1 + w.random.Int64N(20)
	switch draw := w.random.IntN(100); {
	case draw < 30:
		return r.pools.consumption(pool, key, amount)
	case draw < 36:
		return r.pools.quietConsumption(pool, key, amount)
	case draw < 48:
		return r.pools.grant(pool, serial, key, 3*amount, r.began)
	case draw < 62:
		return w.change(pool, key, amount)
	case draw < 75:
		return r.pools.check(pool, amount)
	}
	return r.pools.balance(pool)
}

// change voids a grant in one half of the pools, and makes or ends a hold in the other.
func (w *worker) change(pool int, key string, amount int64) operation {
	r, k := w.round, &w.round.known[pool]
	if pool%2 == 1 {
		if g, ok := k.take(w.random, &k.grants); ok {
			return r.pools.void(pool, g.no, g.id)
		}
		return r.pools.balance(pool)
	}
	if w.random.IntN(2) == 0 {
		if h, ok := k.take(w.random, &k.holds); ok {
			return r.pools.end(pool, h.id, h.amount, w.random.Int64N(h.amount+1))
		}
	}
	return r.pools.reservation(pool, key, amount)
}

// do sends an operation until there is an outcome, or gives up, and writes down what can be said.
func (w *worker) do(ctx context.Context, op operation) error {
	ctx, cancel := context.WithTimeout(ctx, outcomeMax)
	defer cancel()
	h, patient := w.round.history, op.kind == read || !op.once && w.random.IntN(giveUp) > 0
	first := int64(never)
	for {
		called := h.now()
		a, err := w.round.cluster.send(ctx, w.random, op.request)
		var out answered
		if err == nil {
			err = op.accept(&out, a)
		}
		if !errors.Is(err, errNotSent) {
			first = min(first, called)
		}
		switch {
		case err == nil:
			w.conclude(op, out, first, called, h.now())
			return nil
		case !errors.Is(err, errNoOutcome) && !errors.Is(err, errNotSent):
			return fmt.Errorf("%s %s: %w", op.method, op.path, err)
		case ctx.Err() != nil:
			return fmt.Errorf("%s %s has no outcome: %w", op.method, op.path, context.Cause(ctx))
		case !patient && first != never:
			h.add(w.number, op.input, output{}, first, never)
			return nil
		}
		time.Sleep(retryWait + time.Duration(w.random.Int64N(int64(retryWait))))
	}
}

// conclude writes down an answer. What has acted has done so once, whichever attempt it was. A refusal is that of the last
// attempt: one before it may still be under way, and act later.
func (w *worker) conclude(op operation, out answered, first, called, returned int64) {
	h, k := w.round.history, &w.round.known[op.pool]
	switch {
	case op.kind == read:
		first = called
	case out.outcome == refused && first != called:
		h.add(w.number, op.input, output{}, first, never)
		first = called
	}
	h.add(w.number, op.input, out.output, first, returned)
	if out.seen != nil {
		h.add(w.number, input{pool: op.pool, kind: read}, *out.seen, called, returned)
	}
	switch {
	case out.outcome != done:
	case op.kind == grant:
		k.put(&k.grants, handle{id: out.grantID, no: op.grant})
	case op.kind == reserve:
		id := op.body.(object)["reservationId"].(string)
		k.put(&k.holds, handle{id: id, amount: op.amount})
	}
}
