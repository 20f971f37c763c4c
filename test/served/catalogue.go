package served

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/test/model"
)

// build makes the catalogue and the customer. The story's clock stands still meanwhile: everything is made as if the
// operator had come before the story. The plan begins empty, in the month before its first version that the story knows,
// so that usage periods are calendar months and earlier events find nothing that prices them.
func (w *World) build() {
	if w.built {
		return
	}
	w.built = true
	var resources []string
	first := w.now
	for _, c := range w.story {
		switch c := c.(type) {
		case model.PublishPlan:
			w.pending = append(w.pending, c)
			if c.From.Before(first) || first.IsZero() {
				first = c.From
			}
		case model.Subscribe:
			resources = append(resources, c.Resource)
		}
	}
	slices.SortStableFunc(w.pending, func(a, b model.PublishPlan) int { return a.From.Compare(b.From) })
	now := w.now
	w.put(time.Date(first.Year(), first.Month()-1, 1, 0, 0, 0, 0, time.UTC))
	w.must("POST", "/api/v1/credits/custom-currencies", object{"id": model.DefaultCurrency, "displayName": "Credits"}, nil)
	w.must("POST", "/api/v1/customers", object{"id": customer}, nil)
	w.must("POST", "/api/v1/products", object{"id": product, "displayName": "Product"}, nil)
	w.must("POST", "/api/v1/plans", object{"id": plan, "displayName": "Plan", "productId": product, "status": "PUBLISHED"}, nil)
	w.published = append(w.published, 0)
	for _, c := range w.story {
		if c, ok := c.(model.DefineFeature); ok {
			w.defineFeature(c)
		}
	}
	for i, resource := range append([]string{""}, resources...) {
		body := object{"id": subscription(i), "customerId": customer, "planId": plan}
		if resource != "" {
			body["resourceId"] = resource
		}
		w.must("POST", "/api/v1/subscriptions", body, nil)
	}
	w.moveClock(now)
}

// subscription names the i-th subscription; the first is the customer's own.
func subscription(i int) string { return "subscription-" + strconv.Itoa(i) }

// defineFeature makes a feature and gives it its meter.
func (w *World) defineFeature(c model.DefineFeature) {
	body := object{"id": c.Feature, "displayName": c.Feature, "featureType": "NUMBER", "meterType": "INCREMENTAL"}
	if c.DivideBy != "" {
		body["unitTransformation"] = object{"divide": json.Number(c.DivideBy), "round": c.Round}
	}
	w.features[c.Feature] = true
	w.must("POST", "/api/v1/features", body, nil)
	aggregation := object{"function": c.Aggregation}
	if c.Field != "" {
		aggregation["field"] = c.Field
	}
	w.must("PATCH", "/api/v1/features/"+segment(c.Feature), object{"meter": object{"aggregation": aggregation, "filters": filters(c)}}, nil)
}

// needFeature makes a feature without a meter, for consumption that only names it.
func (w *World) needFeature(id string) {
	if id == "" || w.features[id] {
		return
	}
	w.features[id] = true
	w.must("POST", "/api/v1/features", object{"id": id, "displayName": id, "featureType": "NUMBER", "meterType": "INCREMENTAL"}, nil)
}

// filters writes the groups of a meter. On the wire each group names its event.
func filters(c model.DefineFeature) []object {
	groups := c.Groups
	if len(groups) == 0 {
		groups = [][]model.Condition{nil}
	}
	var list []object
	for _, group := range groups {
		conditions := []object{{"field": "eventName", "operation": "EQUALS", "value": c.EventName}}
		for _, cond := range group {
			o := object{"field": cond.Field, "operation": cond.Op}
			switch {
			case cond.Op == "IN":
				o["values"] = cond.Values
			case len(cond.Values) > 0:
				o["value"] = cond.Values[0]
			}
			conditions = append(conditions, o)
		}
		list = append(list, object{"conditions": conditions})
	}
	return list
}

// publish puts a version of the plan in force now, for everybody.
func (w *World) publish(c model.PublishPlan) {
	models := []object{}
	for _, m := range c.Maps {
		rate := object{"currencyId": m.Currency, "amount": w.amount("0")}
		if m.Formula != "" {
			rate["costFormula"] = m.Formula
		} else {
			rate["amount"] = w.amount(m.Flat)
		}
		models = append(models, object{
			"billingModel": "CREDIT_BASED", "featureId": m.Feature,
			"pricePeriods": []object{{"billingPeriod": "MONTHLY", "creditRate": rate}},
		})
	}
	w.must("POST", "/api/v1/plans/"+plan+"/draft", nil, nil)
	w.must("PATCH", "/api/v1/plans/"+plan, object{"charges": object{"pricingType": "PAID", "pricingModels": models}}, nil)
	w.must("POST", "/api/v1/plans/"+plan+"/publish", object{"migrationType": "ALL_CUSTOMERS"}, nil)
	w.published = append(w.published, c.Version)
}

// version is the story's number of a version of the plan on the server, 0 for none.
func (w *World) version(onServer int) int {
	if onServer == 0 {
		return 0
	}
	return w.published[onServer-1]
}

// softAddon is the add-on that gives a subscription a soft limit.
const softAddon = "soft"

// softly runs ask while the pool has a soft limit: an add-on brings it and is taken away again.
func (w *World) softly(p model.Pool, ask func()) {
	if !w.softMade {
		w.softMade = true
		w.must("POST", "/api/v1/addons", object{"id": softAddon, "displayName": "Soft limit", "productId": product}, nil)
		w.must("POST", "/api/v1/addons/"+softAddon+"/entitlements", object{"entitlements": []object{{
			"type": "CREDIT", "id": model.DefaultCurrency, "amount": nil, "isCustom": true, "cadence": "MONTH", "hasSoftLimit": true,
		}}}, nil)
		w.must("POST", "/api/v1/addons/"+softAddon+"/publish", object{"migrationType": "NEW_CUSTOMERS"}, nil)
	}
	path := "/api/v1/subscriptions/" + w.subscriptionFor(p.Resource)
	w.must("PATCH", path, object{"addons": []object{{"id": softAddon, "quantity": 1}}}, nil)
	ask()
	w.must("PATCH", path, object{"addons": []object{}}, nil)
}

func (w *World) subscriptionFor(resource string) string {
	i := 0
	for _, c := range w.story {
		if c, ok := c.(model.Subscribe); ok {
			if i++; c.Resource == resource {
				return subscription(i)
			}
		}
	}
	return subscription(0)
}

// quote buys a first block on a plan of its own, as a customer of its own, and looks at what it cost.
func (w *World) quote(c model.QuoteTopUp) model.Outcome {
	w.quotes++
	id := fmt.Sprintf("quote-%d", w.quotes)
	w.must("POST", "/api/v1/customers", object{"id": id}, nil)
	w.must("POST", "/api/v1/plans", object{"id": id, "displayName": "Prepaid", "productId": product}, nil)
	w.must("PATCH", "/api/v1/plans/"+id, object{"charges": object{"pricingType": "PAID", "pricingModels": []object{{
		"billingModel": "CREDIT_BASED", "topUpCustomCurrencyId": model.DefaultCurrency,
		"minUnitQuantity": json.Number(c.Min), "maxUnitQuantity": json.Number(c.Max),
		"pricePeriods": []object{{"billingPeriod": "MONTHLY", "price": object{"amount": w.amount(c.Unit.Amount), "currency": c.Unit.Currency}}},
	}}}}, nil)
	w.must("POST", "/api/v1/plans/"+id+"/publish", object{"migrationType": "NEW_CUSTOMERS"}, nil)
	bought := w.call(http.MethodPost, "/api/v1/subscriptions", object{
		"customerId": id, "planId": id,
		"charges": []object{{"type": "CREDIT", "id": model.DefaultCurrency, "quantity": w.amount(c.Amount)}},
	}, nil)
	if bought != nil {
		return refused(bought)
	}
	grants := w.listGrants(id, model.Pool{Currency: model.DefaultCurrency})
	if len(grants) != 1 || grants[0].Amount.String() != c.Amount {
		panic(fmt.Sprintf("buying %s gives %+v", c.Amount, grants))
	}
	return model.Outcome{Cost: grants[0].Cost.model()}
}
