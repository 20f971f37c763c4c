package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/export"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// databaseFlags say where the data is. Subcommands that open the database share them.
type databaseFlags struct {
	Data        string `default:"./scrip-data" placeholder:"DIR" help:"Folder of the SQLite database; made when missing."`
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"Use this PostgreSQL database instead: postgres://user:password@host/name."`
}

// serveCommand starts the server and runs until it is told to stop. SCRIP_API_KEY, SCRIP_SECRET_KEY and those of payment providers are variables only: a
// secret on a command line can be read by every user of the machine.
type serveCommand struct {
	databaseFlags
	Shards               uint16        `placeholder:"N" help:"Units of order of a new database, 1 to ${shards_max}; fixed for ever. A new database gets ${shards_default} when nobody says."`
	Listen               string        `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the API and the probes answer."`
	MetricsListen        string        `placeholder:"HOST:PORT" help:"Serve /metrics here, to everyone. Without it /metrics stands on the main address, for this machine only."`
	AllowPrivateWebhooks bool          `help:"For development: webhook endpoints may use http, any port, this machine and private networks."`
	InvoicePolicy        string        `enum:"ISSUED,PAID" default:"ISSUED" placeholder:"WHEN" help:"Whether credits bought by invoice are usable when it is ISSUED or when it is PAID."`
	UnpaidAfter          time.Duration `default:"168h" help:"How long a failed payment may be tried again before its grant is void."`
	VoidReversed         bool          `help:"Take the rest of a grant away whose money was wholly refunded or is disputed."`
	DrainWait            time.Duration `default:"500ms" help:"How long /readyz says no before connections are refused, so that load balancers can look elsewhere."`
	DrainMax             time.Duration `default:"20s" help:"How long requests under way may take to finish once connections are refused."`
	ExportDir            string        `placeholder:"DIR" help:"Let users of the API export into folders below this one, which must exist."`
	ExportBucket         string        `placeholder:"s3://BUCKET/PATH" help:"Let users of the API export below this place. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or what else AWS clients know."`
}

// payments is what the flags say of purchases.
func (c *serveCommand) payments() credits.PaymentPolicy {
	return credits.PaymentPolicy{
		Invoice: c.InvoicePolicy, UnpaidAfter: ledger.Time(c.UnpaidAfter.Microseconds()), VoidReversed: c.VoidReversed,
	}
}

// Validate refuses what cannot be meant before anything is opened.
func (c *serveCommand) Validate() error {
	if c.Shards > shardsMax {
		return fmt.Errorf("--shards must be 1 to %d", shardsMax)
	}
	if c.ExportBucket != "" {
		if err := export.CheckS3(c.ExportBucket); err != nil {
			return fmt.Errorf("--export-bucket %w", err)
		}
	}
	if c.UnpaidAfter <= 0 {
		return errors.New("--unpaid-after must be more than 0")
	}
	return nil
}

// Run serves until p.ctx ends, then drains. It answers an error when the server could not start, or when it had to stop
// with requests unfinished.
func (c *serveCommand) Run(p *program) (err error) {
	key, err := initialKey(p.env)
	if err != nil {
		return err
	}
	stripes, err := stripeAccounts(p.env)
	if err != nil {
		return err
	}
	log := newLogger(p.stderr, p.line.LogFormat, p.line.LogLevel)
	tuneMemory(p.env)
	metrics := newMetrics()
	product, err := newHandler(p.ctx, deps{
		DataDir: c.Data, DatabaseURL: c.DatabaseURL, Shards: c.Shards, APIKey: key, ExportDir: c.ExportDir, ExportBucket: c.ExportBucket,
		Stripe: stripes, Payments: c.payments(),
		SecretKey: secretKey(p.env), AllowPrivateWebhooks: c.AllowPrivateWebhooks, Now: p.now, Log: log, Metrics: metrics, Announce: p.stdout,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closing(product)) }()

	listeners, err := c.listen()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Scrip listens on http://%s\n", listeners.main.Addr())
	s := newServer(product, metrics, listeners, log)
	return s.serve(p.ctx, drain{wait: c.DrainWait, max: c.DrainMax})
}

// closing names the step in which the product failed to flush.
func closing(product *app) error {
	if err := product.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// secretKey reads SCRIP_SECRET_KEY.
func secretKey(env func(string) (string, bool)) credits.Secret {
	key, _ := env("SCRIP_SECRET_KEY")
	return credits.NewSecret(key)
}

// initialKey reads SCRIP_API_KEY. The error never shows the key.
func initialKey(env func(string) (string, bool)) (string, error) {
	key, _ := env("SCRIP_API_KEY")
	if key == "" {
		return "", nil
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("SCRIP_API_KEY contains white space or a character that a header cannot carry")
	}
	if len(key) < credits.OperatorKeyMin {
		return "", fmt.Errorf("SCRIP_API_KEY has %d characters; it needs at least %d", len(key), credits.OperatorKeyMin)
	}
	return key, nil
}

// listeners are the open sockets. metrics is nil unless --metrics-listen was given.
type listeners struct {
	main, metrics net.Listener
}

// listen opens the sockets, all or none.
func (c *serveCommand) listen() (listeners, error) {
	var l listeners
	var err error
	if l.main, err = net.Listen("tcp", c.Listen); err != nil {
		return l, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	if c.MetricsListen == "" {
		return l, nil
	}
	if l.metrics, err = net.Listen("tcp", c.MetricsListen); err != nil {
		return l, errors.Join(fmt.Errorf("listen on %s for metrics: %w", c.MetricsListen, err), l.main.Close())
	}
	return l, nil
}

// newMetrics starts a registry with what Go and the operating system tell about the process.
func newMetrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
	)
	return registry
}

// newServer puts the probes, the metrics and the product behind the listeners.
func newServer(product *app, metrics prometheus.Gatherer, l listeners, log *slog.Logger) *server {
	s := &server{listeners: l, log: log, ready: product.Ready, broken: product.Failed}
	s.api = newHTTPServer(s.routes(product.Handler, metrics), log)
	if l.metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", metricsHandler(metrics))
		s.metrics = newHTTPServer(mux, log)
	}
	return s
}

// newHTTPServer is an http.Server whose every wait has an end.
func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderMax,
		ReadTimeout:       readMax,
		WriteTimeout:      writeMax,
		IdleTimeout:       idleMax,
		MaxHeaderBytes:    headerBytesMax,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Requests under way outlive the signal that stops the program: draining lets them finish.
		BaseContext: func(net.Listener) context.Context { return context.Background() },
	}
}
