package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// postgresVersionMin is the oldest server that the tests run on.
	postgresVersionMin = 15
	// clockGapMax is how far the clocks of a node and its database may be apart.
	clockGapMax = 2 * time.Second
)

// refusal is why a server or its database cannot be used. The driver wraps it in much that does not help.
type refusal string

func (r refusal) Error() string { return string(r) }

// acceptServer looks at a server that a connection was just made to. After a failover an address may lead to another one.
func acceptServer(ctx context.Context, conn *pgconn.PgConn) error {
	version := conn.ParameterStatus("server_version")
	if majorVersion(version) < postgresVersionMin {
		return refusal(fmt.Sprintf("the server is PostgreSQL %s; Scrip needs %d or later", version, postgresVersionMin))
	}
	if encoding := conn.ParameterStatus("server_encoding"); encoding != "UTF8" {
		return refusal(fmt.Sprintf("the database has the encoding %s; Scrip needs UTF8", encoding))
	}
	return pgconn.ValidateConnectTargetSessionAttrsPrimary(ctx, conn)
}

// majorVersion reads the first number of a version such as "15.8 (Debian)" or "18beta1"; 0 when there is none.
func majorVersion(version string) int {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, _ := strconv.Atoi(version[:end])
	return major
}

// checkPostgres refuses a database before anything is written to it.
func checkPostgres(ctx context.Context, db *sql.DB, o Options) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return unreachable(err)
	}
	defer func() { _ = conn.Close() }()
	for _, check := range []func(context.Context, *sql.Conn) error{checkServerSafe, checkOurs} {
		if err := check(ctx, conn); err != nil {
			return err
		}
	}
	if o.Now == nil {
		return nil
	}
	return checkClock(ctx, conn, o.Now)
}

func unreachable(err error) error {
	var r refusal
	if errors.As(err, &r) {
		return r
	}
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' })
	return fmt.Errorf("the database cannot be reached: %s", strings.Join(lines, "; "))
}

// checkServerSafe refuses settings under which a crash could take back an acknowledged write.
func checkServerSafe(ctx context.Context, conn *sql.Conn) error {
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := conn.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return fmt.Errorf("read the setting %s: %w", name, err)
		}
		if value != "on" {
			return refusal(fmt.Sprintf("the database server could lose acknowledged writes: %s is %s and must be on", name, value))
		}
	}
	return nil
}

// checkOurs refuses a schema that holds tables of another program.
func checkOurs(ctx context.Context, conn *sql.Conn) error {
	var schema sql.NullString
	var tables, ours int64
	err := conn.QueryRowContext(ctx, `SELECT current_schema(), COUNT(c.oid), COUNT(c.oid) FILTER (WHERE c.relname = $1)
		FROM (SELECT 1) AS one LEFT JOIN pg_class c ON c.relnamespace = CAST(current_schema() AS regnamespace)
			AND c.relkind IN ('r', 'p')
			AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')`, postgresVersionTable).
		Scan(&schema, &tables, &ours)
	switch {
	case err != nil:
		return fmt.Errorf("look for tables: %w", err)
	case !schema.Valid:
		return refusal("the database has no schema to put tables in; create one, or name it with search_path in the database URL")
	case tables > 0 && ours == 0:
		return refusal(fmt.Sprintf("the schema %s holds the tables of another program; give Scrip a database of its own", schema.String))
	}
	return nil
}

// checkClock compares the clocks. The answer was made at some moment while it was waited for.
func checkClock(ctx context.Context, conn *sql.Conn, now func() time.Time) error {
	var micros int64
	sent := now()
	err := conn.QueryRowContext(ctx, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&micros)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	there, received := time.UnixMicro(micros), now()
	if gap := max(sent.Sub(there), there.Sub(received)); gap > clockGapMax {
		return refusal(fmt.Sprintf("the clocks of this machine and the database are %s apart; at most %s is allowed",
			gap.Round(time.Millisecond), clockGapMax))
	}
	return nil
}
