package engine

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// windows cuts a shard's entries into windows, the unit in which derived state is written: it is how many entries make
// one. Larger windows write less, because a busy pool is written once for each; smaller ones make the tail that a start
// replays shorter.
type windows uint64

// WindowEntriesDefault lets a start replay at most two windows, well under two seconds.
const WindowEntriesDefault = 1 << 17

// of is the window that holds an entry.
func (w windows) of(p Position) uint32 { return uint32((p.Ordinal() - 1) / uint64(w)) }

// start is the position right before a window's first entry.
func (w windows) start(shard uint16, window uint32) Position {
	return NewPosition(shard, uint64(window)*uint64(w))
}

// page collects, for one owner and one window, where its entries are and what its consumption adds up to.
type page struct {
	firstSeq uint64 // ledger seq of the first row, 0 for owners without rows
	rows     uint64
	entries  int
	last     Position // of the last entry added; at first the start of the window
	refs     []byte   // per entry: distance to the one before, rows of this owner
	usage    []UsageCell
}

// UsageCell is the consumption of one feature in one hour of event time (semantics 14).
type UsageCell struct {
	Feature string // empty for direct consumption without a feature
	Hour    int64  // hours since the Unix epoch
	Credits amount.Amount
	Events  uint64
}

// add notes that the entry concerns the owner, with so many rows starting at firstSeq.
func (p *page) add(at Position, firstSeq uint64, rows int) {
	if p.rows == 0 {
		p.firstSeq = firstSeq
	}
	p.refs = binary.AppendUvarint(p.refs, uint64(at-p.last))
	p.refs = binary.AppendUvarint(p.refs, uint64(rows))
	p.last, p.rows, p.entries = at, p.rows+uint64(rows), p.entries+1
}

const hour = ledger.Time(3_600_000_000)

// consume adds to the cell of a feature and hour. New cells are few and the last one is the likeliest.
func (p *page) consume(feature string, at ledger.Time, credits amount.Amount, events uint64) {
	h := floorHour(at)
	for i := len(p.usage) - 1; i >= 0; i-- {
		if c := &p.usage[i]; c.Hour == h && c.Feature == feature {
			c.Credits = c.Credits.Add(credits)
			c.Events += events
			return
		}
	}
	p.usage = append(p.usage, UsageCell{Feature: feature, Hour: h, Credits: credits, Events: events})
}

func floorHour(at ledger.Time) int64 {
	h := at / hour
	if at%hour < 0 {
		h--
	}
	return int64(h)
}

// row is the stored form of the page.
func (p *page) row(owner uint64, window uint32) PageRow {
	head := binary.AppendUvarint(nil, p.firstSeq)
	head = binary.AppendUvarint(head, p.rows)
	head = binary.AppendUvarint(head, uint64(p.entries))
	return PageRow{Owner: owner, Window: window, Refs: append(head, p.refs...), Usage: appendUsage(nil, p.usage)}
}

// appendUsage writes cells in the order of hour and feature, so that equal pages have equal bytes.
func appendUsage(b []byte, cells []UsageCell) []byte {
	sorted := slices.Clone(cells)
	slices.SortFunc(sorted, func(x, y UsageCell) int {
		if x.Hour != y.Hour {
			return int(x.Hour - y.Hour)
		}
		return strings.Compare(x.Feature, y.Feature)
	})
	for i := range sorted {
		c := &sorted[i]
		b = appendString(b, c.Feature)
		b = appendInt(b, c.Hour)
		b = c.Credits.AppendBinary(b)
		b = binary.AppendUvarint(b, c.Events)
	}
	return b
}

func decodeUsage(b []byte) ([]UsageCell, error) {
	r := &reader{rest: b}
	var cells []UsageCell
	for len(r.rest) > 0 {
		cells = append(cells, UsageCell{Feature: r.string(), Hour: r.int(), Credits: r.amount(), Events: r.uint()})
	}
	return cells, r.err
}

// ref is where one entry of an owner is, with the seq of its first row and how many rows it wrote.
type ref struct {
	at       Position
	firstSeq uint64
	rows     uint64
}

// decodeRefs lists the entries of a stored page, oldest first.
func (s *shard) decodeRefs(row *PageRow) ([]ref, error) {
	r := &reader{rest: row.Refs}
	seq := r.uint()
	r.uint()
	refs := make([]ref, 0, min(r.uint(), uint64(len(r.rest))))
	at := s.windows.start(s.id, row.Window)
	for len(r.rest) > 0 {
		at += Position(r.uint())
		rows := r.uint()
		refs = append(refs, ref{at: at, firstSeq: seq, rows: rows})
		seq += rows
	}
	return refs, r.err
}
