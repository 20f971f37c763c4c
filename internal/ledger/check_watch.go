package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// check is what a watch shows by itself.
func (w *watch) check() error {
	if w.base.Sign() < 0 || !w.base.InRange() {
		return fmt.Errorf("I15: the alert base is %s", w.base)
	}
	if all := bit(w.thresholds.balances()) - 1; w.armed&^all != 0 {
		return errors.New("I15: a threshold is armed that is not in force")
	}
	return nil
}

// checkWatch is the part of I15 that a pool at rest shows: marks are of grants that it knows.
func (p *Pool) checkWatch() error {
	w := &p.watched
	if err := w.check(); err != nil {
		return err
	}
	for i, m := range w.told {
		if i > 0 && w.told[i-1].Grant >= m.Grant || p.find(m.Grant) == nil {
			return fmt.Errorf("I15: grant %d is marked and not known", m.Grant)
		}
		if _, ok := hundredths(m.Percent); !ok {
			return fmt.Errorf("I15: grant %d is marked with %s percent", m.Grant, m.Percent)
		}
	}
	return nil
}

// CheckAlert recomputes what Conclude had to find (I15), when the pool holds all facts of a transaction but its last Alert:
// which thresholds armed and fired, and which percentages of grants were reached. A nil alert says that the transaction has
// none. What was concluded before pools were watched is not looked at.
func (p *Pool) CheckAlert(facts []Fact, a *Alert) error {
	if a == nil && !p.watched.begun {
		return nil
	}
	t, was := p.watched.thresholds, p.watched.watch
	if a != nil {
		t = a.Thresholds
	}
	next, fired := p.nextWatch(t, facts)
	want := Alert{Base: next.base, Thresholds: next.thresholds, Armed: next.armed, Arming: next.arming}
	list := touches(nil, facts)
	slices.SortStableFunc(list, func(a, b touch) int { return cmp.Compare(a.settled, b.settled) }) // as they are told
	for _, g := range list {
		want.News, want.Told = p.consumptionNews(&g, t, want.News, want.Told)
	}
	want.News = append(want.News, next.balanceNews(fired)...)
	if a == nil {
		if next != was || len(want.News)+len(want.Told) > 0 {
			return errors.New("I15: a threshold was crossed without an alert")
		}
		return nil
	}
	return want.agree(a)
}

// agree compares what could be recomputed with what was stored.
func (a *Alert) agree(stored *Alert) error {
	w, s := watch{a.Base, a.Thresholds, a.Armed, a.Arming}, watch{stored.Base, stored.Thresholds, stored.Armed, stored.Arming}
	if w != s {
		return fmt.Errorf("I15: the alert has base %s, armed %b by %d; it should be %s, %b by %d", s.base, s.armed, s.arming, w.base, w.armed, w.arming)
	}
	if !slices.Equal(a.Told, stored.Told) {
		return errors.New("I15: the alert marks other percentages of grants than were reached")
	}
	fired := slices.DeleteFunc(slices.Clone(stored.News), func(n News) bool { return !n.Kind.fires() })
	same := func(a, b News) bool {
		return a.Kind == b.Kind && a.Threshold == b.Threshold && a.Absolute == b.Absolute && (a.Grant == nil || *a.Grant == *b.Grant)
	}
	if !slices.EqualFunc(a.News, fired, same) {
		return errors.New("I15: the alert tells other thresholds than were crossed")
	}
	return nil
}
