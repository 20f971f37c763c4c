package pure

import (
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

var grantTypes = map[model.Kind]ledger.GrantType{
	model.Promotional: ledger.Promotional, model.Paid: ledger.Paid, model.Recurring: ledger.Recurring,
}

func money(m model.Money) ledger.Money {
	if m.Amount == "" {
		return ledger.Money{}
	}
	return ledger.Money{Amount: credits(m.Amount), Currency: m.Currency}
}

func (w *World) addGrant(c model.AddGrant) model.Outcome {
	x, tx := w.wallet(c.Pool), w.tx("", 0)
	id, err := x.pool.AddGrant(tx, ledger.Grant{
		Type: grantTypes[c.Kind], Priority: int32(c.Priority), EffectiveAt: instant(c.EffectiveAt, 0),
		ExpireAt: instant(c.ExpireAt, ledger.Never), Amount: credits(c.Amount), Cost: money(c.Cost),
		AwaitsPayment: c.AwaitsPayment,
	})
	if err == nil {
		x.refs[id] = c.Ref
	}
	x.keep(tx)
	return model.Outcome{Refused: refusal(err)}
}

// onGrant applies a command that names an existing grant.
func (w *World) onGrant(c model.Command) model.Outcome {
	switch c := c.(type) {
	case model.VoidGrant:
		return w.withGrant(c, c.Ref, c.Pool, func(x *wallet, id ledger.GrantID, tx *ledger.Tx) error {
			_, err := x.pool.Void(tx, id)
			return err
		})
	case model.UpdateGrant:
		return w.withGrant(c, c.Ref, c.Pool, func(x *wallet, id ledger.GrantID, tx *ledger.Tx) error {
			return x.pool.Update(tx, id, change(c))
		})
	case model.ConfirmPayment:
		return w.withGrant(c, c.Ref, model.Pool{}, func(x *wallet, id ledger.GrantID, tx *ledger.Tx) error {
			return x.pool.SetPayment(tx, id, ledger.PaymentPaid, true)
		})
	case model.FailPayment:
		return w.withGrant(c, c.Ref, model.Pool{}, func(x *wallet, id ledger.GrantID, tx *ledger.Tx) error {
			return x.pool.SetPayment(tx, id, ledger.PaymentFailed, false)
		})
	}
	return model.Outcome{Refused: model.Unsupported}
}

func (w *World) withGrant(c model.Command, ref string, p model.Pool, f func(*wallet, ledger.GrantID, *ledger.Tx) error) model.Outcome {
	for _, x := range w.wallets {
		id, ok := x.find(ref)
		if !ok || x.grants[id].Type == ledger.Overdraft && x.name != p {
			continue
		}
		tx := w.tx("", 0)
		err := f(x, id, tx)
		x.keep(tx)
		return x.answer(c, id, err)
	}
	return model.Outcome{Refused: model.GrantNotFound}
}

// answer speaks for the grants that the pool has forgotten, as their keeper has to: an ended grant cannot be updated,
// but voiding a voided one again, or hearing about the payment of one, changes nothing and is no error.
func (x *wallet) answer(c model.Command, id ledger.GrantID, err error) model.Outcome {
	if err != ledger.ErrGrantNotFound {
		return model.Outcome{Refused: refusal(err)}
	}
	_, update := c.(model.UpdateGrant)
	_, void := c.(model.VoidGrant)
	g := x.grants[id]
	switch {
	case g.Type == ledger.Overdraft:
		return model.Outcome{Refused: model.OverdraftImmutable}
	case update && g.VoidedAt != 0:
		return model.Outcome{Refused: model.Refused}
	case g.VoidedAt == 0 && (update || void):
		return model.Outcome{Refused: model.GrantExpired}
	}
	return model.Outcome{}
}

func change(c model.UpdateGrant) ledger.Change {
	var out ledger.Change
	if c.Priority != nil {
		p := int32(*c.Priority)
		out.Priority = &p
	}
	if c.EffectiveAt != nil {
		t := instant(*c.EffectiveAt, 0)
		out.EffectiveAt = &t
	}
	if c.ExpireAt != nil {
		t := instant(*c.ExpireAt, ledger.Never)
		out.ExpireAt = &t
	}
	if c.Amount != nil {
		a := credits(*c.Amount)
		out.Amount = &a
	}
	if c.Cost != nil {
		m := money(*c.Cost)
		out.Cost = &m
	}
	return out
}
