package crash

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/scrip-dev/scrip/test/postgres"
)

// outages strikes the database of a run instead of the program, each time in the next of several ways.
type outages struct {
	run     *run
	cluster *postgres.Cluster
	kinds   []func(*outages, context.Context) (time.Time, error)
	slowest time.Duration // from the database being back to the next write that is acknowledged
}

// outageKinds are the ways to strike, the plainest first. Each returns the instant at which the database is back.
var outageKinds = []func(*outages, context.Context) (time.Time, error){
	func(o *outages, ctx context.Context) (time.Time, error) { return o.cluster.Crash(ctx, syscall.SIGQUIT) },
	(*outages).terminateSessions,
	func(o *outages, ctx context.Context) (time.Time, error) { return o.cluster.Crash(ctx, syscall.SIGKILL) },
	(*outages).killSession,
}

// bystander is a customer that only the measurement of recovery uses.
const bystander = "bystander"

// strike strikes and measures until every node writes again.
func (o *outages) strike(ctx context.Context) error {
	back, err := o.kinds[o.run.kills%len(o.kinds)](o, ctx)
	if err != nil {
		return err
	}
	for i := range o.run.nodes.Len() {
		took, err := o.run.untilWritten(ctx, i, back)
		if err != nil {
			return err
		}
		o.slowest = max(o.slowest, took)
	}
	return nil
}

// untilWritten writes through one node until that is acknowledged, and returns how long that took since an instant. The
// node may say 503 meanwhile, and nothing else.
func (r *run) untilWritten(ctx context.Context, node int, since time.Time) (time.Duration, error) {
	op := granting(bystander, fmt.Sprintf("strike-%d-%d", r.kills, node), one, 0, 0)
	body, err := json.Marshal(op.body)
	if err != nil {
		return 0, err
	}
	c := newClient(only(r.nodes.Node(node).URL))
	defer c.http.CloseIdleConnections()
	for {
		a, err := c.once(ctx, op.request, body)
		took := time.Since(since)
		if err == nil && a.status/100 == 2 {
			return took, nil
		}
		if err == nil && a.status != http.StatusServiceUnavailable {
			return took, brokenf("after a strike: %w", a.unexpected())
		}
		if err != nil || took > r.writtenMax {
			return took, brokenf("no write through node %d within %v: %v", node, took, err)
		}
		time.Sleep(retryWait)
	}
}

// sessions is what selects the sessions of the program.
const sessions = `FROM pg_stat_activity WHERE application_name = 'scrip'`

// terminateSessions ends every session of the program.
func (o *outages) terminateSessions(ctx context.Context) (time.Time, error) {
	var ended int
	err := ask(ctx, o.cluster.URL, `SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid)) `+sessions, &ended)
	if err == nil && ended == 0 {
		err = fmt.Errorf("the program has no sessions")
	}
	return time.Now(), err
}

// killSession kills the process of one session. The server then ends all others and recovers.
func (o *outages) killSession(ctx context.Context) (time.Time, error) {
	var pid int
	if err := ask(ctx, o.cluster.URL, `SELECT pid `+sessions+` ORDER BY query_start DESC LIMIT 1`, &pid); err != nil {
		return time.Time{}, err
	}
	return o.cluster.Kill(ctx, pid)
}

// ask asks a database for one value.
func ask(ctx context.Context, url, query string, into any) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(ctx, query).Scan(into)
}
