package credits

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// How a Teller reads.
const (
	tellEntries = 50                    // with news, in one transaction: a few milliseconds of the database's writer
	tellPause   = 50 * time.Millisecond // between two looks, however many commits there are
	tellPoll    = time.Second           // how often it looks without being woken, for what other nodes have committed
	// tellLag is after how many entries without news the place is stored all the same. A start reads so many again.
	tellLag = 100_000
	// tellTextsMax is how many grants' texts are kept in memory.
	tellTextsMax = 50_000
)

// Teller writes the messages that follow from the journal. It reads what is durable, beside the path of events. Each node
// has one; they do not disturb each other: a shard's place in the journal moves in the transaction that writes the
// messages, and only from where it stood.
type Teller struct {
	service *Service
	log     *slog.Logger
	places  []tellerPlace
	texts   map[ledger.GrantID]engine.GrantTexts
}

// tellerPlace is where a shard is read.
type tellerPlace struct {
	stored engine.Position // 0 when it is not known
	read   engine.Position // nothing is to be told from stored to here
}

// NewTeller returns a Teller of all shards.
func (s *Service) NewTeller(log *slog.Logger) *Teller {
	return &Teller{service: s, log: log, places: make([]tellerPlace, s.engine.Shards()), texts: map[ledger.GrantID]engine.GrantTexts{}}
}

// Run tells until ctx ends. What fails is tried again.
func (t *Teller) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := t.Once(ctx); err != nil && ctx.Err() == nil {
			t.log.Warn("messages are late; they will be written", "error", err)
		}
		t.rest(ctx)
	}
}

// rest waits for something new.
func (t *Teller) rest(ctx context.Context) {
	poll, pause := time.NewTimer(tellPoll), time.NewTimer(tellPause)
	defer poll.Stop()
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.service.engine.Landed():
	case <-poll.C:
	}
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
}

// Once tells everything that is durable, and of grants that expire soon.
func (t *Teller) Once(ctx context.Context) error {
	var errs []error
	for shard := range t.places {
		for more := true; more; {
			var err error
			if more, err = t.round(ctx, uint16(shard)); err != nil {
				t.places[shard] = tellerPlace{}
				errs = append(errs, err)
				break
			}
		}
	}
	for _, env := range t.service.Environments() {
		errs = append(errs, t.expiring(ctx, env.ID))
	}
	return errors.Join(errs...)
}

// round tells some entries of a shard and reports whether there may be more.
func (t *Teller) round(ctx context.Context, shard uint16) (more bool, err error) {
	p := &t.places[shard]
	if p.stored == 0 {
		err := t.service.store.View(ctx, func(tx Tx) (err error) {
			p.stored, err = tx.ToldUntil(ctx, shard)
			return err
		})
		if err != nil {
			return false, err
		}
		p.read = p.stored
	}
	entries, next, err := t.service.engine.NewsFrom(ctx, p.read, tellEntries)
	if err != nil || next == p.read {
		return false, err
	}
	if len(entries) == 0 && next-p.stored < tellLag {
		p.read = next
		return true, nil
	}
	occasions, err := t.gather(ctx, entries)
	if err != nil {
		return false, err
	}
	moved, err := t.write(ctx, p.stored, next, occasions)
	if err != nil {
		return false, err
	}
	*p = tellerPlace{} // another node has told these: see how far it is
	if moved {
		*p = tellerPlace{stored: next, read: next}
		t.service.Told()
	}
	return true, nil
}

// write writes the messages of entries and moves the place, or does nothing and reports false when the place has moved.
func (t *Teller) write(ctx context.Context, from, to engine.Position, occasions []*occasion) (moved bool, err error) {
	err = t.service.store.Update(ctx, func(tx Tx) error {
		moved = false
		err := tx.SetToldUntil(ctx, from, to)
		if errors.Is(err, ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		moved = true
		lists := map[string][]NewMessage{}
		for _, o := range occasions {
			lists[o.Environment] = append(lists[o.Environment], messagesOf(o)...)
			if err := noteExpiries(ctx, tx, o); err != nil {
				return err
			}
		}
		for _, env := range slices.Sorted(maps.Keys(lists)) { // in one order, since each is locked
			if err := t.service.AppendMessages(ctx, tx, env, lists[env]...); err != nil {
				return err
			}
		}
		return nil
	})
	return moved, err
}

// gather reads what the messages of entries name.
func (t *Teller) gather(ctx context.Context, entries []*engine.Entry) ([]*occasion, error) {
	occasions := make([]*occasion, len(entries))
	err := t.service.store.View(ctx, func(tx Tx) error {
		customers := map[customerKey]*Customer{}
		for i, e := range entries {
			key := customerKey{e.Environment, e.Customer}
			if customers[key] == nil {
				c, err := tx.Customer(ctx, e.Environment, e.Customer)
				if errors.Is(err, ErrMissing) {
					c, err = &Customer{ID: e.Customer}, nil
				}
				if err != nil {
					return err
				}
				customers[key] = c
			}
			occasions[i] = &occasion{Entry: e, customer: customers[key]}
		}
		return nil
	})
	for _, o := range occasions {
		if err != nil {
			return nil, err
		}
		err = t.name(ctx, o)
	}
	return occasions, err
}

// name adds credit types and the texts of grants. The entry's own texts win over what is known.
func (t *Teller) name(ctx context.Context, o *occasion) error {
	o.creditTypes, o.texts = map[string]*CreditType{}, map[ledger.GrantID]engine.GrantTexts{}
	catalog := t.service.Catalog(o.Environment)
	for i := range o.Texts {
		t.remember(o.Texts[i])
	}
	for i := range o.Pools {
		p := &o.Pools[i]
		if c, ok := catalog.CreditType(p.Currency); ok {
			o.creditTypes[p.Currency] = c
		}
		key := ledger.Key{Environment: o.Environment, Customer: o.Customer, Currency: p.Currency, Resource: p.Resource}
		for f := range p.Facts {
			if p.Facts[f].Kind != ledger.FactAlert {
				continue
			}
			for _, n := range p.Facts[f].Alert.News {
				if n.Grant == nil {
					continue
				}
				texts, err := t.textsOf(ctx, key, n.Grant)
				if err != nil {
					return err
				}
				o.texts[n.Grant.ID] = texts
			}
		}
	}
	return nil
}

// textsOf returns the texts of a grant: those that passed by, or else those that it has now.
func (t *Teller) textsOf(ctx context.Context, pool ledger.Key, g *ledger.Grant) (engine.GrantTexts, error) {
	if texts, known := t.texts[g.ID]; known || g.Type == ledger.Overdraft {
		return texts, nil
	}
	record, _, err := t.service.engine.GrantAsIs(ctx, pool, g.ID)
	if err != nil {
		return engine.GrantTexts{}, err
	}
	record.Texts.Grant = g.ID
	t.remember(record.Texts)
	return record.Texts, nil
}

func (t *Teller) remember(texts engine.GrantTexts) {
	if len(t.texts) >= tellTextsMax {
		clear(t.texts)
	}
	t.texts[texts.Grant] = texts
}
