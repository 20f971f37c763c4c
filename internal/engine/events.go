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

// EventQuery selects events of an environment, newest first by arrival: those of one shard in the order of its journal, those
// of several by the clock as well.
type EventQuery struct {
	Environment string
	Customer    string // empty means all; then Attention or a scan of the journal answers
	Attention   bool   // only events that were not rated when they came
	Older       Cut    // only events older than this one; nil means from the newest
	Newer       Cut    // only events newer than this one, and with Limit those nearest to it
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
		found.endShard()
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
	at, ok, err := s.findRead(ctx, key)
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
	var refs *refMerge
	err := s.read(ctx, func() (err error) {
		refs, err = s.eventRefs(ctx, q.Environment, q.Customer)
		return err
	})
	if err != nil {
		return err
	}
	reader := &entryReader{shard: s}
	for {
		at, err := refs.next(ctx)
		if err != nil || at == 0 || at < q.Newer.of(s.id) {
			return err
		}
		if q.Older != nil && at >= q.Older.of(s.id) {
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

// eventRefs finds, for the writer, the entries that a list of events may show: in the postings of the attention list, or in
// those of the customer and of its pools without a resource.
func (s *shard) eventRefs(ctx context.Context, environment, customer string) (*refMerge, error) {
	keys := []ledger.Key{{Environment: environment, Customer: customer}}
	if customer != "" {
		pools, err := s.poolKeys(ctx, environment, customer)
		if err != nil {
			return nil, err
		}
		keys = append(keys, slices.DeleteFunc(pools, func(k ledger.Key) bool { return k.Resource != "" })...)
	}
	m := &refMerge{shard: s}
	for _, key := range keys {
		o, err := s.owner(ctx, key)
		if err != nil {
			return nil, err
		}
		m.lists = append(m.lists, refList{pages: s.pagesNow(o)})
	}
	return m, nil
}

// scanEvents walks the journal itself, backwards, block by block: the live tail of an environment.
func (s *shard) scanEvents(ctx context.Context, q EventQuery, found *eventList) error {
	at, err := s.journal.Head(ctx, s.id)
	if err != nil {
		return err
	}
	if q.Older != nil {
		at = min(at, q.Older.of(s.id))
	}
	floor := q.Newer.of(s.id)
	for at.Ordinal() > 1 {
		block, err := s.journal.Block(ctx, at-1)
		if err != nil {
			return err
		}
		var entries []*Entry
		err = block.each(func(p Position, raw rawEntry) error {
			if p >= at || p < floor {
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
		if at = block.First; at <= floor {
			return nil
		}
	}
	return nil
}

// eventList collects entries of one shard after another, each newest first, and keeps those nearest to the cut.
type eventList struct {
	query  EventQuery
	shard  []*Entry   // of the one being read
	shards [][]*Entry // of those before it, each from the cut on
}

// add takes an entry and reports whether the shard has yielded enough.
func (l *eventList) add(e *Entry) bool {
	if l.query.Match != nil && !l.query.Match(e) {
		return false
	}
	l.shard = append(l.shard, e)
	if l.query.Newer == nil {
		return len(l.shard) > l.query.Limit
	}
	if len(l.shard) > l.query.Limit+1 {
		l.shard = l.shard[1:]
	}
	return false
}

func (l *eventList) endShard() {
	if l.query.Newer != nil {
		slices.Reverse(l.shard)
	}
	if len(l.shard) > 0 {
		l.shards = append(l.shards, l.shard)
	}
	l.shard = nil
}

// result joins the shards, going away from the cut, and tells whether there is more.
func (l *eventList) result() (entries []*Entry, more bool) {
	for len(l.shards) > 0 && len(entries) < l.query.Limit {
		entries = append(entries, l.next())
	}
	if l.query.Newer != nil {
		slices.Reverse(entries)
	}
	return entries, len(l.shards) > 0
}

// next takes, of the entries that are next in each shard, the latest by the clock, or going up the earliest.
func (l *eventList) next() *Entry {
	sign := -1
	if l.query.Newer != nil {
		sign = +1
	}
	best := 0
	for i := range l.shards {
		a, b := l.shards[i][0], l.shards[best][0]
		if sign*cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Position, b.Position)) < 0 {
			best = i
		}
	}
	entry := l.shards[best][0]
	if l.shards[best] = l.shards[best][1:]; len(l.shards[best]) == 0 {
		l.shards = slices.Delete(l.shards, best, best+1)
	}
	return entry
}
