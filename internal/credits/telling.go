package credits

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// occasion is an entry of the journal with what its messages name. Messages are a function of it alone.
type occasion struct {
	*engine.Entry
	customer    *Customer
	creditTypes map[string]*CreditType
	texts       map[ledger.GrantID]engine.GrantTexts
}

// messagesOf derives what is to be told of an entry (semantics 16.1), in order. The cause of each is the entry's transaction
// and its place among them, so that it is told once whoever derives it, and however often.
func messagesOf(o *occasion) []NewMessage {
	var list []NewMessage
	add := func(m NewMessage) {
		m.Cause = fmt.Sprintf("%s %d", o.Position.TxnID(), len(list)+1)
		m.TraceID = o.Request
		list = append(list, m)
	}
	if o.reported() && o.Event.Status == engine.EventQuarantined {
		add(o.quarantined())
	}
	for i := range o.Pools {
		p := &o.Pools[i]
		key := ledger.Key{Environment: o.Environment, Customer: o.Customer, Currency: p.Currency, Resource: p.Resource}
		told := poolOccasion{occasion: o, key: key, at: o.At}
		for f := range p.Facts {
			switch fact := &p.Facts[f]; fact.Kind {
			case ledger.FactRow:
				told.at, told.balance = fact.Row.PostedAt, &fact.Row
			case ledger.FactHold:
				if fact.Hold.RanOut() {
					add(told.holdRanOut(fact.Hold))
				}
			case ledger.FactAlert:
				for n := range fact.Alert.News {
					if m, worth := told.news(fact.Alert, &fact.Alert.News[n]); worth {
						add(m)
					}
				}
			}
		}
	}
	return list
}

// reported tells whether the entry is the record of an event.
func (o *occasion) reported() bool {
	return (o.Kind == engine.EventEntry || o.Kind == engine.ConsumeEntry) && o.Event != nil
}

func (o *occasion) quarantined() NewMessage {
	return NewMessage{Type: EventQuarantined, At: o.At, Stream: "quarantine " + o.Customer, Data: EventQuarantinedData(QuarantineFacts{
		EventID: o.Position.EventID(), Customer: o.Customer, Resource: o.Event.Resource, Name: o.Event.Name, Reason: o.Event.Reason,
		Key: o.Key, At: o.Event.At,
	})}
}

// poolOccasion is what an entry did to one pool.
type poolOccasion struct {
	*occasion
	key     ledger.Key
	at      ledger.Time // the posting time of the last row so far
	balance *ledger.Row // the last row, or nil
}

func (o *poolOccasion) message(t MessageType, at ledger.Time, data any) NewMessage {
	return NewMessage{Type: t, At: at, Stream: PoolStream(o.key), Data: data}
}

func (o *poolOccasion) creditType() *CreditType {
	if t := o.creditTypes[o.key.Currency]; t != nil {
		return t
	}
	return &CreditType{ID: o.key.Currency, DisplayName: o.key.Currency}
}

func (o *poolOccasion) holdRanOut(h *ledger.Hold) NewMessage {
	return o.message(ReservationExpired, h.EndedAt, ReservationExpiredData(o.customer, o.creditType(), o.key, h))
}

// news makes the message of one piece of news; false when it is worth none.
func (o *poolOccasion) news(a *ledger.Alert, n *ledger.News) (NewMessage, bool) {
	if n.Kind.OfBalance() {
		return o.ofBalance(a, n), true
	}
	f := GrantFacts{Customer: o.customer, CreditType: o.creditType(), Grant: o.record(n.Grant), At: o.at}
	switch n.Kind {
	case ledger.NewsGranted:
		return o.message(GrantGranted, f.At, GrantData(f)), true
	case ledger.NewsUpdated:
		return o.updated(f, n)
	case ledger.NewsGrantLow:
		return o.message(GrantUsageLow, f.At, GrantUsageLowData(f, n.Threshold)), true
	case ledger.NewsGrantDepleted:
		return o.message(GrantDepleted, f.At, GrantData(f)), true
	case ledger.NewsExpired:
		f.At = n.Grant.ExpiredAt
		return o.message(GrantExpired, f.At, GrantExpiredData(f)), true
	default:
		f.At = n.Grant.VoidedAt
		return o.message(GrantVoided, f.At, GrantVoidedData(f, o.Reason)), true
	}
}

// updated is worth a message when more changed than the priority (semantics 16.1).
func (o *poolOccasion) updated(f GrantFacts, n *ledger.News) (NewMessage, bool) {
	same := *n.Before
	same.Priority, same.UpdatedAt = n.Grant.Priority, n.Grant.UpdatedAt
	if same == *n.Grant && !o.retold(n.Grant.ID) {
		return NewMessage{}, false
	}
	before := o.record(n.Before)
	beforeAt := f.At
	if n.Before.ActivatedAt == 0 && n.Before.EffectiveAt <= f.At {
		beforeAt = n.Before.EffectiveAt - 1
	}
	return o.message(GrantUpdated, f.At, GrantUpdatedData(f, before, beforeAt)), true
}

// retold tells whether the entry gave a grant new texts.
func (o *occasion) retold(id ledger.GrantID) bool {
	for i := range o.Texts {
		if o.Texts[i].Grant == id {
			return true
		}
	}
	return false
}

func (o *poolOccasion) record(g *ledger.Grant) *engine.GrantRecord {
	return &engine.GrantRecord{Grant: *g, Key: o.key, Texts: o.texts[g.ID]}
}

func (o *poolOccasion) ofBalance(a *ledger.Alert, n *ledger.News) NewMessage {
	view := &engine.View{Key: o.key, Snapshot: engine.Snapshot{TotalGranted: a.Granted, TotalConsumed: a.Consumed}}
	if o.balance != nil {
		view.Balance = o.balance.End
	}
	f := BalanceFacts{Customer: o.customer, CreditType: o.creditType(), Pool: view, AlertBase: a.Base, TriggeringEventID: o.trigger()}
	if n.Kind == ledger.NewsBalanceDepleted {
		return o.message(BalanceDepleted, o.at, BalanceData(f))
	}
	if n.Absolute {
		f.ThresholdAmount = &n.Threshold
	} else {
		f.ThresholdPercent = &n.Threshold
	}
	return o.message(BalanceUsageLow, o.at, BalanceData(f))
}

// trigger is the event behind the entry, or empty.
func (o *occasion) trigger() string {
	switch {
	case o.Ref != 0:
		return o.Ref.EventID()
	case o.Event != nil:
		return o.Position.EventID()
	}
	return ""
}
