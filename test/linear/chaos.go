package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

// How often something is struck, and what: the database once in so many strikes, else a node, which is killed or frozen.
const (
	calmMin       = 300 * time.Millisecond
	calmMax       = 1500 * time.Millisecond
	databaseEvery = 3
	freezeEvery   = 3                      // one strike at a node in so many freezes it, the others kill it
	downMax       = 500 * time.Millisecond // how long a killed node stays away
	frozenMax     = 3 * time.Second
)

// chaos strikes nodes and their database.
type chaos struct {
	nodes    *process.Nodes
	database *postgres.Cluster
	random   *rand.Rand
	kills    int // of nodes
	freezes  int // likewise
	outages  int // of the database
}

// run strikes until ctx ends. Whatever was struck is up again when it returns.
func (c *chaos) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(calmMin + c.upTo(calmMax-calmMin)):
		}
		if err := c.strike(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
}

func (c *chaos) upTo(d time.Duration) time.Duration { return time.Duration(c.random.Int64N(int64(d))) }

func (c *chaos) strike(ctx context.Context) error {
	if c.random.IntN(databaseEvery) == 0 {
		c.outages++
		_, err := c.database.Crash(ctx, syscall.SIGQUIT)
		return err
	}
	i := c.random.IntN(c.nodes.Len())
	node := c.nodes.Node(i)
	if c.random.IntN(freezeEvery) == 0 {
		c.freezes++
		if err := node.Freeze(); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		time.Sleep(c.upTo(frozenMax))
		return node.Thaw()
	}
	c.kills++
	if err := node.Kill(); err != nil {
		return fmt.Errorf("node %d: %w", i, err)
	}
	time.Sleep(c.upTo(downMax))
	_, err := c.nodes.Start(ctx, i)
	return err
}
