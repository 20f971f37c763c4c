package ledger

import (
	"cmp"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// watch is how a pool is watched (semantics 16.2). It moves at the end of transactions only, with an Alert.
type watch struct {
	base       amount.Amount
	thresholds *Thresholds // those in force at the last Alert
	armed      uint32      // bit 0 is depletion, bit 1 + i the i-th threshold of the balance
	arming     uint32      // counts the transactions that armed something
}

// watched is a watch, with what was told of grants.
type watched struct {
	watch
	begun bool   // there was an Alert
	told  []Mark // by grant
}

// Mark is the highest percentage consumed that was told of a grant.
type Mark struct {
	Grant   GrantID
	Percent amount.Amount
}

// depletion is the bit of a watch for the balance reaching 0.
const depletion uint32 = 1

// bit is the bit of the i-th threshold of the balance.
func bit(i int) uint32 { return 2 << i }

// AlertBase is what percentages of the balance refer to (semantics 16.2).
func (p *Pool) AlertBase() amount.Amount { return p.watched.base }

// Conclude ends a transaction: it compares the balance with the thresholds in tx.Thresholds, once, and collects what is to
// be told. If either gives anything to keep it appends one fact, an Alert. Without it a transaction tells nothing. Whoever
// made the pool's facts calls it before they are stored; to call it again changes nothing.
func (p *Pool) Conclude(tx *Tx) {
	facts := tx.Facts[min(tx.concluded, len(tx.Facts)):]
	if len(facts) == 0 {
		return
	}
	next, fired := p.nextWatch(tx.Thresholds, facts)
	news, told := p.grantNews(tx, facts)
	news = append(news, next.balanceNews(fired)...)
	if next != p.watched.watch || len(news)+len(told) > 0 {
		p.alert(tx, &Alert{Base: next.base, Thresholds: next.thresholds, Armed: next.armed, Arming: next.arming,
			Told: told, News: news, Granted: p.TotalGranted(), Consumed: p.TotalConsumed()})
	}
	tx.concluded, tx.before = len(tx.Facts), nil
}

func (p *Pool) alert(tx *Tx, a *Alert) {
	tx.Facts = append(tx.Facts, Fact{Kind: FactAlert, Alert: a})
	p.applyAlert(a)
}

// nextWatch is how the pool is to be watched after a transaction, and which bits have fired.
func (p *Pool) nextWatch(t *Thresholds, facts []Fact) (next watch, fired uint32) {
	was := &p.watched
	next = watch{base: was.base, thresholds: t, armed: was.carried(t), arming: was.arming}
	if !p.watched.begun || p.rebases(facts) {
		next.base = p.totals.left
	}
	low := next.low(p.balance)
	fired = next.armed & low
	arms := ^low & depletion
	if next.base.Sign() > 0 {
		arms = ^low & (bit(t.balances()) - 1)
	}
	next.armed &^= low
	if arms &^= next.armed; arms != 0 {
		next.armed |= arms
		next.arming++
	}
	return next, fired
}

// rebases tells whether the transaction raised the balance, brought credits, or voided or changed a grant.
func (p *Pool) rebases(facts []Fact) bool {
	start, met := p.balance, false
	for i := range facts {
		f := &facts[i]
		if f.Kind != FactRow {
			continue
		}
		if !met {
			start, met = f.Row.Start, true
		}
		switch f.Row.Type {
		case Granted, RolledIn, VoidedRow:
			return true
		case Updated:
			if !f.Row.Amount.IsZero() {
				return true
			}
		}
	}
	return start.Less(p.balance)
}

// low is the bits that the balance is below, or for depletion not above.
func (w *watch) low(balance amount.Amount) (low uint32) {
	if balance.Sign() <= 0 {
		low = depletion
	}
	t := w.thresholds
	if t == nil {
		return low
	}
	times := balance.Times(100 * percentStep)
	for i := range t.percents { // the highest first: what lies below the first that holds, holds too
		if !times.Less(w.base.Times(t.percents[i].share)) {
			break
		}
		low |= bit(i)
	}
	for i := range t.amounts {
		if !balance.Less(t.amounts[i].value) {
			break
		}
		low |= bit(len(t.percents) + i)
	}
	return low
}

// carried is what stays armed under other thresholds: what they have in common.
func (w *watch) carried(t *Thresholds) uint32 {
	if w.thresholds == t {
		return w.armed
	}
	armed := w.armed & depletion
	for i := range t.balances() {
		l, absolute := t.balance(i)
		if at := w.thresholds.place(l, absolute); at >= 0 && w.armed&bit(at) != 0 {
			armed |= bit(i)
		}
	}
	return armed
}

// balanceNews are the thresholds that fired, the highest first, and then depletion.
func (w *watch) balanceNews(fired uint32) (news []News) {
	if fired == 0 {
		return nil
	}
	var order []int
	for i := range w.thresholds.balances() {
		if fired&bit(i) != 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return w.height(b).Cmp(w.height(a)) })
	for _, i := range order {
		l, absolute := w.thresholds.balance(i)
		news = append(news, News{Kind: NewsBalanceLow, Threshold: l.value, Absolute: absolute})
	}
	if fired&depletion != 0 {
		news = append(news, News{Kind: NewsBalanceDepleted})
	}
	return news
}

// height is where a threshold of the balance lies, in parts of a credit that serve to compare.
func (w *watch) height(i int) amount.Amount {
	l, absolute := w.thresholds.balance(i)
	if absolute {
		return l.value.Times(100 * percentStep)
	}
	return w.base.Times(l.share)
}

func (p *Pool) applyAlert(a *Alert) {
	p.watched.begun = true
	p.watched.watch = watch{base: a.Base, thresholds: a.Thresholds, armed: a.Armed, arming: a.Arming}
	for _, m := range a.Told {
		p.watched.mark(m)
	}
}

func markOrder(m Mark, id GrantID) int { return cmp.Compare(m.Grant, id) }

// mark notes what was told of a grant.
func (w *watched) mark(m Mark) {
	i, found := slices.BinarySearchFunc(w.told, m.Grant, markOrder)
	if found {
		w.told[i] = m
		return
	}
	w.told = slices.Insert(w.told, i, m)
}

// marked is the highest percentage that was told of a grant, 0 if none was.
func (w *watched) marked(id GrantID) amount.Amount {
	if i, found := slices.BinarySearchFunc(w.told, id, markOrder); found {
		return w.told[i].Percent
	}
	return amount.Zero
}

// unmark drops what is known of a grant that the pool forgets.
func (p *Pool) unmark(id GrantID) {
	if i, found := slices.BinarySearchFunc(p.watched.told, id, markOrder); found {
		p.watched.told = slices.Delete(p.watched.told, i, i+1)
	}
}

func (w *watched) clone() watched {
	c := *w
	c.told = slices.Clone(w.told)
	return c
}
