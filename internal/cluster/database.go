package cluster

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Create makes a database on the server of an address and returns its own address. More words of SQL may say how to make
// it. The name must be one that needs no quotes.
func Create(ctx context.Context, server, name string, how ...string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	if err := Execute(ctx, server, "CREATE DATABASE "+name+" "+strings.Join(how, " ")); err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// Drop drops a database, whoever is connected to it.
func Drop(ctx context.Context, server, name string) error {
	return Execute(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
}

// Execute runs statements at an address, each in a transaction of its own. Its error tells every one that failed.
func Execute(ctx context.Context, address string, statements ...string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, failed := db.ExecContext(ctx, statement); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", statement, failed))
		}
	}
	return errors.Join(err, db.Close())
}

// Describe names a server and the settings that decide whether a commit survives a crash.
func Describe(ctx context.Context, server string) (string, error) {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	var text string
	err = db.QueryRowContext(ctx, `SELECT 'PostgreSQL ' || current_setting('server_version') || ' (fsync ' || current_setting('fsync') ||
		', full_page_writes ' || current_setting('full_page_writes') || ', synchronous_commit ' || current_setting('synchronous_commit') || ')'`).
		Scan(&text)
	return text, err
}
