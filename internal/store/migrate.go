package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date. Migrations only go forward; each is one transaction, so that a start which is
// killed is completed by the next. A database that a newer program has upgraded is refused.
func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.writer, files, goose.WithLogger(goose.NopLogger()))
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
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("upgrade the database: %w", err)
	}
	for _, r := range results {
		s.log.Info("database upgraded", "version", r.Source.Version, "duration", r.Duration)
	}
	return nil
}
