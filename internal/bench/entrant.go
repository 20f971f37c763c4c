package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/scrip-dev/scrip/internal/amount"
)

// entrant is one server of a round, and what it must have taken so far.
type entrant struct {
	*run
	name   string
	dir    string
	server *Server
	cost   int64 // of everything acknowledged, in thousandths of a credit
}

// field are the entrants of a round by name.
type field map[string]*entrant

// startAll starts every server on its own copy of its template. What it answers must be stopped also after a failure.
func (r *run) startAll(ctx context.Context) (field, error) {
	f := field{}
	for _, name := range r.Servers {
		e, err := r.enter(ctx, name)
		if err != nil {
			return f, err
		}
		f[name] = e
	}
	return f, nil
}

// stop stops the servers and removes their data.
func (f field) stop(ctx context.Context) error {
	var all error
	for _, e := range f {
		all = errors.Join(all, e.stop(ctx))
	}
	return all
}

// enter starts one server on a fresh copy of its template.
func (r *run) enter(ctx context.Context, name string) (*entrant, error) {
	e := &entrant{run: r, name: name, dir: filepath.Join(r.Dir, "round-"+name)}
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, err
	}
	if template := r.subjects[name].template(); template != "" {
		if err := copyFolder(e.dir, filepath.Join(r.templates(), template)); err != nil {
			return nil, err
		}
		e.cost = r.costs[template]
	}
	var err error
	e.server, err = r.Start(ctx, name, e.dir)
	return e, err
}

// stop stops the server and removes its data.
func (e *entrant) stop(ctx context.Context) error {
	return errors.Join(e.server.Stop(ctx), os.RemoveAll(e.dir))
}

// load waits until the server is idle, puts load on it, and compares what it acknowledged with what it says it holds.
func (e *entrant) load(ctx context.Context, p phase) (result, error) {
	settle(ctx, e.server)
	p.server, p.customers = e.server, e.Customers
	got, err := e.now.run(ctx, p)
	if err != nil {
		return got, err
	}
	e.cost += got.cost
	return got, e.verify(ctx)
}

// errLost says that a server holds something else than it acknowledged.
var errLost = errors.New("the server's totals differ from what it acknowledged")

// verify compares totals to the last digit.
func (e *entrant) verify(ctx context.Context) error {
	want := credits(e.cost)
	var got amount.Amount
	got, err := e.subjects[e.name].consumed(ctx, e.server, e.Customers)
	if err == nil && got != want {
		err = fmt.Errorf("%w: it holds %s credits, acknowledged were %s", errLost, got, want)
	}
	return err
}

// copyFolder copies the files of a folder and makes them durable, so that writing them back disturbs nobody later.
func copyFolder(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case entry.IsDir():
			if err := errors.Join(os.MkdirAll(target, 0o700), copyFolder(target, source)); err != nil {
				return err
			}
		case entry.Type().IsRegular():
			if err := copyFile(target, source); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies one file.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}
