package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// walRest is how long the keeper rests after each pass, so that small commits share one.
const walRest = 50 * time.Millisecond

// walKeeper moves committed pages from SQLite's write-ahead log into the database file beside the writer, on a connection
// of its own: a writer that did it by itself would keep everybody waiting for two more syncs every few megabytes. A
// passive pass blocks nobody. The writer's own threshold stays as the last resort (see openSQLiteWriter).
type walKeeper struct {
	db    *sql.DB
	wrote chan struct{} // holds one token when something was committed since the last pass
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

// keepWAL starts the keeper of a file. failed is told of an error that puts the file in doubt.
func keepWAL(o Options, failed func(error) error) (*walKeeper, error) {
	db, err := sql.Open("sqlite", sqliteAddress(filePath(o), "synchronous(FULL)"))
	if err != nil {
		return nil, fmt.Errorf("open database for checkpoints: %w", err)
	}
	db.SetMaxOpenConns(1)
	ctx, stop := context.WithCancel(context.Background())
	k := &walKeeper{db: db, wrote: make(chan struct{}, 1), stop: stop}
	k.wait.Go(func() { k.run(ctx, failed) })
	return k, nil
}

// committed tells the keeper that there is something to move. A database without such a log has no keeper.
func (k *walKeeper) committed() {
	if k == nil {
		return
	}
	select {
	case k.wrote <- struct{}{}:
	default:
	}
}

func (k *walKeeper) run(ctx context.Context, failed func(error) error) {
	rest := time.NewTimer(0)
	for {
		if !received(ctx, rest.C) || !received(ctx, k.wrote) {
			return
		}
		_, err := k.db.ExecContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
		if ctx.Err() == nil {
			_ = failed(err) // a passing error is no matter: the next pass or the writer catches up
		}
		rest.Reset(walRest)
	}
}

func received[T any](ctx context.Context, c <-chan T) bool {
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

func (k *walKeeper) close() error {
	k.stop()
	k.wait.Wait()
	return k.db.Close()
}
