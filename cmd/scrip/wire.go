package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// errNotBuilt is answered by the subcommands whose parts are not in the program yet.
var errNotBuilt = errors.New("this subcommand is not built yet")

// deps is what the parts of the product are built from. Every field is set.
type deps struct {
	DataDir     string // folder of the SQLite database
	DatabaseURL string // instead of DataDir when not empty
	APIKey      string // full-access key wanted for the first environment; empty asks for a generated one
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	Announce    io.Writer // for what an operator must see once, such as a generated key
}

// app is the product as the server sees it.
type app struct {
	Handler http.Handler                // everything but the probes and metrics
	Ready   func(context.Context) error // nil when requests can be served
	Close   func() error                // flushes and lets go of the database; called once, after the last request
}

// newHandler builds the product: it opens the database and mounts the API. A failure is one sentence an operator can act
// on, for example that another process holds the data folder.
func newHandler(context.Context, deps) (*app, error) {
	return &app{
		Handler: http.NotFoundHandler(),
		Ready:   func(context.Context) error { return nil },
		Close:   func() error { return nil },
	}, nil
}
