package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

// The limit race.
const (
	raceRounds = 200
	racers     = 64
	raceNodes  = 2
)

func TestLimitRace(t *testing.T) {
	// I5: of 64 strict consumes of a at once, on two nodes, exactly as many succeed as the balance is worth, and it is never
	// below zero.
	t.Parallel()
	o := process.Options{Path: build(t), URL: postgres.Database(t), Key: process.APIKey}
	prepare(t, o)
	c := start(t, o, raceNodes)
	random := rand.New(rand.NewPCG(*seedFlag, 0))
	for n := range raceRounds {
		if err := race(t.Context(), c, random, n); err != nil {
			t.Fatalf("round %d: %v\nrepeat with: go test ./test/linear -count=1 -run %s -linear.seed=%d", n, err, t.Name(), *seedFlag)
		}
	}
	finish(t, c, o)
}

// race grants a random balance and lets all racers consume a random amount of it at once.
func race(ctx context.Context, c *cluster, random *rand.Rand, n int) error {
	p, pool := pools{fmt.Sprint("race-", n)}, n%poolsAll
	balance := 1 + random.Int64N(1000)
	amount := 1 + random.Int64N(balance)
	if random.IntN(2) == 0 {
		amount = 1 + random.Int64N(1+balance/racers*2) // about as many as there are racers
	}
	granting := p.grant(pool, 1, fmt.Sprint("race-", n), balance, time.Now())
	if err := c.must(ctx, random, granting.request, nil); err != nil {
		return err
	}
	succeeded, err := consumeAtOnce(ctx, c, random.Uint64(), func(racer int) operation {
		return p.consumption(pool, fmt.Sprintf("race-%d-%d", n, racer), amount)
	})
	if err != nil {
		return err
	}
	if want := min(balance/amount, racers); succeeded != want {
		return fmt.Errorf("%d of %d consumes of %d succeeded on a balance of %d; want %d", succeeded, racers, amount, balance, want)
	}
	reading, left := p.balance(pool), answered{}
	for range raceNodes {
		a, err := c.send(ctx, random, reading.request)
		if err == nil {
			err = reading.accept(&left, a)
		}
		if err != nil {
			return err
		}
		if want := balance - succeeded*amount; left.balance != want || left.available != want {
			return fmt.Errorf("the balance is %d, %d of it available; want %d", left.balance, left.available, want)
		}
	}
	return nil
}

// consumeAtOnce sends an operation of each racer at the same time, and counts those that were done.
func consumeAtOnce(ctx context.Context, c *cluster, seed uint64, make func(racer int) operation) (int64, error) {
	var succeeded atomic.Int64
	errs := [racers]error{}
	begin := sync.WaitGroup{}
	begin.Add(1)
	var wait sync.WaitGroup
	for racer := range racers {
		random := rand.New(rand.NewPCG(seed, uint64(racer)))
		wait.Go(func() {
			op, out := make(racer), answered{}
			begin.Wait()
			a, err := c.send(ctx, random, op.request)
			if err == nil {
				err = op.accept(&out, a)
			}
			if errs[racer] = err; out.outcome == done {
				succeeded.Add(1)
			}
		})
	}
	begin.Done()
	wait.Wait()
	return succeeded.Load(), errors.Join(errs[:]...)
}
