package ledger

import "encoding/binary"

// The flags of an encoded alert.
const alertHasTotals = 1

// The flags of encoded news.
const (
	newsHasThreshold = 1 << iota
	newsAbsolute
	newsHasGrant
	newsHasBefore
)

// The least bytes that one mark and one piece of news take.
const (
	minMarkBytes = 3
	minNewsBytes = 2
)

func appendAlert(b []byte, a *Alert) []byte {
	totals := a.tellsBalance()
	b = append(b, byte(one(totals)))
	b = appendWatch(b, &watch{a.Base, a.Thresholds, a.Armed, a.Arming})
	b = appendMarks(b, a.Told)
	if totals {
		b = a.Consumed.AppendBinary(a.Granted.AppendBinary(b))
	}
	b = binary.AppendUvarint(b, uint64(len(a.News)))
	for i := range a.News {
		b = appendNews(b, &a.News[i])
	}
	return b
}

// tellsBalance tells whether there is news of the balance, for which totals are kept.
func (a *Alert) tellsBalance() bool {
	for i := range a.News {
		if a.News[i].Kind.OfBalance() {
			return true
		}
	}
	return false
}

func (d *decoder) alert() *Alert {
	flags := d.upTo(alertHasTotals)
	w := d.watch()
	a := &Alert{Base: w.base, Thresholds: w.thresholds, Armed: w.armed, Arming: w.arming, Told: d.marks()}
	if flags&alertHasTotals != 0 {
		a.Granted, a.Consumed = d.amount(), d.amount()
	}
	for range d.count(minNewsBytes) {
		a.News = append(a.News, d.news())
	}
	if a.tellsBalance() != (flags&alertHasTotals != 0) {
		d.fail("impossible alert")
	}
	return a
}

func appendNews(b []byte, n *News) []byte {
	var flags byte
	if !n.Threshold.IsZero() {
		flags |= newsHasThreshold
	}
	if n.Absolute {
		flags |= newsAbsolute
	}
	if n.Grant != nil {
		flags |= newsHasGrant
	}
	if n.Before != nil {
		flags |= newsHasBefore
	}
	b = append(b, byte(n.Kind), flags)
	if !n.Threshold.IsZero() {
		b = n.Threshold.AppendBinary(b)
	}
	if n.Grant != nil {
		b = appendGrant(b, n.Grant)
	}
	if n.Before != nil {
		b = appendGrant(b, n.Before)
	}
	return b
}

func (d *decoder) news() (n News) {
	n.Kind = NewsKind(d.upTo(byte(NewsBalanceDepleted)))
	flags := d.byte()
	n.Absolute = flags&newsAbsolute != 0
	if flags&newsHasThreshold != 0 {
		n.Threshold = d.amount()
	}
	if flags&newsHasGrant != 0 {
		n.Grant = d.grant()
	}
	if flags&newsHasBefore != 0 {
		n.Before = d.grant()
	}
	if n.Kind == 0 || flags >= newsHasBefore<<1 || n.Kind.OfBalance() == (n.Grant != nil) || (n.Kind == NewsUpdated) != (n.Before != nil) {
		d.fail("impossible news")
	}
	return n
}

func appendWatch(b []byte, w *watch) []byte {
	b = w.base.AppendBinary(b)
	b = appendThresholds(b, w.thresholds)
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(w.armed)), uint64(w.arming))
}

func (d *decoder) watch() (w watch) {
	w.base, w.thresholds = d.amount(), d.thresholds()
	armed, arming := d.uvarint(), d.uvarint()
	w.armed, w.arming = uint32(armed), uint32(arming)
	if uint64(w.armed) != armed || uint64(w.arming) != arming || w.check() != nil {
		d.fail("impossible watch")
	}
	return w
}

func appendMarks(b []byte, marks []Mark) []byte {
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for _, m := range marks {
		b = m.Percent.AppendBinary(binary.AppendUvarint(b, uint64(m.Grant)))
	}
	return b
}

func (d *decoder) marks() (marks []Mark) {
	for range d.count(minMarkBytes) {
		marks = append(marks, Mark{GrantID(d.uvarint()), d.amount()})
	}
	return marks
}
