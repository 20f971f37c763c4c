package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

// lateGrace is how long after a grant's expiry a late event may still burn it (semantics 7.3).
const lateGrace = ledger.Time(time.Hour / time.Microsecond)

// sweepEvery is how often due expiries and activations are looked for. Being late changes no row.
const sweepEvery = time.Second

// product is the parts of the program that hold data.
type product struct {
	store   *store.Store
	engine  *engine.Engine
	service *credits.Service
	stop    context.CancelFunc
	wait    sync.WaitGroup
}

// openProduct opens the database and starts what works on it.
func openProduct(ctx context.Context, d deps) (*product, error) {
	st, err := store.Open(ctx, store.Options{Dir: d.DataDir, URL: d.DatabaseURL, Now: d.Now, Logger: d.Log})
	if err != nil {
		return nil, err
	}
	shape, err := shapeOf(ctx, st, d)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	p := &product{store: st, stop: func() {}}
	clocks := credits.NewClocks(func(string) ledger.Time { return ledger.Time(d.Now().UnixMicro()) })
	if err := clocks.Load(ctx, st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	p.engine, err = engine.Open(ctx, engine.Options{
		Journal: st.Journal(), Shards: shape.Shards, WindowEntries: shape.WindowEntries, Log: d.Log,
		Clock:     clocks.Now,
		LateGrace: func(string) ledger.Time { return lateGrace },
	})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	p.service, err = credits.New(ctx, credits.Options{Store: st, Engine: p.engine, Clocks: clocks, NewID: newID, Random: rand.Reader})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.wait.Go(func() { p.sweep(sweeping, d.Log) })
	return p, nil
}

// newID returns a time-ordered, opaque id.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// sweep posts what is due, again and again, until it is told to stop.
func (p *product) sweep(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, env := range p.service.Environments() {
			if _, err := p.service.Sweep(ctx, env.ID); err != nil && ctx.Err() == nil {
				log.Warn("sweep failed; it will be tried again", "environment", env.ID, "error", err)
			}
		}
	}
}

// close lets what waits be decided and committed, and lets go of the database.
func (p *product) close() error {
	p.stop()
	p.wait.Wait()
	p.engine.Close()
	return p.store.Close()
}
