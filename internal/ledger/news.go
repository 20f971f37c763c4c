package ledger

import (
	"cmp"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// NewsKind says what is told of a pool (semantics 16.1). The numbers are stored.
type NewsKind uint8

// The kinds of news. The family of grants carries the grant.
const (
	NewsGranted         NewsKind = iota + 1 // it came, or its payment was confirmed
	NewsUpdated                             // its amount, dates, cost or payment changed, it activated, or it took part in a settlement
	NewsGrantLow                            // a percentage of it is consumed
	NewsGrantDepleted                       // nothing is left of it, by consumption or settlement
	NewsExpired                             // its expiry was posted
	NewsVoided                              // it was voided; also an overdraft that is settled
	NewsBalanceLow                          // the balance fell below a threshold
	NewsBalanceDepleted                     // the balance fell from above 0 to 0 or below
)

// News is one thing to be told of a transaction.
type News struct {
	Kind      NewsKind
	Threshold amount.Amount // of NewsGrantLow, percent consumed; of NewsBalanceLow, percent of the base that remain
	Absolute  bool          // the threshold is a balance
	Grant     *Grant        // of the family of grants: at the end of the transaction
	Before    *Grant        // of NewsUpdated: before it
}

// Alert is how a pool is watched after a transaction, and the news of that transaction.
type Alert struct {
	Base       amount.Amount // semantics 16.2, alertBase
	Thresholds *Thresholds   // in force
	Armed      uint32        // bit 0 is depletion, bit 1 + i the i-th of the percentages, then of the amounts
	Arming     uint32        // the arming number: counts the transactions that armed something
	Told       []Mark        // new ones
	News       []News        // of grants in the order of their first fact; then voids; then of the balance
	Granted    amount.Amount // Pool.TotalGranted and TotalConsumed; stored with news of the balance only
	Consumed   amount.Amount
}

// prior is a grant before the transaction, or if there was none as it began, or as it was recalled.
type prior struct {
	state Grant
	fresh bool
}

// remember keeps a grant as it is before its first change in the transaction. A consumption needs none.
func (tx *Tx) remember(g *Grant, fresh bool) {
	if _, met := tx.before[g.ID]; met {
		return
	}
	if tx.before == nil {
		tx.before = make(map[GrantID]prior)
	}
	tx.before[g.ID] = prior{*g, fresh}
}

// touch is what the rows of a transaction did to one grant.
type touch struct {
	grant    GrantID
	consumed bool // also by a settlement
	updated  bool
	settled  int // the first row of a settlement that it took part in, counted from 1
}

// touches lists the grants of the facts, in the order of their first fact.
func touches(list []touch, facts []Fact) []touch {
	var places map[GrantID]int
	for i := range facts {
		f := &facts[i]
		var id GrantID
		switch f.Kind {
		case FactRow:
			id = f.Row.Grant
		case FactGrant:
			id = f.Grant.ID
		default:
			continue
		}
		at, met := placeOf(list, places, id)
		if !met {
			at, list = len(list), append(list, touch{grant: id})
			places = noted(places, list)
		}
		if f.Kind == FactRow {
			list[at].note(&f.Row, i)
		}
	}
	return list
}

// touchesFew is how many grants are found by looking at each.
const touchesFew = 8

func placeOf(list []touch, places map[GrantID]int, id GrantID) (int, bool) {
	if places != nil {
		at, met := places[id]
		return at, met
	}
	at := slices.IndexFunc(list, func(t touch) bool { return t.grant == id })
	return at, at >= 0
}

// noted adds the last touch to the places, which begin when there are more than few.
func noted(places map[GrantID]int, list []touch) map[GrantID]int {
	if len(list) <= touchesFew {
		return nil
	}
	if places == nil {
		places = make(map[GrantID]int)
		for i := range list {
			places[list[i].grant] = i
		}
	}
	places[list[len(list)-1].grant] = len(list) - 1
	return places
}

func (t *touch) note(r *Row, i int) {
	switch r.Type {
	case Consumed:
		t.consumed = true
	case TransferTarget, TransferSource:
		t.consumed = t.consumed || r.Type == TransferTarget
		if t.settled == 0 {
			t.settled = i + 1
		}
	case Updated:
		t.updated = true
	}
}

// grantNews are the news of grants, and what they say of percentages consumed. What a settlement did is told in its order
// after all else, and then what was voided (W3).
func (p *Pool) grantNews(tx *Tx, facts []Fact) (news []News, told []Mark) {
	if tx.before == nil && p.quiet(tx.Thresholds, facts) {
		return nil, nil
	}
	var room [touchesFew]touch
	list := touches(room[:0], facts)
	var settled []touch
	var voids []News
	for i := range list {
		t := &list[i]
		was, known := tx.before[t.grant]
		if !known {
			news, told = p.consumptionNews(t, tx.Thresholds, news, told)
			continue
		}
		now := p.stateAfter(tx, t.grant)
		if was.granted(now) {
			news = append(news, News{Kind: NewsGranted, Grant: now.clone()})
		}
		if t.settled > 0 {
			settled = append(settled, *t)
		} else {
			news, told = p.changeNews(tx, t, news, told)
		}
		if was.state.VoidedAt == 0 && now.VoidedAt != 0 {
			voids = append(voids, News{Kind: NewsVoided, Grant: now.clone()})
		}
	}
	slices.SortFunc(settled, func(a, b touch) int { return cmp.Compare(a.settled, b.settled) })
	for i := range settled {
		news, told = p.changeNews(tx, &settled[i], news, told)
	}
	return append(news, voids...), told
}

// quiet tells quickly that consumption has brought no grant to a threshold or to its end, as nearly all does.
func (p *Pool) quiet(t *Thresholds, facts []Fact) bool {
	for i := range facts {
		if facts[i].Kind != FactRow {
			continue
		}
		g := p.find(facts[i].Row.Grant)
		switch {
		case g == nil || g.Remaining().IsZero():
			return false
		case g.Type == Overdraft:
			continue
		}
		if levels := t.orNone().grants; len(levels) > 0 && g.reached(levels[len(levels)-1]) && p.watched.marked(g.ID).Less(levels[0].value) {
			return false
		}
	}
	return true
}

// reached tells whether a percentage of the grant is consumed.
func (g *Grant) reached(l level) bool {
	return !g.Consumed.Times(100 * percentStep).Less(g.Amount.Times(l.share))
}

// changeNews adds that a grant was updated, what was reached of it, and that it expired.
func (p *Pool) changeNews(tx *Tx, t *touch, news []News, told []Mark) ([]News, []Mark) {
	was, now := tx.before[t.grant], p.stateAfter(tx, t.grant)
	if t.updates(&was, now) {
		news = append(news, News{Kind: NewsUpdated, Grant: now.clone(), Before: was.state.clone()})
	}
	news, told = p.consumptionNews(t, tx.Thresholds, news, told)
	if was.state.ExpiredAt == 0 && now.ExpiredAt != 0 {
		news = append(news, News{Kind: NewsExpired, Grant: now.clone()})
	}
	return news, told
}

// stateAfter is a grant that the transaction changed; the pool may have forgotten it.
func (p *Pool) stateAfter(tx *Tx, id GrantID) *Grant {
	if g := p.find(id); g != nil {
		return g
	}
	i := slices.IndexFunc(tx.Ended, func(g Grant) bool { return g.ID == id })
	return &tx.Ended[i]
}

// granted tells whether the grant came: it is new and not waiting for money, or the wait is over.
func (was *prior) granted(now *Grant) bool {
	return now.Type != Overdraft && !was.state.ended() && (was.fresh || was.state.AwaitsPayment) && !now.AwaitsPayment
}

// updates tells whether the grant was updated. What ended it is told by itself.
func (t *touch) updates(was *prior, now *Grant) bool {
	if t.updated || t.settled > 0 {
		return true
	}
	return !was.fresh && !was.granted(now) && was.state.ended() == now.ended() && was.state.differs(now)
}

// differs tells whether an update or the clock made of g what next is; counters are not looked at.
func (g *Grant) differs(next *Grant) bool {
	return g.Amount != next.Amount || g.EffectiveAt != next.EffectiveAt || g.ExpireAt != next.ExpireAt || g.Cost != next.Cost ||
		g.Payment != next.Payment || g.ActivatedAt != next.ActivatedAt
}

// consumptionNews adds the percentages of a grant that consumption has reached, the highest first, and that nothing is left.
func (p *Pool) consumptionNews(t *touch, th *Thresholds, news []News, told []Mark) ([]News, []Mark) {
	if !t.consumed && !t.updated {
		return news, told
	}
	g := p.find(t.grant)
	if g == nil || g.Type == Overdraft || !g.live() {
		return news, told
	}
	marked := p.watched.marked(g.ID)
	top := marked
	for _, l := range th.orNone().grants {
		if !marked.Less(l.value) || !g.reached(l) {
			continue
		}
		news = append(news, News{Kind: NewsGrantLow, Threshold: l.value, Grant: g.clone()})
		top = amount.Max(top, l.value)
	}
	if top != marked {
		told = append(told, Mark{g.ID, top})
	}
	if t.consumed && g.Remaining().IsZero() {
		news = append(news, News{Kind: NewsGrantDepleted, Grant: g.clone()})
	}
	return news, told
}

// OfBalance tells whether the news is of the balance, and not of a grant.
func (k NewsKind) OfBalance() bool { return k == NewsBalanceLow || k == NewsBalanceDepleted }

// fires tells whether the news follows from what was consumed alone.
func (k NewsKind) fires() bool { return k == NewsGrantLow || k == NewsGrantDepleted || k.OfBalance() }
