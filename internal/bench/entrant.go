package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

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
		if e != nil {
			f[name] = e
		}
		if err != nil {
			return f, fmt.Errorf("start %s: %w", name, err)
		}
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

// enter starts one server on a fresh copy of its template and lets it touch every customer. An entrant that it answers
// must be stopped, also when there is an error.
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
	if e.server, err = r.Start(ctx, name, e.dir); err != nil {
		return nil, err
	}
	return e, e.touch(ctx)
}

// stop stops the server and removes its data.
func (e *entrant) stop(ctx context.Context) error {
	return errors.Join(e.server.Stop(ctx), os.RemoveAll(e.dir))
}

// touch reports one event of every customer, so that no server is measured while it still reads its customers from disk.
func (e *entrant) touch(ctx context.Context) error {
	r := random(seedOf(e.Seed, partTouch))
	at := []byte(e.now().UTC().Format(time.RFC3339))
	for first := 0; first < e.Customers; first += preloadEvents {
		body := []byte(`{"events":[`)
		for i := first; i < min(first+preloadEvents, e.Customers); i++ {
			d := draw{customer: uint64(i), input: 1000, output: 100, key: [2]uint64{r.next(), r.next()}}
			body = append(d.append(body, at), ',')
			e.cost += int64(d.output)
		}
		body = append(body[:len(body)-1], "]}"...)
		if err := e.send(ctx, body); err != nil {
			return err
		}
	}
	return nil
}

// send reports one body on a connection of its own.
func (e *entrant) send(ctx context.Context, body []byte) error {
	c, err := dial(ctx, e.server.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.report(body)
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
