package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A migration that finds a table locked gives up soon, so that those who wait behind it can go on, and is tried again.
const (
	migrateTriesMax = 30
	migrateRest     = time.Second
)

// migrate brings the tables up to date. Migrations only go forward; each is one transaction, so that a start which is
// killed is completed by the next. A database that a newer program has upgraded is refused.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.migrations()
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	stored, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	sources := provider.ListSources()
	if known := sources[len(sources)-1].Version; stored > known {
		return fmt.Errorf("the database has schema version %d, and this program knows %d; use a newer scrip", stored, known)
	}
	for try := 1; ; try++ {
		results, err := provider.Up(ctx)
		for _, r := range results {
			s.log.Info("database upgraded", "version", r.Source.Version, "duration", r.Duration)
		}
		if err == nil {
			return nil
		}
		if try == migrateTriesMax || !s.dialect.passing(err) {
			return fmt.Errorf("upgrade the database: %w", err)
		}
		s.log.Warn("the database cannot be upgraded now; trying again", "error", err)
		if !received(ctx, time.After(migrateRest)) {
			return ctx.Err()
		}
	}
}

// checkVersion refuses a database whose tables are older or newer than this program's.
func (s *Store) checkVersion(ctx context.Context) error {
	provider, err := s.migrationsOf(s.reader)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	var stored int64
	err = s.reader.QueryRowContext(ctx, `SELECT MAX(version_id) FROM `+s.dialect.versionTable).Scan(&stored)
	if err != nil {
		return fmt.Errorf("read schema version: %w", s.judge(err))
	}
	sources := provider.ListSources()
	if known := sources[len(sources)-1].Version; stored != known {
		return fmt.Errorf("the database has schema version %d, and this program knows %d; start the server of this version on it once", stored, known)
	}
	return nil
}

// migrations are the files of this database: NNNN_x.sql is for all, NNNN_x.<dialect>.sql for one.
func (s *Store) migrations() (*goose.Provider, error) { return s.migrationsOf(s.writer) }

func (s *Store) migrationsOf(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.*.sql")
	if err != nil {
		return nil, err
	}
	var others []string
	for _, name := range names {
		if !strings.HasSuffix(name, "."+s.dialect.name+".sql") {
			others = append(others, name)
		}
	}
	options := []goose.ProviderOption{
		goose.WithLogger(goose.NopLogger()), goose.WithTableName(s.dialect.versionTable), goose.WithExcludeNames(others),
	}
	if s.dialect.migrationLock != nil {
		locker, err := s.dialect.migrationLock()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(s.dialect.goose, db, files, options...)
}
