package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
)

// Shared implements credits.Store: a server is there for everyone, a file is locked by this process.
func (s *Store) Shared() bool { return s.dialect.server }

// Changes implements credits.Store. It is one statement, so it sees one state of the database, from after its arrival.
func (s *Store) Changes(ctx context.Context, seen credits.Seen, most int) (list []credits.Change, err error) {
	text, args := changesQuery(seen, most)
	found, err := s.changes.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, s.judge(fmt.Errorf("read changes: %w", err))
	}
	defer func() { err = s.judge(errors.Join(err, found.Close())) }()
	for found.Next() {
		c, err := scanChange(found)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, found.Err()
}

// changesQuery asks for each environment by itself: one search in the primary key, which usually finds nothing. A join
// with the positions would leave it to the planner whether to read the whole trail.
func changesQuery(seen credits.Seen, most int) (text string, args []any) {
	var parts []string
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	for i, p := range seen.Trails {
		parts = append(parts, fmt.Sprintf(`SELECT environment, no, action, customer, revision FROM (
			SELECT environment, no, action, customer, (SELECT revision FROM environments WHERE id = audit.environment) AS revision
			FROM audit WHERE environment = %s AND no > %s ORDER BY no LIMIT %d) AS trail%d`, arg(p.Environment), arg(p.No), most, i))
	}
	parts = append(parts, fmt.Sprintf(`SELECT id, 0, '', '', revision FROM environments WHERE no > %s`, arg(seen.Environments)))
	return strings.Join(parts, " UNION ALL "), args
}

func scanChange(r *sql.Rows) (c credits.Change, err error) {
	return c, r.Scan(&c.Environment, &c.No, &c.Action, &c.Customer, &c.Revision)
}
