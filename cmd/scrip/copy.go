package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scrip-dev/scrip/internal/store"
)

// copyCommand moves a database, or backs it up.
type copyCommand struct {
	From string `required:"" placeholder:"DIR|URL" help:"The database to copy: the folder of a SQLite database, or postgres://user:password@host/name."`
	To   string `required:"" placeholder:"DIR|URL" help:"An empty database, named likewise; a folder is made when missing."`
}

// Help states what a copy is.
func (c *copyCommand) Help() string {
	return strings.TrimSpace(`
Everything is copied: ids, hashes, keys, cursors and the number of shards stay what they are. What was written is read again
and compared; then the copy can be used, and before that no server starts on it. "scrip verify" prints the same digest for both.

To move, stop every server first: what is written to the source after the copy began is not in it. A SQLite database that a
server uses is refused. From PostgreSQL, which may be in use, the copy is of one instant: a backup.`)
}

// progressEvery is how often a copy tells how far it is.
const progressEvery = 5 * time.Second

// Run copies, or answers why not. A copy that was cut short leaves a target that no server starts on.
func (c *copyCommand) Run(p *program) (err error) {
	from, err := openExisting(p, placeOf(c.From))
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := openDatabase(p, placeOf(c.To))
	if err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()

	total, next := int64(0), p.now().Add(progressEvery)
	err = store.Copy(p.ctx, from, to, func(table string, rows, more int64) {
		total += more
		if now := p.now(); now.After(next) {
			next = now.Add(progressEvery)
			fmt.Fprintf(p.stderr, "copying: %d rows so far, %d of %s\n", total, rows, table)
		}
	})
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "copied: %d rows, read again and compared\n", total)
	return err
}

// placeOf reads where a database is.
func placeOf(text string) store.Options {
	if strings.Contains(text, "://") {
		return store.Options{URL: text}
	}
	return store.Options{Dir: text}
}
