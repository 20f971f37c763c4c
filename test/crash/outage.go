package crash

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"github.com/scrip-dev/scrip/test/crash/process"
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

// strike strikes and measures until the program writes again.
func (o *outages) strike(ctx context.Context, server *process.Server) (*process.Server, error) {
	back, err := o.kinds[o.run.kills%len(o.kinds)](o, ctx)
	if err != nil {
		return server, err
	}
	op := granting(bystander, fmt.Sprintf("outage-%d", o.run.kills), one, 0, 0)
	body, err := json.Marshal(op.body)
	if err != nil {
		return server, err
	}
	c := o.run.newClient()
	defer c.http.CloseIdleConnections()
	for {
		a, err := c.once(ctx, op.request, body)
		took := time.Since(back)
		if err == nil && a.status/100 == 2 {
			o.slowest = max(o.slowest, took)
			return server, nil
		}
		if err == nil && a.status != http.StatusServiceUnavailable {
			return server, brokenf("after an outage: %w", a.unexpected())
		}
		if err != nil || took > readyMax {
			return server, brokenf("no write within %v of the database being back: %v", took, err)
		}
		time.Sleep(retryWait)
	}
}

// sessions is what selects the sessions of the program.
const sessions = `FROM pg_stat_activity WHERE application_name = 'scrip'`

// terminateSessions ends every session of the program.
func (o *outages) terminateSessions(ctx context.Context) (time.Time, error) {
	var ended int
	err := o.ask(ctx, `SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid)) `+sessions, &ended)
	if err == nil && ended == 0 {
		err = fmt.Errorf("the program has no sessions")
	}
	return time.Now(), err
}

// killSession kills the process of one session. The server then ends all others and recovers.
func (o *outages) killSession(ctx context.Context) (time.Time, error) {
	var pid int
	if err := o.ask(ctx, `SELECT pid `+sessions+` ORDER BY query_start DESC LIMIT 1`, &pid); err != nil {
		return time.Time{}, err
	}
	return o.cluster.Kill(ctx, pid)
}

func (o *outages) ask(ctx context.Context, query string, into any) error {
	db, err := sql.Open("pgx", o.cluster.URL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(ctx, query).Scan(into)
}
