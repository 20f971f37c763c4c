package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Names of the files in the data directory.
const (
	fileName     = "scrip.db"
	lockFileName = "scrip.lock"
)

// readersMax is the size of the pool for reading. SQLite readers do not wait for the writer.
const readersMax = 8

// ErrClosed is returned after the store has failed or was closed: nothing is written any more.
var ErrClosed = errors.New("the store takes no more writes")

// Options says where the data is. Exactly one of Dir and URL is needed.
type Options struct {
	// Dir is the directory of a SQLite database, made if it does not exist.
	Dir string
	// URL is a postgres:// address. It is not supported yet.
	URL string
	// Logger may be nil.
	Logger *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	writer  *sql.DB
	reader  *sql.DB
	dialect dialect
	journal *Journal
	wal     *walKeeper
	lock    io.Closer
	log     *slog.Logger

	failOnce sync.Once
	failed   chan struct{}
	failure  error // set before failed is closed
}

var _ credits.Store = (*Store)(nil)

// Open opens a database, makes or upgrades its tables, and checks that it can be trusted with acknowledged writes. The
// error of a refusal is one clear line.
func Open(ctx context.Context, o Options) (*Store, error) {
	switch {
	case o.URL != "":
		return nil, errors.New("PostgreSQL is not supported yet; leave the database URL away and name a data directory")
	case o.Dir == "":
		return nil, errors.New("no data directory given")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(o.Dir, lockFileName))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", o.Dir, err)
	}
	s := &Store{dialect: sqlite, lock: lock, log: o.Logger, failed: make(chan struct{})}
	if err := s.open(ctx, filepath.Join(o.Dir, fileName)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open opens the pools. The writer comes first: it makes the file and its tables.
func (s *Store) open(ctx context.Context, path string) (err error) {
	if s.writer, err = s.dialect.openWriter(path); err != nil {
		return err
	}
	if err := s.dialect.check(ctx, s.writer, path); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.reader, err = s.dialect.openReader(path); err != nil {
		return err
	}
	if s.journal, err = openJournal(ctx, s); err != nil {
		return err
	}
	s.wal, err = s.dialect.keepWAL(path, s.judge)
	return err
}

// Close closes the database and gives up its lock. Transactions under way must have ended.
func (s *Store) Close() error {
	var errs []error
	if s.wal != nil {
		errs = append(errs, s.wal.close())
	}
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// Writer is the writing pool. On SQLite it has one connection: a transaction that is not ended blocks every other writer.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader is the reading pool. It cannot write.
func (s *Store) Reader() *sql.DB { return s.reader }

// Failed is closed after an error that puts the database in doubt. The program must then stop and exit non-zero: what is
// on disk is decided by the next start. Err says why.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err is the reason why Failed was closed, or nil.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}

// fail stops all writing, for good.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.log.Error("the database failed; no more writes", "error", err)
		s.failure = err
		close(s.failed)
	})
}

// WriteTx runs fn in one writing transaction and commits it if fn returns nil. Its errors wrap those of fn. A
// *credits.Error of kind Unavailable says that the database could not take the write, or, when Failed is closed too, that
// the outcome of the commit is unknown.
func (s *Store) WriteTx(ctx context.Context, fn func(*sql.Tx) error) error {
	if s.Err() != nil {
		return fmt.Errorf("%w: %w", credits.Unavailable("the database has failed"), ErrClosed)
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.judge(fmt.Errorf("begin: %w", err))
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return s.judge(err)
	}
	if err := tx.Commit(); err != nil {
		return s.commitFailed(ctx, fmt.Errorf("commit: %w", err))
	}
	s.wal.committed()
	return nil
}

// commitFailed says what a failed commit means. One that the context ended, or that found no room, was surely rolled
// back. After any other the outcome is unknown: only a new start, which reads the file, can tell.
func (s *Store) commitFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case s.dialect.passing(err):
		s.dialect.reset(s.writer)
		return s.judge(err)
	}
	s.fail(err)
	return fmt.Errorf("%w: %w", credits.Unavailable("the outcome of the write is not known; repeat the request"), err)
}

// ReadTx runs fn in one reading transaction, which sees one state of the database.
func (s *Store) ReadTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, nil)
	if err != nil {
		return s.judge(fmt.Errorf("begin read: %w", err))
	}
	defer tx.Rollback()
	return s.judge(fn(tx))
}

// judge looks at an error that came out of the database: one that puts the file in doubt stops all writing, one that
// passes becomes Unavailable, and others are returned as they are.
func (s *Store) judge(err error) error {
	switch {
	case err == nil:
		return nil
	case s.dialect.fatal(err):
		s.fail(err)
		return fmt.Errorf("%w: %w", credits.Unavailable("the database has failed"), err)
	case s.dialect.passing(err):
		return fmt.Errorf("%w: %w", credits.Unavailable("the database cannot take this now; try again"), err)
	}
	return err
}

// Update implements credits.Store.
func (s *Store) Update(ctx context.Context, fn func(credits.Tx) error) error {
	return s.WriteTx(ctx, func(tx *sql.Tx) error { return fn(&transaction{tx: tx, dialect: &s.dialect}) })
}

// View implements credits.Store.
func (s *Store) View(ctx context.Context, fn func(credits.Tx) error) error {
	return s.ReadTx(ctx, func(tx *sql.Tx) error { return fn(&transaction{tx: tx, dialect: &s.dialect}) })
}
