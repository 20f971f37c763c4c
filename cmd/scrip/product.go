package main

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/export"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/internal/webhook"
)

// lateGrace is how long after a grant's expiry a late event may still burn it (semantics 7.3).
const lateGrace = ledger.Time(time.Hour / time.Microsecond)

// product is the parts of the program that hold data.
type product struct {
	store     *store.Store
	engine    *engine.Engine
	service   *credits.Service
	collector *billing.Collector
	stop      context.CancelFunc
	wait      sync.WaitGroup
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
	watch := &credits.Watch{}
	clocks := credits.NewClocks(func(string) ledger.Time { return ledger.Time(d.Now().UnixMicro()) })
	if err := clocks.Load(ctx, st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	p.engine, err = openEngine(ctx, engine.Options{
		Journal: st.Journal(), Shards: shape.Shards, WindowEntries: shape.WindowEntries, Log: d.Log,
		Clock:      clocks.Now,
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
		Store: st, Engine: p.engine, Clocks: clocks, NewID: newID, Random: rand.Reader, Vault: vault, Outbound: policy, Watch: watch,
		Exporter: &exporter{dir: d.ExportDir, bucket: d.ExportBucket,
			source: export.Source{Store: st, Journal: st.Journal(), Shards: shape.Shards, Clock: clocks.Now}},
		Payments: func(string) credits.PaymentPolicy { return d.Payments },
	})
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.collector = newCollector(p.service, d)
	p.service.UseCashier(p.collector)
	p.service.AddDue(p.collector)
	p.service.AddDue(credits.Exports{Service: p.service})
	scheduling, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	p.wait.Go(func() { p.service.Schedule(scheduling, d.Log) })
	p.wait.Go(func() { p.service.NewTeller(d.Log).Run(scheduling) })
	p.wait.Go(func() { p.tell(scheduling, d, policy) })
	return p, nil
}

// How long a start waits for shards that another node holds, and how long between two tries. A node that froze holds one for
// up to 5 seconds.
const (
	startWaitMax   = 15 * time.Second
	startWaitPause = 500 * time.Millisecond
)

// openEngine loads all shards. A database that cannot answer for the moment is waited for.
func openEngine(ctx context.Context, o engine.Options) (*engine.Engine, error) {
	giveUp := time.NewTimer(startWaitMax)
	defer giveUp.Stop()
	for {
		e, err := engine.Open(ctx, o)
		var known *credits.Error
		if err == nil || !errors.As(err, &known) || known.Kind != credits.KindUnavailable {
			return e, err
		}
		o.Log.Warn("the database is busy; the start goes on when it answers", "error", err)
		select {
		case <-giveUp.C:
			return nil, err
		case <-time.After(startWaitPause):
		}
	}
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

// close lets what waits be decided and committed, and lets go of the database.
func (p *product) close() error {
	p.stop()
	p.wait.Wait()
	p.engine.Close()
	return p.store.Close()
}
