package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
)

// The binary forms. Integers are varints, signed ones zig-zag; texts and lists are preceded by their length as an
// unsigned varint; amounts are amount.AppendBinary. Both forms are deterministic: equal values give equal bytes.

// A version opens every checkpoint. DecodePool refuses others: a new form comes with a decoder for the old.
const (
	poolVersion        = 1
	poolVersionWatched = 2 // with how the pool is watched at the end
)

// ErrCorrupt is what errors.Is finds when bytes are not what AppendBinary or AppendFact wrote.
var ErrCorrupt = errors.New("ledger: corrupt encoding")

// The flags of an encoded grant.
const (
	grantNeverExpires = 1 << iota
	grantAwaitsPayment
	grantHasCost
	grantUpdated // most grants never are: they take no room for it
)

// The flags of an encoded row.
const (
	rowSystemCause = 1 << iota
	rowHasCharge
	rowHasMoney
	rowSharedCharge
	rowForgives
)

// AppendBinary appends the pool's checkpoint form: what Apply folded, without indexes and sums that follow from it.
func (p *Pool) AppendBinary(b []byte) []byte {
	b = append(b, byte(poolVersion+one(p.watched.begun)))
	for _, s := range [...]string{p.key.Environment, p.key.Customer, p.key.Currency, p.key.Resource} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, p.seq)
	b = binary.AppendVarint(b, int64(p.lastPostedAt))
	b = append(b, p.head[:]...)
	b = p.balance.AppendBinary(b)
	b = binary.AppendUvarint(b, uint64(len(p.grants)))
	for _, g := range p.grants {
		b = appendGrant(b, g)
	}
	if od, ok := p.OpenOverdraft(); ok {
		b = appendGrant(append(b, 1), od)
	} else {
		b = append(b, 0)
	}
	holds := p.rarely().holds
	b = binary.AppendUvarint(b, uint64(len(holds)))
	for _, h := range holds {
		b = appendHold(b, h)
	}
	if p.watched.begun {
		b = appendMarks(appendWatch(b, &p.watched.watch), p.watched.told)
	}
	return b
}

// DecodePool reads a checkpoint and checks it (see Check). It fails with ErrCorrupt or the broken invariant.
func DecodePool(b []byte) (*Pool, error) {
	d := decoder{rest: b}
	version := d.byte()
	if d.err == nil && version != poolVersion && version != poolVersionWatched {
		return nil, fmt.Errorf("%w: pool version %d", ErrCorrupt, version)
	}
	p := NewPool(Key{d.text(), d.text(), d.text(), d.text()})
	p.seq = d.uvarint()
	p.lastPostedAt = d.time()
	d.raw(p.head[:])
	p.balance = d.amount()
	if n := d.count(minGrantBytes); n > 0 {
		p.grants = make([]*Grant, 0, n)
		for range n {
			p.enter(d.grant())
		}
	}
	if d.byte() == 1 {
		p.rarer().overdraft = d.grant()
	}
	for range d.count(minHoldBytes) {
		p.enterHold(d.hold())
	}
	if version == poolVersionWatched {
		p.watched = watched{begun: true, watch: d.watch(), told: d.marks()}
	}
	if d.err == nil && len(d.rest) > 0 {
		d.fail("trailing bytes")
	}
	if d.err != nil {
		return nil, d.err
	}
	p.sortIndexes()
	return p, p.Check()
}

// Origin is what the journal keeps once for a transaction, so that its rows need not repeat it.
type Origin struct {
	Cause       *Cause   // of the transaction's rows
	SystemCause *Cause   // of those that the system wrote along with them
	Charges     []Charge // that its rows may be under
}

// AppendFact appends the journal form of a fact. A row under another cause than the origin's is marked as the system's.
func AppendFact(b []byte, f *Fact, o *Origin) []byte {
	b = append(b, byte(f.Kind))
	switch f.Kind {
	case FactRow:
		return appendRow(b, &f.Row, o)
	case FactGrant:
		return appendGrant(b, f.Grant)
	case FactHold:
		return appendHold(b, f.Hold)
	case FactAlert:
		return appendAlert(b, f.Alert)
	default:
		broken("I1", "unknown fact kind %d", f.Kind)
		return nil
	}
}

// DecodeFact reads one fact and returns what follows it. The origin must be the one it was written with. It fails with
// ErrCorrupt.
func DecodeFact(b []byte, o *Origin) (f Fact, rest []byte, err error) {
	d := decoder{rest: b}
	f.Kind = FactKind(d.byte())
	switch f.Kind {
	case FactRow:
		d.row(&f.Row, o)
	case FactGrant:
		f.Grant = d.grant()
	case FactHold:
		f.Hold = d.hold()
	case FactAlert:
		f.Alert = d.alert()
	default:
		d.fail("unknown fact kind")
	}
	if d.err != nil {
		return Fact{}, nil, d.err
	}
	return f, d.rest, nil
}

// appendRow leaves out End, which follows from Start and Amount.
func appendRow(b []byte, r *Row, o *Origin) []byte {
	var flags byte
	switch {
	case r.forgives():
		flags |= rowForgives
	case r.Cause != o.Cause:
		flags |= rowSystemCause
	}
	shared := -1
	if r.Charge != (Charge{}) {
		flags |= rowHasCharge
		if shared = slices.Index(o.Charges, r.Charge); shared >= 0 {
			flags ^= rowHasCharge | rowSharedCharge
		}
	}
	if !r.Money.Amount.IsZero() {
		flags |= rowHasMoney
	}
	b = append(b, flags, byte(r.Type))
	b = binary.AppendUvarint(b, r.Seq)
	b = binary.AppendVarint(b, int64(r.PostedAt))
	b = r.Amount.AppendBinary(b)
	b = r.Start.AppendBinary(b)
	b = binary.AppendUvarint(b, uint64(r.Grant))
	if flags&rowHasCharge != 0 {
		b = appendCharge(b, r.Charge)
	}
	if flags&rowSharedCharge != 0 {
		b = binary.AppendUvarint(b, uint64(shared))
	}
	if flags&rowHasMoney != 0 {
		b = appendText(r.Money.Amount.AppendBinary(b), r.Money.Currency)
	}
	return append(b, r.Hash[:]...)
}

func (d *decoder) row(r *Row, o *Origin) {
	flags := d.byte()
	r.Cause = o.Cause
	if flags&rowSystemCause != 0 {
		r.Cause = o.SystemCause
	}
	if flags&rowForgives != 0 && o.Cause != nil {
		forgiven := *o.Cause
		forgiven.Reason = ReasonForgiven
		r.Cause = &forgiven
	}
	r.Type = RowType(d.upTo(byte(RolledOut)))
	r.Seq = d.uvarint()
	r.PostedAt = d.time()
	r.Amount = d.amount()
	r.Start = d.amount()
	r.End = r.Start.Add(r.Amount)
	r.Grant = GrantID(d.uvarint())
	if flags&rowHasCharge != 0 {
		r.Charge = d.charge()
	}
	if flags&rowSharedCharge != 0 {
		r.Charge = d.sharedCharge(o)
	}
	if flags&rowHasMoney != 0 {
		r.Money = Money{d.amount(), d.text()}
	}
	d.raw(r.Hash[:])
	if flags >= rowForgives<<1 || r.Type == 0 || !r.End.InRange() || flags&rowForgives != 0 && r.Type != Updated {
		d.fail("impossible row")
	}
}

// sharedCharge reads which of the origin's charges a row is under.
func (d *decoder) sharedCharge(o *Origin) Charge {
	n := d.uvarint()
	if n >= uint64(len(o.Charges)) || o.Charges[n] == (Charge{}) {
		d.fail("no such charge")
		return Charge{}
	}
	return o.Charges[n]
}

func appendGrant(b []byte, g *Grant) []byte {
	var flags byte
	if g.ExpireAt == Never {
		flags |= grantNeverExpires
	}
	if g.AwaitsPayment {
		flags |= grantAwaitsPayment
	}
	if !g.Cost.Amount.IsZero() {
		flags |= grantHasCost
	}
	if g.UpdatedAt != 0 {
		flags |= grantUpdated
	}
	b = append(b, flags, byte(g.Type), byte(g.Payment))
	b = binary.AppendUvarint(b, uint64(g.ID))
	b = binary.AppendVarint(b, int64(g.Priority))
	b = binary.AppendVarint(b, int64(g.CreatedAt))
	b = binary.AppendVarint(b, int64(g.EffectiveAt-g.CreatedAt))
	if g.ExpireAt != Never {
		b = binary.AppendVarint(b, int64(g.ExpireAt-g.CreatedAt))
	}
	for _, a := range [...]amount.Amount{g.Amount, g.Consumed, g.Expired, g.Voided, g.Held} {
		b = a.AppendBinary(b)
	}
	if !g.Cost.Amount.IsZero() {
		b = appendText(g.Cost.Amount.AppendBinary(b), g.Cost.Currency)
	}
	for _, t := range [...]Time{g.ActivatedAt, g.DepletedAt, g.VoidedAt, g.ExpiredAt} {
		b = binary.AppendVarint(b, int64(t))
	}
	if g.UpdatedAt != 0 {
		b = binary.AppendVarint(b, int64(g.UpdatedAt))
	}
	return b
}

func (d *decoder) grant() *Grant {
	g := &Grant{ExpireAt: Never}
	flags := d.byte()
	g.AwaitsPayment = flags&grantAwaitsPayment != 0
	g.Type = GrantType(d.upTo(byte(Overdraft)))
	g.Payment = Payment(d.upTo(byte(PaymentPaid)))
	g.ID = GrantID(d.uvarint())
	g.Priority = int32(d.varint())
	g.CreatedAt = d.time()
	g.EffectiveAt = g.CreatedAt + d.time()
	if flags&grantNeverExpires == 0 {
		g.ExpireAt = g.CreatedAt + d.time()
	}
	for _, a := range [...]*amount.Amount{&g.Amount, &g.Consumed, &g.Expired, &g.Voided, &g.Held} {
		*a = d.amount()
	}
	if flags&grantHasCost != 0 {
		g.Cost = Money{d.amount(), d.text()}
	}
	for _, t := range [...]*Time{&g.ActivatedAt, &g.DepletedAt, &g.VoidedAt, &g.ExpiredAt} {
		*t = d.time()
	}
	if flags&grantUpdated != 0 {
		g.UpdatedAt = d.time()
	}
	if flags >= grantUpdated<<1 || g.Type == 0 {
		d.fail("impossible grant")
	}
	return g
}

func appendHold(b []byte, h *Hold) []byte {
	b = appendText(b, h.ID)
	b = h.Amount.AppendBinary(b)
	b = binary.AppendUvarint(b, uint64(len(h.Slices)))
	for _, s := range h.Slices {
		b = binary.AppendUvarint(b, uint64(s.Grant))
		b = s.Amount.AppendBinary(b)
	}
	b = h.Unfunded.AppendBinary(b)
	b = appendCharge(b, h.Charge)
	b = h.Settled.AppendBinary(b)
	for _, t := range [...]Time{h.CreatedAt, h.ExpiresAt, h.EndedAt} {
		b = binary.AppendVarint(b, int64(t))
	}
	return append(b, byte(one(h.Capture)), byte(h.End))
}

func (d *decoder) hold() *Hold {
	h := &Hold{ID: d.text(), Amount: d.amount()}
	for range d.count(minSliceBytes) {
		h.Slices = append(h.Slices, Slice{GrantID(d.uvarint()), d.amount()})
	}
	h.Unfunded = d.amount()
	h.Charge = d.charge()
	h.Settled = d.amount()
	for _, t := range [...]*Time{&h.CreatedAt, &h.ExpiresAt, &h.EndedAt} {
		*t = d.time()
	}
	h.Capture = d.upTo(1) == 1
	h.End = HoldEnd(d.upTo(byte(HoldCaptured)))
	return h
}

func appendCharge(b []byte, c Charge) []byte {
	b = appendText(appendText(b, c.Feature), c.Mapping)
	return binary.AppendVarint(b, int64(c.Version))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
