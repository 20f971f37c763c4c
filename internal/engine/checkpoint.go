package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// How much derived state goes out with one commit. The least keeps a quiet server moving; otherwise a window is
// written evenly within half of the time that the next one takes to fill.
const (
	pieceRowsMin  = 24
	pieceRowsIdle = 128
	pieceHaste    = 2
)

// flush is a full window on its way to the tables: the owners it changed with their pages, and its keys as a run.
type flush struct {
	checkpoint Checkpoint
	window     uint32
	size       int // rows in all, about
	owners     []flushOwner
	keys       map[KeyHash]Position
	sorted     chan flushRows // yields once, when everything has been sorted beside the writer
	run        *runRows       // nil until then
}

type flushOwner struct {
	owner *owner
	page  *page
}

// flushRows is the content of a flush in the order of the tables, so that rows written together lie together: a page of
// the database is then written once for a window, not once for each of its rows.
type flushRows struct {
	owners []flushOwner
	run    *runRows
}

// turn closes the open window when an entry belongs to the next one.
func (s *shard) turn(at Position) {
	w := s.windows.of(at)
	if w == s.window {
		return
	}
	f := &flush{
		checkpoint: Checkpoint{Windows: w, Owners: s.nextOwner, Grants: s.nextGrant},
		window:     s.window, keys: s.keys.open, sorted: make(chan flushRows, 1),
	}
	owners := make([]flushOwner, 0, len(s.dirty))
	for _, o := range s.dirty {
		o.flushes++
		owners = append(owners, flushOwner{owner: o, page: o.page})
		if o.page.entries > 0 {
			o.closing = append(o.closing, closedPage{window: s.window, page: o.page})
		}
		o.page, o.dirty = nil, false
	}
	s.dirty = s.dirty[:0:0]
	s.keys.closing = append(s.keys.closing, s.keys.open)
	s.keys.open = make(map[KeyHash]Position, len(s.keys.open))
	f.size = len(owners) + len(f.keys)/chunkKeys
	s.window = w
	s.flushes = append(s.flushes, f)
	go func() {
		slices.SortFunc(owners, func(a, b flushOwner) int { return cmp.Compare(a.owner.no, b.owner.no) })
		f.sorted <- flushRows{owners: owners, run: sortedRun(newRunID(0, f.window), f.keys)}
		s.queue.nudge()
	}()
}

// ready reports whether the flush has something to write now, or is complete.
func (f *flush) ready() bool {
	if f.run == nil {
		select {
		case rows := <-f.sorted:
			f.take(rows)
		default:
		}
	}
	return f.run != nil
}

// wait blocks until everything is sorted. Only a start does that.
func (f *flush) wait() {
	if f.run == nil {
		f.take(<-f.sorted)
	}
}

func (f *flush) take(rows flushRows) { f.owners, f.run = rows.owners, rows.run }

// complete tells whether everything has been written, or is about to be.
func (f *flush) complete() bool { return len(f.owners)+len(f.run.chunks) == 0 }

// pending reports whether a pause could be used to write. After a failure it waits for an operation that succeeds: a full
// disk must not keep the writer busy.
func (s *shard) pending() bool {
	return s.loaded.Load() && !s.failing && s.keeps() && (len(s.flushes) > 0 && s.flushes[0].ready() || s.mergePending())
}

// pieceRows is how many rows go out with a commit of so many entries.
func (s *shard) pieceRows(entries int) int {
	if entries == 0 {
		return pieceRowsIdle
	}
	rows := 0
	for _, f := range s.flushes {
		rows += f.size
	}
	return max(pieceRowsMin, rows*entries*pieceHaste/int(s.windows))
}

// addPiece puts the next rows of the oldest flush into a commit. States are taken as they are now: they include the
// entries of this very commit, so the rows must become durable together with them or not at all.
func (s *shard) addPiece(c *Commit, rows int) {
	if len(s.flushes) == 0 || !s.flushes[0].ready() {
		return
	}
	f := s.flushes[0]
	n := min(rows, len(f.owners))
	for _, o := range f.owners[:n] {
		s.addOwner(c, o, f.window)
	}
	f.owners = f.owners[n:]
	n = min(rows-n, len(f.run.chunks))
	c.Chunks = append(c.Chunks, f.run.chunks[:n]...)
	f.run.chunks = f.run.chunks[n:]
	if f.complete() {
		c.Filters, c.Checkpoint = append(c.Filters, f.run.filters...), &f.checkpoint
		c.Runs = append(c.Runs, f.run.row())
	}
}

func (s *shard) addOwner(c *Commit, fo flushOwner, window uint32) {
	o := fo.owner
	o.flushes--
	s.addState(c, o)
	if fo.page != nil && fo.page.entries > 0 {
		c.Pages = append(c.Pages, fo.page.row(o.no, window))
		o.closing = slices.DeleteFunc(o.closing, func(p closedPage) bool { return p.window == window })
	}
}

// addState puts an owner's state and the rows of its changed grants into a commit.
func (s *shard) addState(c *Commit, o *owner) {
	if !o.stored || !o.stateless() {
		c.Owners = append(c.Owners, o.row())
		o.stored = true
	}
	c.Grants = append(c.Grants, o.grantRows()...)
	for id := range o.fresh {
		delete(s.freshGrants, id)
	}
	o.fresh = nil
	s.saved(o)
}

// saved notes that an owner has a row.
func (s *shard) saved(o *owner) {
	key := o.key()
	customer := customerOf(key)
	left := slices.DeleteFunc(s.unsaved[customer], func(k ledger.Key) bool { return k == key })
	if len(left) == 0 {
		delete(s.unsaved, customer)
		return
	}
	s.unsaved[customer] = left
}

// grantRows are the rows of the grants that changed since the last time, by id.
func (o *owner) grantRows() []GrantRow {
	rows := make([]GrantRow, 0, len(o.fresh))
	for id, g := range o.fresh {
		row := GrantRow{ID: id, Key: o.key(), CreatedAt: g.state.CreatedAt, Final: g.final}
		row.State = ledger.AppendFact(nil, &ledger.Fact{Kind: ledger.FactGrant, Grant: &g.state}, &ledger.Origin{})
		if g.texts != nil {
			row.Texts = appendTexts(nil, g.texts)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b GrantRow) int { return int(int64(a.ID) - int64(b.ID)) })
	return rows
}

// written takes note of what a commit made durable.
func (s *shard) written(c *Commit) {
	if c.Checkpoint != nil {
		s.keys.runs = append(s.keys.runs, s.flushes[0].run.run)
		s.keys.closing = slices.Delete(s.keys.closing, 0, 1)
		s.flushes = slices.Delete(s.flushes, 0, 1)
		s.evictAbove = s.ownersMax // what the window kept in memory may be idle now
		s.merger.failed = nil
	}
	s.mergeLanded()
}

// settle writes everything that can be written: all full windows, their runs of keys merged, and the state of every owner
// changed since. It needs a moment without uncommitted entries. When it fails, memory has run ahead of the tables and must
// be loaded again (E3).
func (s *shard) settle() error {
	if err := s.ready(context.Background()); err != nil {
		return err
	}
	defer s.release()
	if !s.keeps() {
		return nil // another process writes the windows
	}
	if err := s.writeWindows(); err != nil {
		return err
	}
	if err := s.mergeAll(); err != nil {
		return err
	}
	c := Commit{Shard: s.id}
	for _, o := range s.dirty {
		s.addState(&c, o)
	}
	return s.commitNow(&c)
}

// writeWindows writes all full windows.
func (s *shard) writeWindows() error {
	for len(s.flushes) > 0 {
		s.flushes[0].wait()
		c := Commit{Shard: s.id}
		s.addPiece(&c, pieceRowsIdle)
		if err := s.commitNow(&c); err != nil {
			return err
		}
		s.written(&c)
	}
	return nil
}
