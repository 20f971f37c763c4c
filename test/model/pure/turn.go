package pure

import (
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

// turn moves the clock to a boundary and posts it. A boundary of now, or of the past, comes after what is due by now.
func (w *World) turn(c model.Turn) model.Outcome {
	at, x := instant(c.At, w.now), w.wallet(c.Pool)
	if at > w.now {
		w.now = at
		w.sweepAll(x)
	} else {
		w.sweep(x)
	}
	tx := w.tx("", 0)
	tx.Now = at
	t, children := x.boundary(c)
	turned, err := x.pool.Turn(tx, t)
	for i, id := range turned.Rolled {
		if id != 0 {
			x.refs[id] = children[i]
		}
	}
	for _, id := range turned.Issued {
		x.refs[id] = c.Block.Ref
	}
	x.keep(tx)
	w.sweepAll(nil)
	return model.Outcome{Refused: refusal(err)}
}

// boundary is a turn in the words of the ledger, with the names of the children. What the wallet does not know is left out.
func (x *wallet) boundary(c model.Turn) (t ledger.Turn, children []string) {
	t = ledger.Turn{Forgive: c.Forgive, End: x.known(c.Ends), Void: x.known(c.Voids)}
	for _, r := range c.Rolls {
		if id, ok := x.find(r.Ref); ok {
			t.Roll = append(t.Roll, ledger.Rollover{Grant: id, Max: credits(r.Max), ExpireAt: instant(r.Until, ledger.Never)})
			children = append(children, r.As)
		}
	}
	if c.Block.Ref != "" {
		t.Issue = []ledger.Grant{{
			Type: grantTypes[c.Block.Kind], Priority: int32(c.Block.Priority), Amount: credits(c.Block.Amount),
			ExpireAt: instant(c.Block.ExpireAt, ledger.Never), Cost: money(c.Block.Cost),
		}}
	}
	return t, children
}

func (x *wallet) known(refs []string) (ids []ledger.GrantID) {
	for _, ref := range refs {
		if id, ok := x.find(ref); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
