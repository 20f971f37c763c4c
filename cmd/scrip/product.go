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
	"github.com/scrip-dev/scrip/internal/outbound"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/internal/webhook"
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
	clock := func(string) ledger.Time { return ledger.Time(d.Now().UnixMicro()) }
	watch := &credits.Watch{}
	p.engine, err = engine.Open(ctx, engine.Options{
		Journal: st.Journal(), Shards: shape.Shards, WindowEntries: shape.WindowEntries, Log: d.Log,
		Clock:      clock,
		LateGrace:  func(string) ledger.Time { return lateGrace },
		Thresholds: watch.Of,
	})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	vault, err := openVault(d)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	policy := outbound.Policy{AllowPrivate: d.AllowPrivateWebhooks}
	p.service, err = credits.New(ctx, credits.Options{
		Store: st, Engine: p.engine, Clock: clock, NewID: newID, Random: rand.Reader, Vault: vault, Outbound: policy,
		Watch: watch,
	})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.wait.Go(func() { p.sweep(sweeping, d.Log) })
	p.wait.Go(func() { p.service.NewTeller(d.Log).Run(sweeping) })
	p.wait.Go(func() { p.tell(sweeping, d, policy) })
	return p, nil
}

// newID returns a time-ordered, opaque id.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// tell sends what webhook endpoints are owed, until it is told to stop.
func (p *product) tell(ctx context.Context, d deps, policy outbound.Policy) {
	client := outbound.NewClient(outbound.Options{Policy: policy})
	defer client.Close()
	if policy.AllowPrivate {
		d.Log.Warn("webhook endpoints may have private addresses; anyone with a key can make this server call machines of its network")
	}
	webhook.NewSender(webhook.Options{Credits: p.service, Client: client, Now: d.Now, Name: newID(), Log: d.Log}).Run(ctx)
}

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
