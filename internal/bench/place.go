package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/cluster"
)

// Place is where one server keeps its data.
type Place struct {
	Dir string // a folder of its own
	URL string // of a PostgreSQL database of its own; empty for a server that keeps everything in Dir
}

// places makes the places of a run by name: folders, and on PostgreSQL databases beside them.
type places struct {
	dir    string // of the folders
	server string // the address of a PostgreSQL server; empty for SQLite
	made   []string
}

// folder makes a place without a database.
func (p *places) folder(name string) (Place, error) {
	dir := filepath.Join(p.dir, name)
	return Place{Dir: dir}, os.MkdirAll(dir, 0o700)
}

// fresh makes an empty place.
func (p *places) fresh(ctx context.Context, name string) (Place, error) {
	place, err := p.folder(name)
	if err == nil && p.server != "" {
		place.URL, err = p.database(ctx, name)
	}
	return place, err
}

// copy makes a place with what another one holds. Nobody may be using that.
func (p *places) copy(ctx context.Context, name, from string) (Place, error) {
	place, err := p.folder(name)
	switch {
	case err != nil:
	case p.server == "":
		err = copyFolder(place.Dir, filepath.Join(p.dir, from))
	default:
		// Copied as files, a database is on the disk before it is measured, with nothing left to write back.
		place.URL, err = p.database(ctx, name, "TEMPLATE "+p.databaseName(from), "STRATEGY FILE_COPY")
	}
	return place, err
}

// database makes a database and remembers to drop it.
func (p *places) database(ctx context.Context, name string, how ...string) (string, error) {
	url, err := cluster.Create(ctx, p.server, p.databaseName(name), how...)
	if err == nil {
		p.made = append(p.made, name)
	}
	return url, err
}

// databaseName tells the databases of this run, whose folder has a name of its own, from those of others.
func (p *places) databaseName(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.dir)) // it cannot fail
	return fmt.Sprintf("scrip_bench_%016x_%s", h.Sum64(), strings.ReplaceAll(name, "-", "_"))
}

// remove removes a place, if there is one with that name, also after ctx has ended.
func (p *places) remove(ctx context.Context, name string) error {
	err := os.RemoveAll(filepath.Join(p.dir, name))
	if i := slices.Index(p.made, name); i >= 0 {
		p.made = slices.Delete(p.made, i, i+1)
		err = errors.Join(err, cluster.Drop(context.WithoutCancel(ctx), p.server, p.databaseName(name)))
	}
	return err
}

// removeAll removes every place that has a database; the folders go with the folder of the run.
func (p *places) removeAll(ctx context.Context) error {
	var all error
	for _, name := range slices.Clone(p.made) {
		all = errors.Join(all, p.remove(ctx, name))
	}
	return all
}

// copyFolder copies the files of a folder and makes them durable, so that writing them back disturbs nobody later.
func copyFolder(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case entry.IsDir():
			if err := errors.Join(os.MkdirAll(target, 0o700), copyFolder(target, source)); err != nil {
				return err
			}
		case entry.Type().IsRegular():
			if err := copyFile(target, source); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies one file.
func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}
