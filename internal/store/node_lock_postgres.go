package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/scrip-dev/scrip/internal/engine"
)

// How long a node stays the keeper of a shard after it has said so, and how long before that it says so again.
const (
	keeperLease   = 10 * time.Second
	keeperRenewal = 7 * time.Second
)

// nodeLock is a transaction that has locked the row of a shard in checkpoints: the session keeps it until it ends, or until
// the server ends it for idleness.
type nodeLock struct {
	journal *Journal
	shard   uint16
	conn    *sql.Conn
	renew   bool // the lease of the keeper
}

// The statements that take a lock. Each sees what was committed when it began: those after the first see everything, because
// nobody commits to the shard while its row is locked.
const (
	lockShard = `SELECT windows, owners, grants, keeper = $2, keeper = $2 OR keeper_until < clock.now,
			keeper <> $2 OR keeper_until < clock.now + $3
		FROM checkpoints, (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now) AS clock
		WHERE shard = $1 FOR UPDATE OF checkpoints`
	lockRuns   = `SELECT run, keys, complete FROM key_runs WHERE shard = $1`
	lockBlocks = `SELECT position, entries, data FROM journal WHERE shard = $1 AND position >= $2 ORDER BY position LIMIT $3`
	openShard  = `INSERT INTO checkpoints (shard, windows, owners, grants) VALUES ($1, 0, 0, 0) ON CONFLICT (shard) DO NOTHING`
	renewLease = `UPDATE checkpoints SET keeper = $2,
			keeper_until = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $3 WHERE shard = $1`
)

// errNoShard means that a shard has no row to lock yet.
var errNoShard = errors.New("the shard has not been opened")

// lockNode implements engine.Journal.Lock in one round trip.
func lockNode(ctx context.Context, j *Journal, shard uint16, next engine.Position) (*engine.Lock, error) {
	lock, err := j.lockOnce(ctx, shard, next)
	if errors.Is(err, errNoShard) {
		if _, err := j.store.writer.ExecContext(ctx, openShard, shard); err != nil {
			return nil, j.store.judge(fmt.Errorf("open shard %d: %w", shard, err))
		}
		lock, err = j.lockOnce(ctx, shard, next)
	}
	if err != nil {
		return nil, j.store.judge(fmt.Errorf("lock shard %d: %w", shard, err))
	}
	return lock, nil
}

func (j *Journal) lockOnce(ctx context.Context, shard uint16, next engine.Position) (*engine.Lock, error) {
	if err := j.store.writable(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commitMax)
	defer cancel()
	conn, err := j.store.writer.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	held := &nodeLock{journal: j, shard: shard, conn: conn}
	lock := &engine.Lock{LockHolder: held}
	err = conn.Raw(func(c any) error {
		b := &pgx.Batch{}
		b.Queue(`BEGIN`)
		b.Queue(lockShard, shard, j.store.node, keeperRenewal.Microseconds()).QueryRow(func(row pgx.Row) error { return held.scanShard(row, lock) })
		b.Queue(lockRuns, shard).Query(func(rows pgx.Rows) error { return scanLockRuns(rows, lock) })
		b.Queue(lockBlocks, shard, int64(next), engine.LockBlocksMax).Query(func(rows pgx.Rows) error { return scanLockBlocks(rows, lock) })
		return c.(*stdlib.Conn).Conn().SendBatch(ctx, b).Close()
	})
	if err != nil {
		held.Release()
		return nil, err
	}
	return lock, nil
}

func (l *nodeLock) scanShard(row pgx.Row, into *engine.Lock) error {
	var windows, owners, grants int64
	var wasKeeper bool
	err := row.Scan(&windows, &owners, &grants, &wasKeeper, &into.Keeper, &l.renew)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoShard
	}
	l.renew, into.NewKeeper = l.renew && into.Keeper, into.Keeper && !wasKeeper
	into.Checkpoint = engine.Checkpoint{Windows: uint32(windows), Owners: uint64(owners), Grants: uint64(grants)}
	return err
}

func scanLockRuns(rows pgx.Rows, into *engine.Lock) error {
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return err
		}
		into.Runs = append(into.Runs, r)
	}
	return rows.Err()
}

func scanLockBlocks(rows pgx.Rows, into *engine.Lock) error {
	for rows.Next() {
		b, err := scanBlock(rows)
		if err != nil {
			return err
		}
		into.Blocks = append(into.Blocks, b)
	}
	return rows.Err()
}

// commitLocked implements engine.Journal.Commit for those who hold no lock.
func commitLocked(ctx context.Context, j *Journal, c *engine.Commit) error {
	lock, err := lockNode(ctx, j, c.Shard, engine.NewPosition(c.Shard, 1<<48-1))
	if err != nil {
		return err
	}
	return lock.Commit(ctx, c)
}

// Commit implements engine.LockHolder: everything and the end of the transaction in one round trip.
func (l *nodeLock) Commit(ctx context.Context, c *engine.Commit) error {
	b := batchOf(c)
	l.queueLease(b)
	err := l.end(ctx, b)
	if l.journal.store.dialect.uniqueViolation(err) {
		return engine.ErrConflict
	}
	if err != nil {
		return l.journal.store.judge(fmt.Errorf("commit: %w", err))
	}
	return nil
}

// Release implements engine.LockHolder. Should it fail, the server ends the transaction when the connection does.
func (l *nodeLock) Release() {
	b := &pgx.Batch{}
	l.queueLease(b)
	_ = l.end(context.Background(), b)
}

func (l *nodeLock) queueLease(b *pgx.Batch) {
	if l.renew {
		b.Queue(renewLease, l.shard, l.journal.store.node, keeperLease.Microseconds())
	}
}

// end runs the last statements and COMMIT. A connection on which that fails is not used again: the transaction may still
// be open there.
func (l *nodeLock) end(ctx context.Context, b *pgx.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, commitMax)
	defer cancel()
	defer func() { _ = l.conn.Close() }()
	var failed error
	_ = l.conn.Raw(func(c any) error {
		b.Queue(`COMMIT`)
		if failed = c.(*stdlib.Conn).Conn().SendBatch(ctx, b).Close(); failed != nil {
			return driver.ErrBadConn
		}
		return nil
	})
	return failed
}
