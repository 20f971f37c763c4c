package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scrip-dev/scrip/internal/api"
	"github.com/scrip-dev/scrip/internal/credits"
)

// deps is what the parts of the product are built from.
type deps struct {
	DataDir     string // folder of the SQLite database
	DatabaseURL string // instead of DataDir when not empty
	Shards      uint16 // wanted for a new database, 0 for as many as fit it; an existing one must have as many
	APIKey      string // full-access key wanted for the first environment; empty asks for a generated one
	// SecretKey is what secrets are encrypted under; empty means a key file beside the SQLite database, and on PostgreSQL none.
	SecretKey credits.Secret
	// AllowPrivateWebhooks lets webhook endpoints use http and private addresses.
	AllowPrivateWebhooks bool
	Now                  func() time.Time
	Log                  *slog.Logger
	Metrics              prometheus.Registerer
	Announce             io.Writer // for what an operator must see once, such as a generated key
}

// app is the product as the server sees it.
type app struct {
	Handler http.Handler                // everything but the probes and metrics
	Ready   func(context.Context) error // nil when requests can be served
	Failed  <-chan struct{}             // closed when the database can no longer be trusted; the program must end
	Close   func() error                // flushes and lets go of the database; called once, after the last request
}

// newHandler builds the product: it opens the database and mounts the API. A failure is one sentence an operator can act
// on, for example that another process holds the data folder.
func newHandler(ctx context.Context, d deps) (*app, error) {
	ctx = context.WithoutCancel(ctx) // a start is completed and then drained, never cut short
	p, err := openProduct(ctx, d)
	if err != nil {
		return nil, err
	}
	handler, err := p.handler(ctx, d)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return &app{
		Handler: handler,
		Ready:   p.store.Ready,
		Failed:  p.store.Failed(),
		Close:   p.close,
	}, nil
}

// handler makes the first environments and keys if there are none, and mounts the API.
func (p *product) handler(ctx context.Context, d deps) (http.Handler, error) {
	first, err := p.service.Bootstrap(ctx, d.APIKey)
	if err != nil {
		return nil, err
	}
	for _, key := range first.Keys {
		fmt.Fprintf(d.Announce, "API key of %s, shown this once: %s\n", key.Environment, key.Text)
	}
	secret := make([]byte, cursorSecretBytes)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	if secret, err = p.store.Setting(ctx, "cursor_secret", secret); err != nil {
		return nil, err
	}
	return api.New(api.Options{
		Credits: p.service, CursorSecret: secret, Now: d.Now, NewID: newID,
		Responses: p.store, Log: d.Log, Metrics: newRequestMetrics(d.Metrics),
	})
}

// cursorSecretBytes is the length of the secret that authenticates cursors.
const cursorSecretBytes = 32
