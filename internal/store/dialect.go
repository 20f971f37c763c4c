package store

import (
	"context"
	"database/sql"
	"io"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/scrip-dev/scrip/internal/engine"
)

// dialect is everything that differs between databases. Each has a file of its own beside this one.
type dialect struct {
	name         string // in the names of migrations that only this database runs
	goose        goose.Dialect
	versionTable string // where the versions of the schema stand
	// server tells that the database is a program of its own, which survives ours and recovers by itself: a commit whose
	// outcome is lost puts nothing in doubt.
	server bool
	// claim keeps others off what only one process may use, until it is closed.
	claim      func(o Options) (io.Closer, error)
	openWriter func(o Options) (*sql.DB, error)
	openReader func(o Options) (*sql.DB, error)
	// check refuses a database that is not ours, cannot be read, or could lose acknowledged writes. It runs before
	// anything is written.
	check func(ctx context.Context, writer *sql.DB, o Options) error
	// migrationLock, where there can be several processes, lets one of them migrate at a time.
	migrationLock func() (lock.SessionLocker, error)
	// keepWAL, if not nil, starts what works on the database beside the writer.
	keepWAL func(o Options, failed func(error) error) (*walKeeper, error)
	// hotWrites are the writing statements to be prepared for commit.
	hotWrites []string
	// lock implements engine.Journal.Lock where several processes share the database; else it is nil.
	lock func(ctx context.Context, j *Journal, shard uint16, next engine.Position) (*engine.Lock, error)
	// nodeName, where there is a lock, asks for a name that no other process has.
	nodeName string
	// farewell, where there is a lock, is what a node named $1 executes at its end.
	farewell string
	// patience, where it is needed, is what a transaction executes that may pause for longer than others are allowed to.
	patience string
	// commit implements engine.Journal.Commit.
	commit func(ctx context.Context, j *Journal, c *engine.Commit) error
	// uniqueViolation tells whether an error is the violation of a primary key or unique constraint.
	uniqueViolation func(error) bool
	// fatal tells whether an error puts the stored data in doubt.
	fatal func(error) bool
	// passing tells whether the same statement may succeed later. On a file it surely had no effect.
	passing func(error) bool
	// reset makes the writing pool usable again after a commit that failed in passing.
	reset func(writer *sql.DB)
}
