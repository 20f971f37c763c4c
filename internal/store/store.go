package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

// readersMax is the size of the pool for reading.
const readersMax = 8

// ErrClosed is returned after the store has failed or was closed: nothing is written any more.
var ErrClosed = errors.New("the store takes no more writes")

// Options says where the data is. Dir or URL is needed.
type Options struct {
	// Dir is the directory of a SQLite database, made if it does not exist.
	Dir string
	// URL is the postgres:// address of a PostgreSQL database, which then takes the place of Dir.
	URL string
	// Now is this machine's clock. A database server whose clock is far from it is refused. It may be nil in tests.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	writer  *sql.DB
	reader  *sql.DB
	changes *sql.DB // for Changes alone: long reads must not keep requests from being confirmed
	dialect dialect
	journal *Journal
	wal     *walKeeper
	claim   io.Closer
	node    string // names this process among those that share the database
	log     *slog.Logger

	dropping sync.Mutex // of expired responses

	failOnce sync.Once
	failed   chan struct{}
	failure  error // set before failed is closed
}

var _ credits.Store = (*Store)(nil)

// Open opens a database, makes or upgrades its tables, and checks that it can be trusted with acknowledged writes. The
// error of a refusal is one clear line.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{dialect: sqlite, log: o.Logger, failed: make(chan struct{})}
	switch {
	case o.URL != "":
		s.dialect = postgres
	case o.Dir == "":
		return nil, errors.New("no data directory given")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.claim, err = s.dialect.claim(o); err != nil {
		return nil, err
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenReadOnly opens a database that exists, to read it only: also while servers use it. Its tables must be those that this
// program knows. Every write fails with ErrClosed.
func OpenReadOnly(ctx context.Context, o Options) (*Store, error) {
	s := &Store{dialect: sqlite, log: slog.New(slog.DiscardHandler), failed: make(chan struct{})}
	if o.URL != "" {
		s.dialect = postgres
	}
	if err := s.openToRead(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openToRead(ctx context.Context, o Options) (err error) {
	if s.reader, err = s.dialect.openReader(o); err != nil {
		return err
	}
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	s.journal = &Journal{store: s, hot: map[string]*sql.Stmt{}}
	return s.journal.prepare(ctx, s.reader, hotQueries)
}

// open opens the pools. The writer comes first: it makes the tables.
func (s *Store) open(ctx context.Context, o Options) (err error) {
	if s.writer, err = s.dialect.openWriter(o); err != nil {
		return err
	}
	if err := s.dialect.check(ctx, s.writer, o); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.reader, err = s.dialect.openReader(o); err != nil {
		return err
	}
	if s.changes, err = s.dialect.openReader(o); err != nil {
		return err
	}
	s.changes.SetMaxOpenConns(1)
	if s.journal, err = openJournal(ctx, s); err != nil {
		return err
	}
	if s.dialect.nodeName != "" {
		if err := s.writer.QueryRowContext(ctx, s.dialect.nodeName).Scan(&s.node); err != nil {
			return fmt.Errorf("name this node: %w", err)
		}
	}
	if s.dialect.keepWAL != nil {
		s.wal, err = s.dialect.keepWAL(o, s.judge)
	}
	return err
}

// farewellMax bounds how long a node takes to say that it leaves.
const farewellMax = time.Second

// leave lets the other nodes take over what this one kept. If the database cannot be told, they find out a little later.
func (s *Store) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), farewellMax)
	defer cancel()
	if _, err := s.writer.ExecContext(ctx, s.dialect.farewell, s.node); err != nil {
		s.log.Warn("the database could not be told that this node leaves", "error", err)
	}
}

// Close closes the database and gives up the claim on it. Transactions under way must have ended.
func (s *Store) Close() error {
	var errs []error
	if s.wal != nil {
		errs = append(errs, s.wal.close())
	}
	if s.node != "" {
		s.leave()
	}
	for _, db := range []*sql.DB{s.changes, s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.claim != nil {
		errs = append(errs, s.claim.Close())
	}
	return errors.Join(errs...)
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

// readyMax is how long a database may take to give a sign of life.
const readyMax = 2 * time.Second

// Ready tells why the database cannot be used now, or nil.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyMax)
	defer cancel()
	return s.reader.PingContext(ctx)
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
	if err := s.writable(); err != nil {
		return err
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

// writable refuses after the database has failed.
func (s *Store) writable() error {
	if s.Err() != nil {
		return fmt.Errorf("%w: %w", credits.Unavailable("the database has failed"), ErrClosed)
	}
	if s.writer == nil {
		return fmt.Errorf("the database was opened to be read: %w", ErrClosed)
	}
	return nil
}

// commitFailed says what a failed commit means. On a file, one that the context ended, or that found no room, was surely
// rolled back; after any other the outcome is unknown, and only a new start, which reads the file, can tell. A server
// decides by itself what becomes of a commit whose answer got lost, and whoever repeats the request finds out.
func (s *Store) commitFailed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return err
	case s.dialect.passing(err):
		s.dialect.reset(s.writer)
		return s.judge(err)
	case !s.dialect.server || s.dialect.fatal(err):
		s.fail(err)
	}
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

// judge looks at an error that came out of the database: one that puts stored data in doubt stops all writing, one that
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
