package crash

import (
	"context"
	"fmt"
	"net/http"
)

// setUp makes the catalogue and the customers on an empty server.
func setUp(ctx context.Context, c *client, customers []string) error {
	post, patch := http.MethodPost, http.MethodPatch
	steps := []request{
		{post, "/api/v1/credits/custom-currencies", object{"id": creditType, "displayName": "Crash credits"}},
		{post, "/api/v1/features", feature(jobs)},
		{patch, "/api/v1/features/" + jobs, meter(object{"function": "COUNT"})},
		{post, "/api/v1/features", feature(units)},
		{patch, "/api/v1/features/" + units, meter(object{"function": "SUM", "field": "units"})},
		{post, "/api/v1/products", object{"id": "crash", "displayName": "Crash"}},
		{post, "/api/v1/plans", object{"id": plan, "displayName": "Crash", "productId": "crash"}},
		{patch, "/api/v1/plans/" + plan, object{"charges": object{
			"pricingType":   "PAID",
			"pricingModels": []object{mapping(jobs, jobPrice), mapping(units, unitPrice)},
		}}},
		{post, "/api/v1/plans/" + plan + "/publish", object{"migrationType": "NEW_CUSTOMERS"}},
	}
	for _, customer := range customers {
		steps = append(steps,
			request{post, "/api/v1/customers", object{"id": customer, "name": customer}},
			request{post, "/api/v1/subscriptions", object{"id": customer, "customerId": customer, "planId": plan}})
	}
	for _, step := range steps {
		a, err := c.outcome(ctx, step)
		if err != nil {
			return err
		}
		if a.status/100 != 2 {
			return fmt.Errorf("setup: %s %s: %w", step.method, step.path, a.unexpected())
		}
	}
	return nil
}

func feature(id string) object {
	return object{"id": id, "displayName": id, "featureType": "NUMBER", "meterType": "INCREMENTAL"}
}

func meter(aggregation object) object {
	onName := object{"field": "eventName", "operation": "EQUALS", "value": eventName}
	return object{"meter": object{"aggregation": aggregation, "filters": []object{{"conditions": []object{onName}}}}}
}

func mapping(feature string, price credits) object {
	return object{
		"billingModel": "CREDIT_BASED", "featureId": feature,
		"pricePeriods": []object{{"billingPeriod": "MONTHLY", "creditRate": object{"amount": price, "currencyId": creditType}}},
	}
}
