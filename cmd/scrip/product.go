package main

import (
	"context"
	"crypto/rand"
	"errors"
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
	scheduling, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.wait.Go(func() { p.service.Schedule(scheduling, d.Log) })
	return p, nil
}

// newID returns a time-ordered, opaque id.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// close lets what waits be decided and committed, and lets go of the database.
func (p *product) close() error {
	p.stop()
	p.wait.Wait()
	p.engine.Close()
	return p.store.Close()
}
