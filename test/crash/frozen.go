package crash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
)

// Freezing.
const (
	// freezeTries is how often a node is stopped, and let go at once, to catch it in the middle of a decision.
	freezeTries = 200
	// impatient is how long clients wait for a node that may be frozen. Then they send the same request to another.
	impatient = 2 * time.Second
	settle    = 20 * time.Millisecond // of a frozen node's last words
)

// freezes stops nodes where they are, for a while, and lets them go on.
type freezes struct {
	run     *run
	lengths []time.Duration // one after the other
	caught  int             // how often the node held the lock of a shard
	slowest time.Duration   // from a freeze to the next write that is acknowledged by another node
}

// strike freezes a node, measures until another one writes, and thaws it after some time.
func (f *freezes) strike(ctx context.Context) error {
	n := f.run.kills % f.run.nodes.Len()
	node, began := f.run.nodes.Node(n), time.Now()
	caught, err := f.freeze(ctx, node)
	if err != nil {
		return errors.Join(err, node.Thaw())
	}
	if caught {
		f.caught++
	}
	frozen := time.Now()
	took, err := f.run.untilWritten(ctx, (n+1)%f.run.nodes.Len(), frozen)
	f.slowest = max(f.slowest, took)
	if err == nil {
		length := f.lengths[f.run.kills%len(f.lengths)]
		time.Sleep(time.Until(frozen.Add(length)))
	}
	if err := errors.Join(err, node.Thaw()); err != nil {
		return fmt.Errorf("after %v: %w", time.Since(began), err)
	}
	_, err = f.run.untilWritten(ctx, n, time.Now())
	return err
}

// idleLocks counts the transactions in which nothing has happened since a node was frozen: it holds the lock of a shard.
const idleLocks = `SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'scrip' AND datname = current_database()
	AND state = 'idle in transaction' AND state_change < clock_timestamp() - INTERVAL '15 milliseconds'`

// freeze stops a node, if that can be done while it holds a lock.
func (f *freezes) freeze(ctx context.Context, node *process.Server) (caught bool, err error) {
	for range freezeTries {
		if err := node.Freeze(); err != nil {
			return false, err
		}
		time.Sleep(settle)
		var locks int
		if err := ask(ctx, f.run.options.URL, idleLocks, &locks); err != nil {
			return false, err
		}
		if locks > 0 {
			return true, nil
		}
		if err := node.Thaw(); err != nil {
			return false, err
		}
		time.Sleep(time.Duration(f.run.random.Int64N(int64(settle))))
	}
	return false, node.Freeze()
}
