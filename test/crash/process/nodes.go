package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// nodeReadyMax is how long a node may take to be ready before a test gives up.
const nodeReadyMax = time.Minute

// Nodes are servers that share one database. Clients may ask where they are while a test strikes one of them; only one
// goroutine strikes.
type Nodes struct {
	options Options
	mu      sync.Mutex
	servers []*Server
}

// NewNodes names nodes that have not been started.
func NewNodes(o Options, count int) *Nodes {
	return &Nodes{options: o, servers: make([]*Server, count)}
}

// StartNodes starts servers and returns when all of them can serve.
func StartNodes(ctx context.Context, o Options, count int) (*Nodes, error) {
	n := NewNodes(o, count)
	for i := range n.servers {
		if _, err := n.Start(ctx, i); err != nil {
			return nil, errors.Join(err, n.Kill())
		}
	}
	return n, nil
}

// Len is how many there are.
func (n *Nodes) Len() int { return len(n.servers) }

// Node returns the server that runs, or ran last, as the i-th node; nil before the first.
func (n *Nodes) Node(i int) *Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.servers[i]
}

// Start starts the i-th node, which must not run, and returns when it can serve, with how long that took. Clients find it
// before that, as they would.
func (n *Nodes) Start(ctx context.Context, i int) (time.Duration, error) {
	server, err := Start(n.options)
	if err != nil {
		return 0, err
	}
	n.mu.Lock()
	n.servers[i] = server
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, nodeReadyMax)
	defer cancel()
	return server.WaitReady(ctx)
}

// Stop stops every node cleanly.
func (n *Nodes) Stop() error {
	var errs []error
	for i := range n.servers {
		if err := n.Node(i).Stop(); err != nil {
			errs = append(errs, fmt.Errorf("node %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// Kill kills every node that runs. A node that has ended by itself is an error.
func (n *Nodes) Kill() error {
	var errs []error
	for i := range n.servers {
		if server := n.Node(i); server != nil {
			errs = append(errs, server.Kill())
		}
	}
	return errors.Join(errs...)
}
