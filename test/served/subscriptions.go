package served

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/scrip-dev/scrip/test/model"
)

// What the story sells has a product of its own, beside the one that prices its events.
const (
	offers      = "offers"
	signed      = "signed"
	grantsPath  = "/api/v1/credits/grants"
	signedPath  = "/api/v1/subscriptions/" + signed
	attemptPath = "/api/v1/credits/payment-attempts"
)

// sells does what the story tells of plans, subscriptions and money.
func (w *World) sells(c model.Command) model.Outcome {
	switch c := c.(type) {
	case model.OfferCredits:
		w.offer(c)
	case model.SignUp:
		return w.signUp(c)
	case model.ChangeTerms:
		return w.changeTerms(c)
	case model.Leave:
		return refused(w.call(http.MethodPost, signedPath+"/cancel", object{}, nil))
	case model.Sell:
		return w.sell(c)
	case model.TopUp:
		return w.topUp(c)
	case model.DecidePayment:
		return w.decide(c)
	default:
		return model.Outcome{Refused: model.Unsupported}
	}
	return model.Outcome{}
}

// offer publishes a plan that includes or sells credits.
func (w *World) offer(c model.OfferCredits) {
	if !w.offered {
		w.offered = true
		w.must("POST", "/api/v1/products", object{"id": offers, "displayName": "Offers"}, nil)
	}
	path := "/api/v1/plans/" + c.Plan
	w.must("POST", "/api/v1/plans", object{"id": c.Plan, "displayName": c.Plan, "productId": offers, "pricingType": "PAID"}, nil)
	if c.UnitPrice.Amount != "" {
		w.must("PATCH", path, object{"charges": object{"pricingType": "PAID", "pricingModels": []object{{
			"billingModel": "CREDIT_BASED", "topUpCustomCurrencyId": model.DefaultCurrency,
			"minUnitQuantity": c.MinimumBuy, "maxUnitQuantity": c.MaximumBuy,
			"pricePeriods": []object{{"billingPeriod": "MONTHLY", "price": moneyIn(w, c.UnitPrice)}},
		}}}}, nil)
	} else {
		w.must("POST", path+"/entitlements", object{"entitlements": []object{w.included(c)}}, nil)
	}
	w.must("POST", path+"/publish", object{"migrationType": "NEW_CUSTOMERS"}, nil)
}

// included is the entitlement of a plan.
func (w *World) included(c model.OfferCredits) object {
	e := object{"type": "CREDIT", "id": model.DefaultCurrency, "amount": w.amount(c.Amount), "cadence": c.Cadence}
	if c.Times != "" {
		w.needFeature(c.Times)
		e["dependencyFeatureId"] = c.Times
	}
	if c.Trial != "" {
		e["trialAmount"] = w.amount(c.Trial)
	}
	if c.RollMax != "" {
		e["rollover"] = object{"maxAmount": w.amount(c.RollMax), "maxPeriods": c.RollFor}
	}
	if c.Forgives {
		e["deficitAtReset"] = "FORGIVE"
	}
	return e
}

func (w *World) signUp(c model.SignUp) model.Outcome {
	body := object{"id": signed, "customerId": customer, "planId": c.Plan}
	if c.Times != "" {
		body["charges"] = w.quantity(c.Times, c.TimesOf)
	}
	if !c.TrialUntil.IsZero() {
		ends := "CANCEL_SUBSCRIPTION"
		if c.TrialToPaid {
			ends = "CONVERT_TO_PAID"
		}
		body["trialOverrideConfiguration"] = object{"isTrial": true, "trialEndDate": instant(c.TrialUntil), "trialEndBehavior": ends}
	}
	return refused(w.call(http.MethodPost, "/api/v1/subscriptions", body, nil))
}

func (w *World) quantity(quantity, of string) []object {
	return []object{{"type": "FEATURE", "id": of, "quantity": w.amount(quantity)}}
}

func (w *World) changeTerms(c model.ChangeTerms) model.Outcome {
	body := object{}
	if c.Plan != "" {
		body["planId"] = c.Plan
	}
	if c.Times != "" {
		body["charges"] = w.quantity(c.Times, c.TimesOf)
	}
	if c.NewPeriod {
		body["billingCycleAnchor"] = "NOW"
	}
	return refused(w.call(http.MethodPatch, signedPath, body, nil))
}

func (w *World) sell(c model.Sell) model.Outcome {
	p := model.Pool{Currency: model.DefaultCurrency}
	body := w.pool(p)
	body["displayName"], body["amount"], body["grantType"], body["cost"] = c.Ref, w.amount(c.Amount), model.Paid, moneyIn(w, c.Cost)
	body["paymentCollectionMethod"], body["idempotencyKey"] = c.Method, c.Ref
	if c.Policy != "" {
		body["billingInformation"] = object{"invoicePolicy": c.Policy}
	}
	return w.bought(c.Ref, grantsPath, body, func(made *grant) any { return made })
}

// topUp buys at the price of the plan and tells what it costs.
func (w *World) topUp(c model.TopUp) model.Outcome {
	body := w.pool(model.Pool{Currency: model.DefaultCurrency})
	body["amount"], body["idempotencyKey"] = w.amount(c.Amount), c.Ref
	var cost model.Money
	out := w.bought(c.Ref, "/api/v1/credits/top-ups", body, func(made *grant) any {
		return &struct {
			Grant *grant `json:"grant"`
		}{made}
	})
	if out.Refused == "" {
		for _, g := range w.listGrants(customer, model.Pool{Currency: model.DefaultCurrency}) {
			if g.ID == w.grants[c.Ref].id {
				cost = g.Cost.model()
			}
		}
	}
	out.Cost = cost
	return out
}

// bought makes a purchase, twice with one key as a client does that lost the answer, and names its grant.
func (w *World) bought(ref, path string, body object, in func(*grant) any) model.Outcome {
	var made, again grant
	if r := w.call(http.MethodPost, path, body, in(&made)); r != nil {
		return refused(r)
	}
	w.must(http.MethodPost, path, body, in(&again))
	if made.ID == "" || again.ID != made.ID {
		panic(fmt.Sprintf("buying %s gives grant %q, and repeated %q", ref, made.ID, again.ID))
	}
	w.name(ref, made.ID, model.Pool{Currency: model.DefaultCurrency})
	return model.Outcome{}
}

// decide says what became of the money of a grant, as a person does where no provider is connected.
func (w *World) decide(c model.DecidePayment) model.Outcome {
	var attempts []struct {
		ID string `json:"id"`
	}
	grant := w.find(c.Ref, model.Pool{Currency: model.DefaultCurrency})
	w.turn(attemptPath, url.Values{"grantId": {grant.id}}, &attempts)
	if len(attempts) == 0 {
		return model.Outcome{Refused: model.GrantNotFound}
	}
	return refused(w.call(http.MethodPost, attemptPath+"/"+attempts[0].ID+"/outcome", object{"outcome": c.Outcome}, nil))
}
