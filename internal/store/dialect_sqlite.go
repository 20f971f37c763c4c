package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks our SQLite files ("Scrp"), so that we never write into somebody else's.
const applicationID = 0x53637270

// Names of the files in the data directory.
const (
	fileName     = "scrip.db"
	lockFileName = "scrip.lock"
)

func filePath(o Options) string { return filepath.Join(o.Dir, fileName) }

var sqlite = dialect{
	name:            "sqlite",
	goose:           goose.DialectSQLite3,
	versionTable:    "goose_db_version",
	claim:           claimDirectory,
	openWriter:      openSQLiteWriter,
	openReader:      openSQLiteReader,
	check:           checkSQLite,
	keepWAL:         keepWAL,
	hotWrites:       rowWrites,
	commit:          commitRowByRow,
	uniqueViolation: codes(sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE),
	fatal:           codes(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
	passing:         codes(sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
	// SQLite may keep the transaction open after a failed commit; if it did not, this does nothing.
	reset: func(writer *sql.DB) { _, _ = writer.Exec(`ROLLBACK`) },
}

// claimDirectory makes the data directory and keeps other processes off it.
func claimDirectory(o Options) (io.Closer, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(o.Dir, lockFileName))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", o.Dir, err)
	}
	return lock, nil
}

// codes makes a test for SQLite's result codes. A primary code (below 256) stands for all its extended ones.
func codes(wanted ...int) func(error) bool {
	return func(err error) bool {
		var e *sqlitedriver.Error
		if !errors.As(err, &e) {
			return false
		}
		for _, code := range wanted {
			if e.Code() == code || code < 256 && e.Code()&0xff == code {
				return true
			}
		}
		return false
	}
}

// sqliteAddress is the DSN of a file. Every connection gets the pragmas.
func sqliteAddress(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "foreign_keys(1)"}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// walPagesMax is how many pages the write-ahead log may hold, 64 MB, before the writer itself moves them: when the keeper
// cannot keep up.
const walPagesMax = 16_000

// writerCacheKB is how much of the database the writer keeps at hand: the state of some ten thousand pools, so that writing
// a window does not read them again.
const writerCacheKB = 32 << 10

// openSQLiteWriter opens the one connection that writes. Its transactions are immediate: they take the write lock when
// they begin, so they never fail half-way because another one was faster.
func openSQLiteWriter(o Options) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteAddress(filePath(o), "journal_mode(WAL)", "synchronous(FULL)",
		fmt.Sprintf("wal_autocheckpoint(%d)", walPagesMax), fmt.Sprintf("cache_size(-%d)", writerCacheKB))+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

func openSQLiteReader(o Options) (*sql.DB, error) {
	db, err := sql.Open("sqlite", sqliteAddress(filePath(o), "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open database for reading: %w", err)
	}
	db.SetMaxOpenConns(readersMax)
	db.SetMaxIdleConns(readersMax)
	return db, nil
}

// checkSQLite runs before anything is written.
func checkSQLite(ctx context.Context, db *sql.DB, o Options) error {
	path := filePath(o)
	var tables, application int64
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return fmt.Errorf("%s cannot be read as a database; restore a backup, or move it away to start anew: %w", path, err)
	}
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&application); err != nil {
		return fmt.Errorf("read application id of %s: %w", path, err)
	}
	if tables > 0 && application != applicationID {
		return fmt.Errorf("%s belongs to another program", path)
	}
	if _, err := db.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
		return fmt.Errorf("mark %s: %w", path, err)
	}
	return checkDurability(ctx, db, path)
}

// checkDurability refuses settings under which a power cut could take back an acknowledged write.
func checkDurability(ctx context.Context, db *sql.DB, path string) error {
	var journal string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
		return fmt.Errorf("read journal mode of %s: %w", path, err)
	}
	var synchronous int
	if err := db.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return fmt.Errorf("read synchronous setting of %s: %w", path, err)
	}
	const full = 2 // 3, EXTRA, is stronger
	if !strings.EqualFold(journal, "wal") || synchronous < full {
		return fmt.Errorf("%s could lose acknowledged writes (journal mode %s, synchronous %d); use a file system that supports WAL", path, journal, synchronous)
	}
	return nil
}
