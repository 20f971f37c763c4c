package engine

import (
	"cmp"
	"context"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// EventRecord is a reported event with what became of it later.
type EventRecord struct {
	*Entry
	Resolved *Entry // the entry that released, rated again or dropped it, or nil
	Reversed *Entry // the entry that reversed it, or nil
}

// reported tells whether the entry is the record of a reported event or a direct consumption.
func (e *Entry) reported() bool { return e.Kind == EventEntry || e.Kind == ConsumeEntry }

// EventQuery selects events of an environment, newest first by arrival.
type EventQuery struct {
	Environment string
	Customer    string   // empty means all; then Attention or a scan of the journal answers
	Attention   bool     // only events that were not rated when they came
	Before      Position // exclusive; 0 means from the newest
	After       Position // exclusive; with Limit, those nearest to it
	Limit       int
	Match       func(*Entry) bool
}

// Events lists events. The second result tells whether there are more in the direction that was asked for.
func (e *Engine) Events(ctx context.Context, q EventQuery) ([]EventRecord, bool, error) {
	found := &eventList{query: q}
	for _, s := range e.eventShards(q) {
		if err := s.events(ctx, q, found); err != nil {
			return nil, false, err
		}
		found.next()
	}
	entries, more := found.result()
	records := make([]EventRecord, len(entries))
	for i, entry := range entries {
		var err error
		if records[i], err = e.record(ctx, entry); err != nil {
			return nil, false, err
		}
	}
	return records, more, nil
}

func (e *Engine) eventShards(q EventQuery) []*shard {
	if q.Customer != "" {
		return []*shard{e.shardOf(q.Environment, q.Customer)}
	}
	return e.shards
}

// Event reads one event with what became of it; false when the position holds none.
func (e *Engine) Event(ctx context.Context, at Position) (EventRecord, bool, error) {
	entry, ok, err := e.Entry(ctx, at)
	if err != nil || !ok || !entry.reported() {
		return EventRecord{}, false, err
	}
	record, err := e.record(ctx, entry)
	return record, err == nil, err
}

func (e *Engine) record(ctx context.Context, entry *Entry) (EventRecord, error) {
	r := EventRecord{Entry: entry}
	s := e.shards[entry.Position.Shard()]
	err := s.read(ctx, func() (err error) {
		if r.Resolved, err = s.taken(ctx, ResolveKey(entry.Position)); err != nil {
			return err
		}
		r.Reversed, err = s.taken(ctx, ReverseKey(entry.Position))
		return err
	})
	return r, err
}

// taken returns the entry that took a key, or nil.
func (s *shard) taken(ctx context.Context, key KeyHash) (*Entry, error) {
	at, ok, err := s.keys.find(ctx, s.journal, s.id, key)
	if err != nil || !ok {
		return nil, err
	}
	return s.entry(ctx, at)
}

// events feeds a shard's events to the list, newest first, until it has enough.
func (s *shard) events(ctx context.Context, q EventQuery, found *eventList) error {
	if q.Customer == "" && !q.Attention {
		return s.scanEvents(ctx, q, found)
	}
	refs, err := s.eventRefs(ctx, q)
	if err != nil {
		return err
	}
	reader := &entryReader{shard: s}
	for {
		at, err := refs.next(ctx)
		if err != nil || at == 0 || at <= q.After {
			return err
		}
		if q.Before != 0 && at >= q.Before {
			continue
		}
		entry, err := reader.read(ctx, at)
		if err != nil {
			return err
		}
		if entry.reported() && found.add(entry) {
			return nil
		}
	}
}

// eventRefs finds the entries that a list of events may show: in the postings of the attention list, or in those of the
// customer and of its pools without a resource.
func (s *shard) eventRefs(ctx context.Context, q EventQuery) (*refMerge, error) {
	m := &refMerge{shard: s}
	err := s.read(ctx, func() error {
		keys := []ledger.Key{{Environment: q.Environment, Customer: q.Customer}}
		if q.Customer != "" {
			pools, err := s.poolKeys(ctx, q.Environment, q.Customer)
			if err != nil {
				return err
			}
			keys = append(keys, slices.DeleteFunc(pools, func(k ledger.Key) bool { return k.Resource != "" })...)
		}
		for _, key := range keys {
			o, err := s.owner(ctx, key)
			if err != nil {
				return err
			}
			m.lists = append(m.lists, refList{pages: s.pagesNow(o)})
		}
		return nil
	})
	return m, err
}

// scanEvents walks the journal itself, backwards, block by block: the live tail of an environment.
func (s *shard) scanEvents(ctx context.Context, q EventQuery, found *eventList) error {
	at, err := s.journal.Head(ctx, s.id)
	if err != nil {
		return err
	}
	if q.Before != 0 && q.Before.Shard() == s.id {
		at = min(at, q.Before)
	}
	for at.Ordinal() > 1 {
		block, err := s.journal.Block(ctx, at-1)
		if err != nil {
			return err
		}
		var entries []*Entry
		err = block.each(func(p Position, raw rawEntry) error {
			if p >= at || p <= q.After {
				return nil
			}
			entry, err := decodeEntry(raw, p)
			entries = append(entries, entry)
			return err
		})
		if err != nil {
			return err
		}
		for _, entry := range slices.Backward(entries) {
			if entry.Environment == q.Environment && entry.reported() && found.add(entry) {
				return nil
			}
		}
		if at = block.First; at <= q.After {
			return nil
		}
	}
	return nil
}

// eventList collects entries of one shard after another, each newest first, and keeps those nearest to the cursor.
type eventList struct {
	query  EventQuery
	shard  []*Entry
	all    []*Entry
	shards int // that found some
}

// add takes an entry and reports whether the shard has yielded enough.
func (l *eventList) add(e *Entry) bool {
	if l.query.Match != nil && !l.query.Match(e) {
		return false
	}
	l.shard = append(l.shard, e)
	if l.query.After == 0 {
		return len(l.shard) > l.query.Limit
	}
	if len(l.shard) > l.query.Limit+1 {
		l.shard = l.shard[1:]
	}
	return false
}

func (l *eventList) next() {
	if len(l.shard) > 0 {
		l.shards++
	}
	l.all = append(l.all, l.shard...)
	l.shard = nil
}

func (l *eventList) result() ([]*Entry, bool) {
	if l.shards > 1 { // those of one shard are in order, whatever the clock did meanwhile
		slices.SortStableFunc(l.all, func(a, b *Entry) int { return cmp.Compare(b.At, a.At) })
	}
	more := len(l.all) > l.query.Limit
	switch {
	case !more:
		return l.all, false
	case l.query.After != 0:
		return l.all[len(l.all)-l.query.Limit:], true
	}
	return l.all[:l.query.Limit], true
}
