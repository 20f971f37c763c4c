package crash

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Names of what the load uses.
const (
	creditType = "crash-credits"
	jobs       = "crash-jobs"  // counts events
	units      = "crash-units" // adds up a dimension
	plan       = "crash-plan"
	eventName  = "job.done"
)

// Prices of an event.
const (
	jobPrice  = one
	unitPrice = one / 8
)

type object = map[string]any

// operation is one request with what its answer must look like.
type operation struct {
	name string // for the report
	key  string // empty when the request is harmless to repeat without
	request
	accept func(answer) (result, error)
}

// result is what an answer says.
type result struct {
	effects    []effect
	refused    bool // a definite no: the key must have no effect
	fresh      int  // items that acted now
	duplicates int  // items that had acted before
}

func (r *result) item(duplicate bool, e effect) {
	if duplicate {
		r.duplicates++
	} else {
		r.fresh++
	}
	r.effects = append(r.effects, e)
}

// usage is one event to report.
type usage struct {
	customer, key string
	units         int64
}

func (u usage) cost() credits { return jobPrice + credits(u.units)*unitPrice }

func (u usage) effect(id string) effect {
	return effect{kind: burned, customer: u.customer, key: u.key, id: id, amount: u.cost()}
}

func reportBody(usages []usage) object {
	events := make([]object, len(usages))
	for i, u := range usages {
		events[i] = object{
			"customerId": u.customer, "eventName": eventName, "idempotencyKey": u.key,
			"dimensions": object{"units": u.units},
		}
	}
	return object{"events": events}
}

// reporting reports events and hears what became of each.
func reporting(name string, usages []usage) operation {
	accept := func(a answer) (result, error) {
		var items []struct {
			EventID, Status     string
			Duplicate, Mismatch bool
			Burns               []struct{ Cost credits }
		}
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&items); err != nil {
			return result{}, err
		}
		if len(items) != len(usages) {
			return result{}, fmt.Errorf("%d results for %d events", len(items), len(usages))
		}
		var r result
		for i, item := range items {
			var cost credits
			for _, burn := range item.Burns {
				cost += burn.Cost
			}
			if item.Status != "RATED" || item.Mismatch || item.EventID == "" || cost != usages[i].cost() {
				return result{}, fmt.Errorf("event %s: %+v; want a cost of %v", usages[i].key, item, usages[i].cost())
			}
			r.item(item.Duplicate, usages[i].effect(item.EventID))
		}
		return r, nil
	}
	return operation{name, usages[0].key, request{http.MethodPost, "/api/v1/events/report", reportBody(usages)}, accept}
}

// reportingQuietly uses the endpoint whose answer says nothing but that everything is stored.
func reportingQuietly(usages []usage) operation {
	accept := func(a answer) (result, error) {
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		var r result
		for _, u := range usages {
			r.effects = append(r.effects, u.effect(""))
		}
		return r, nil
	}
	return operation{"quiet batch", usages[0].key, request{http.MethodPost, "/api/v1/events", reportBody(usages)}, accept}
}

// consuming takes credits, if strict only when they are there.
func consuming(customer, key string, amount credits, strict bool) operation {
	name, body := "consumption", object{"customerId": customer, "currencyId": creditType, "amount": amount, "idempotencyKey": key}
	if strict {
		name, body["requireBalance"] = "strict consumption", true
	}
	accept := func(a answer) (result, error) {
		if strict && a.status == http.StatusPaymentRequired {
			return result{refused: true}, nil
		}
		var took struct {
			EventID   string
			Amount    credits
			Duplicate bool
		}
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&took); err != nil {
			return result{}, err
		}
		if took.EventID == "" || took.Amount != amount {
			return result{}, fmt.Errorf("consumption %s of %v: %s", key, amount, a.body)
		}
		var r result
		r.item(took.Duplicate, effect{kind: burned, customer: customer, key: key, id: took.EventID, amount: amount})
		return r, nil
	}
	return operation{name, key, request{http.MethodPost, "/api/v1/credits/consumption", body}, accept}
}

// granting makes a grant, if life is not 0 one that soon expires.
func granting(customer, key string, amount credits, priority int, life time.Duration) operation {
	body := object{
		"customerId": customer, "currencyId": creditType, "amount": amount, "displayName": "Credits",
		"grantType": "PROMOTIONAL", "priority": priority, "idempotencyKey": key,
	}
	if life != 0 {
		body["expireAt"] = time.Now().UTC().Add(life).Format(time.RFC3339Nano)
	}
	accept := func(a answer) (result, error) {
		if life != 0 && a.status == http.StatusBadRequest {
			return result{refused: true}, nil // it took so long that the expiry is past
		}
		var grant struct {
			ID     string
			Amount credits
		}
		if a.status != http.StatusCreated && a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&grant); err != nil {
			return result{}, err
		}
		if grant.ID == "" || grant.Amount != amount {
			return result{}, fmt.Errorf("grant %s of %v: %s", key, amount, a.body)
		}
		return result{effects: []effect{{
			kind: granted, customer: customer, key: key, id: grant.ID, amount: amount, expires: life != 0,
		}}}, nil
	}
	return operation{"grant", key, request{http.MethodPost, "/api/v1/credits/grants", body}, accept}
}

// voiding takes the rest of a grant away. A grant that has expired meanwhile cannot be voided.
func voiding(grant effect) operation {
	accept := func(a answer) (result, error) {
		if grant.expires && a.status == http.StatusConflict {
			return result{}, nil
		}
		var void struct{ Status string }
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&void); err != nil {
			return result{}, err
		}
		if void.Status != "VOIDED" {
			return result{}, fmt.Errorf("void of %s: %s", grant.id, a.body)
		}
		return result{effects: []effect{{kind: voided, customer: grant.customer, id: grant.id}}}, nil
	}
	return operation{"void", "", request{http.MethodPost, "/api/v1/credits/grants/" + grant.id + "/void", nil}, accept}
}

// reserving holds credits.
func reserving(customer, key string, amount credits) operation {
	body := object{"customerId": customer, "currencyId": creditType, "reservationId": key, "amount": amount}
	accept := func(a answer) (result, error) {
		if a.status == http.StatusPaymentRequired {
			return result{refused: true}, nil
		}
		var hold struct{ Amount credits }
		if a.status != http.StatusCreated && a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&hold); err != nil {
			return result{}, err
		}
		if hold.Amount != amount {
			return result{}, fmt.Errorf("reservation %s of %v: %s", key, amount, a.body)
		}
		return result{effects: []effect{{kind: held, customer: customer, key: key, amount: amount}}}, nil
	}
	return operation{"reservation", key, request{http.MethodPost, "/api/v1/credits/reservations", body}, accept}
}

// ending settles a reservation with amount, by either of the two calls for it, or frees it when amount is 0.
func ending(hold effect, call string, amount credits) operation {
	member := map[string]string{"settle": "amount", "release": "consumedAmount"}[call]
	body := object{"customerId": hold.customer, "currencyId": creditType, member: amount}
	accept := func(a answer) (result, error) {
		var end struct {
			Status         string
			ConsumedAmount credits
			HeldAmount     credits
		}
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		if err := a.data(&end); err != nil {
			return result{}, err
		}
		if !slices.Contains([]string{"SETTLED", "RELEASED"}, end.Status) || end.ConsumedAmount != amount || end.HeldAmount != 0 {
			return result{}, fmt.Errorf("%s of %s with %v: %s", call, hold.key, amount, a.body)
		}
		return result{effects: []effect{{kind: ended, customer: hold.customer, key: hold.key, amount: amount}}}, nil
	}
	path := "/api/v1/credits/reservations/" + hold.key + "/" + call
	return operation{call, "", request{http.MethodPost, path, body}, accept}
}

// reversing undoes an event.
func reversing(burn effect) operation {
	accept := func(a answer) (result, error) {
		if a.status != http.StatusOK {
			return result{}, a.unexpected()
		}
		return result{effects: []effect{{kind: reversed, customer: burn.customer, id: burn.id, amount: burn.amount}}}, nil
	}
	path := "/api/v1/events/" + burn.id + "/reverse"
	return operation{"reversal", "", request{http.MethodPost, path, object{"reason": "crash test"}}, accept}
}
