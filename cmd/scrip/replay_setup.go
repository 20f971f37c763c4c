package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What the replay sets up. The price of the tokens has a divisor of 1024, so that costs use all nine digits and need
// rounding: a replay then also shows that nothing is lost there.
const (
	replayCreditType  = "replay-credits"
	replayTokens      = "replay-llm-tokens"
	replayRequests    = "replay-llm-requests"
	replayProduct     = "replay"
	replayPlan        = "replay-payg"
	replayEventName   = "llm.request"
	replayFormula     = "(3 * input_tokens + 15 * output_tokens) / 1024"
	replayRequestRate = "0.01"
	replayGrantAmount = "1000"
)

// replayLead is how long before now subscriptions start: before the oldest event that a server accepts (31 days).
const replayLead = 32 * 24 * time.Hour

// object is a JSON object of a request.
type object = map[string]any

// replaySetup makes what the events need. Every step leaves alone what is there, so it can be repeated after any failure.
type replaySetup struct {
	client *replayClient
	since  time.Time // start of the subscriptions
}

// replayCustomer is the id of the n-th customer, from 1.
func replayCustomer(n int) string { return "replay-" + strconv.Itoa(n) }

func (s *replaySetup) run(ctx context.Context, customers int) error {
	steps := []func(context.Context) error{s.creditType, s.tokens, s.requests, s.plan}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for n := 1; n <= customers; n++ {
		if err := s.customer(ctx, replayCustomer(n)); err != nil {
			return err
		}
	}
	return nil
}

// ensure creates something under an id of our choice, unless that id is taken.
func (s *replaySetup) ensure(ctx context.Context, path string, body object) error {
	err := s.client.call(ctx, http.MethodPost, path, body, nil)
	var refused *replayError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict && refused.Code == "DuplicatedEntityNotAllowed" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create %s %s: %w", path, body["id"], err)
	}
	return nil
}

func (s *replaySetup) creditType(ctx context.Context) error {
	return s.ensure(ctx, "/api/v1/credits/custom-currencies", object{
		"id": replayCreditType, "displayName": "Replay credits",
		"units": object{"singular": "credit", "plural": "credits"},
	})
}

func (s *replaySetup) tokens(ctx context.Context) error {
	return s.feature(ctx, replayTokens, "LLM tokens", object{"function": "SUM", "field": "total_tokens"})
}

func (s *replaySetup) requests(ctx context.Context) error {
	return s.feature(ctx, replayRequests, "LLM requests", object{"function": "COUNT"})
}

// feature makes a feature and then, because the API takes meters in a second call, its meter.
func (s *replaySetup) feature(ctx context.Context, id, name string, aggregation object) error {
	if err := s.ensure(ctx, "/api/v1/features", object{
		"id": id, "displayName": name, "featureType": "NUMBER", "meterType": "INCREMENTAL",
	}); err != nil {
		return err
	}
	var found struct {
		Meter *struct{} `json:"meter"`
	}
	path := "/api/v1/features/" + id
	if err := s.client.call(ctx, http.MethodGet, path, nil, &found); err != nil || found.Meter != nil {
		return err
	}
	onName := object{"field": "eventName", "operation": "EQUALS", "value": replayEventName}
	return s.client.call(ctx, http.MethodPatch, path, object{"meter": object{
		"aggregation": aggregation,
		"filters":     []object{{"conditions": []object{onName}}},
	}}, nil)
}

// plan makes and publishes the plan. A draft left by a failed setup is completed.
func (s *replaySetup) plan(ctx context.Context) error {
	if err := s.ensure(ctx, "/api/v1/products", object{"id": replayProduct, "displayName": "Replay"}); err != nil {
		return err
	}
	if err := s.ensure(ctx, "/api/v1/plans", object{
		"id": replayPlan, "displayName": "Pay as you go", "productId": replayProduct,
	}); err != nil {
		return err
	}
	var found struct {
		Status string `json:"status"`
	}
	path := "/api/v1/plans/" + replayPlan
	if err := s.client.call(ctx, http.MethodGet, path, nil, &found); err != nil || found.Status != "DRAFT" {
		return err
	}
	if err := s.client.call(ctx, http.MethodPatch, path, object{"charges": object{
		"pricingType": "PAID",
		"pricingModels": []object{
			consumption(replayTokens, object{"amount": 0, "costFormula": replayFormula, "currencyId": replayCreditType}),
			consumption(replayRequests, object{"amount": replayRequestRate, "currencyId": replayCreditType}),
		},
	}}, nil); err != nil {
		return err
	}
	return s.client.call(ctx, http.MethodPost, path+"/publish", object{"migrationType": "NEW_CUSTOMERS"}, nil)
}

// consumption maps a feature to credits.
func consumption(feature string, rate object) object {
	return object{
		"billingModel": "CREDIT_BASED", "featureId": feature,
		"pricePeriods": []object{{"billingPeriod": "MONTHLY", "creditRate": rate}},
	}
}

// customer makes a customer with a subscription and a grant.
func (s *replaySetup) customer(ctx context.Context, id string) error {
	if err := s.ensure(ctx, "/api/v1/customers", object{"id": id, "name": "Replay " + id}); err != nil {
		return err
	}
	if err := s.ensure(ctx, "/api/v1/subscriptions", object{
		"id": id, "customerId": id, "planId": replayPlan, "startDate": s.since.UTC().Format(time.RFC3339),
	}); err != nil {
		return err
	}
	// The key makes a repeat answer the first grant. The body has no times: it must be the same at every repeat.
	return s.client.call(ctx, http.MethodPost, "/api/v1/credits/grants", object{
		"customerId": id, "currencyId": replayCreditType, "amount": replayGrantAmount, "displayName": "Replay credits",
		"grantType": "PROMOTIONAL", "reason": "replay", "idempotencyKey": "replay-grant-" + id,
	}, nil)
}
