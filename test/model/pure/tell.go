package pure

import (
	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/test/model"
)

func (w *World) setThresholds(c model.SetThresholds) {
	list := func(texts []string) (list []amount.Amount) {
		for _, text := range texts {
			list = append(list, credits(text))
		}
		return list
	}
	var err error
	if w.watch, err = ledger.NewThresholds(list(c.Remaining), nil, list(c.Consumed)); err != nil {
		panic(err) // scenarios contain only valid ones
	}
}

// newsTypes are the types of message of semantics 16.1, without their prefix.
var newsTypes = map[ledger.NewsKind]string{
	ledger.NewsGranted: "granted", ledger.NewsUpdated: "grant.updated", ledger.NewsGrantLow: "grant.usage_low",
	ledger.NewsGrantDepleted: "grant.depleted", ledger.NewsExpired: "expired", ledger.NewsVoided: "grant.voided",
	ledger.NewsBalanceLow: "balance.usage_low", ledger.NewsBalanceDepleted: "balance.depleted",
}

// tell keeps the news of a transaction. Grants are known by number until somebody asks: a name comes after the transaction.
func (x *wallet) tell(a *ledger.Alert) {
	for _, n := range a.News {
		m := told{Message: model.Message{Type: newsTypes[n.Kind]}}
		if n.Threshold.Sign() > 0 {
			m.Threshold = n.Threshold.String()
		}
		if n.Grant != nil {
			m.grant = n.Grant.ID
		} else {
			m.Balance = x.pool.Balance().String()
		}
		x.told = append(x.told, m)
	}
}

// told is a message before its grant has a name.
type told struct {
	model.Message
	grant ledger.GrantID
}

// Messages implements model.Teller.
func (w *World) Messages(p model.Pool) []model.Message {
	x := w.wallet(p)
	list := make([]model.Message, len(x.told))
	for i, m := range x.told {
		list[i] = m.Message
		if m.grant != 0 {
			list[i].Grant = x.ref(m.grant)
		}
	}
	return list
}
