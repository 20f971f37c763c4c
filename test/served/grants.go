package served

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/scrip-dev/scrip/test/model"
)

// grant is a grant as REST shows it.
type grant struct {
	ID             string      `json:"id"`
	GrantType      string      `json:"grantType"`
	SourceType     string      `json:"sourceType"`
	Status         string      `json:"status"`
	Amount         json.Number `json:"amount"`
	ConsumedAmount json.Number `json:"consumedAmount"`
	ExpiredAmount  json.Number `json:"expiredAmount"`
	VoidedAmount   json.Number `json:"voidedAmount"`
	Remaining      json.Number `json:"remaining"`
	HeldAmount     json.Number `json:"heldAmount"`
	DepletedAt     *string     `json:"depletedAt"`
	ResourceID     *string     `json:"resourceId"`
	Cost           money       `json:"cost"`
}

type money struct {
	Amount   json.Number `json:"amount"`
	Currency string      `json:"currency"`
}

func (m money) model() model.Money {
	return model.Money{Amount: m.Amount.String(), Currency: m.Currency}
}

func moneyIn(w *World, m model.Money) object {
	return object{"amount": w.amount(m.Amount), "currency": m.Currency}
}

// unknownGrant is the id of a grant that does not exist.
const unknownGrant = "cred-grant-0000zzzzzzzzz"

func (w *World) addGrant(c model.AddGrant) model.Outcome {
	if c.Kind == model.Recurring {
		return w.issue(c)
	}
	body := w.pool(c.Pool)
	body["displayName"], body["amount"], body["grantType"] = c.Ref, w.amount(c.Amount), c.Kind
	body["priority"], body["idempotencyKey"] = c.Priority, c.Ref
	if !c.EffectiveAt.IsZero() {
		body["effectiveAt"] = instant(c.EffectiveAt)
	}
	if !c.ExpireAt.IsZero() {
		body["expireAt"] = instant(c.ExpireAt)
	}
	if c.Cost.Amount != "" {
		body["cost"] = moneyIn(w, c.Cost)
	}
	if c.AwaitsPayment {
		body["paymentCollectionMethod"] = "CHARGE"
	}
	var made grant
	if r := w.call(http.MethodPost, "/api/v1/credits/grants", body, &made); r != nil {
		return refused(r)
	}
	w.name(c.Ref, made.ID, c.Pool)
	var again grant
	w.must(http.MethodPost, "/api/v1/credits/grants", body, &again)
	if again.ID != made.ID {
		panic("repeating the request for " + c.Ref + " made another grant")
	}
	return model.Outcome{}
}

// name remembers what the story calls a grant.
func (w *World) name(ref, id string, p model.Pool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.grants[ref] = grantRef{id, p}
	w.names[id] = ref
}

// find is the grant that the story means; every pool has overdrafts of its own.
func (w *World) find(ref string, p model.Pool) grantRef {
	if g, ok := w.grants[ref]; ok {
		return g
	}
	for id, name := range w.namesIn(p) {
		if name == ref {
			return grantRef{id, p}
		}
	}
	return grantRef{unknownGrant, p}
}

func (w *World) void(c model.VoidGrant) model.Outcome {
	return refused(w.call(http.MethodPost, "/api/v1/credits/grants/"+w.find(c.Ref, c.Pool).id+"/void", nil, nil))
}

func (w *World) update(c model.UpdateGrant) model.Outcome {
	body := object{"reason": "story"}
	if c.Priority != nil {
		body["priority"] = *c.Priority
	}
	if c.Amount != nil {
		body["amount"] = w.amount(*c.Amount)
	}
	if c.EffectiveAt != nil {
		body["effectiveAt"] = instant(*c.EffectiveAt)
	}
	if c.ExpireAt != nil {
		body["expireAt"] = instant(*c.ExpireAt)
	}
	if c.Cost != nil {
		body["cost"] = moneyIn(w, *c.Cost)
	}
	return refused(w.call(http.MethodPatch, "/api/v1/credits/grants/"+w.find(c.Ref, c.Pool).id, body, nil))
}

// query selects what belongs to a pool of a customer.
func query(customer string, p model.Pool) url.Values {
	q := url.Values{"customerId": {customer}, "currencyId": {p.Currency}}
	if p.Resource != "" {
		q.Set("resourceId", p.Resource)
	}
	return q
}

// listGrants lists the grants of a pool in order of creation.
func (w *World) listGrants(customer string, p model.Pool) []grant {
	grants := list[grant](&w.client, "/api/v1/credits/grants", query(customer, p))
	slices.Reverse(grants)
	return grants
}

// namesIn names every grant of a pool: as the story did, overdrafts by their order.
func (w *World) namesIn(p model.Pool) map[string]string { return w.namesOf(w.listGrants(customer, p)) }

func (w *World) namesOf(grants []grant) map[string]string {
	names, counts := map[string]string{}, map[string]int{}
	for _, g := range grants {
		names[g.ID] = w.names[g.ID]
		if prefix := ownName(g); names[g.ID] == "" && prefix != "" {
			counts[prefix]++
			names[g.ID] = fmt.Sprintf("%s%d", prefix, counts[prefix])
		}
	}
	return names
}

// ownName begins the name of what the system makes by itself: overdrafts, included blocks, and what rolled over of them.
func ownName(g grant) string {
	switch {
	case g.GrantType == string(model.Overdraft):
		return "OD"
	case g.SourceType == "ROLLOVER":
		return "RO"
	case g.GrantType == string(model.Recurring):
		return "R"
	}
	return ""
}

// Grants implements model.Subject.
func (w *World) Grants(p model.Pool) []model.Grant {
	w.build()
	var out []model.Grant
	grants := w.listGrants(customer, p)
	names := w.namesOf(grants)
	for _, g := range grants {
		out = append(out, model.Grant{
			Ref: names[g.ID], Kind: model.Kind(g.GrantType), Status: g.Status, Amount: g.Amount.String(),
			Consumed: g.ConsumedAmount.String(), Expired: g.ExpiredAmount.String(), Voided: g.VoidedAmount.String(),
			Remaining: g.Remaining.String(), Held: g.HeldAmount.String(), Depleted: g.DepletedAt != nil,
		})
		var one grant
		w.must(http.MethodGet, "/api/v1/credits/grants/"+g.ID, nil, &one)
		if string(encode(one)) != string(encode(g)) {
			panic(fmt.Sprintf("the list says %+v, the grant itself %+v", g, one))
		}
	}
	return out
}
