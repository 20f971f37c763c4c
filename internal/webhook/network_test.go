package webhook_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// network connects by pipes: a connection is one as real as TCP to HTTP on both sides, and time stands still around it.
// Receiver n has the address 10.0.0.n.
type network struct {
	mu        sync.Mutex
	receivers map[netip.Addr]*receiver
}

// LookupNetIP resolves rN.test.
func (n *network) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for address, r := range n.receivers {
		if r.host == host {
			return []netip.Addr{address}, nil
		}
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// wire is one node's connections, which end when it is killed.
type wire struct {
	*network
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

func (w *wire) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	w.network.mu.Lock()
	r := w.receivers[to.Addr()]
	w.network.mu.Unlock()
	if r.state().refuse {
		return nil, syscall.ECONNREFUSED
	}
	here, there := net.Pipe()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.New("the node is dead")
	}
	w.conns = append(w.conns, here, there)
	select {
	case r.listener.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// pipes is a listener of pipes.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn, 1024), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// sinceStart is how long the simulated world has been there.
func (w *world) sinceStart() time.Duration { return time.Since(w.began) }
