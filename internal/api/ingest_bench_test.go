package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// BenchmarkIngest is the event path without the network: 4 callers report 1,000 events a request over 2,000 pools. One
// operation is one event.
func BenchmarkIngest(b *testing.B) {
	const customers, size, callers = 2000, 1000, 4
	a := newTestAPI(b)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"tokens","displayName":"Tokens"}`)
	a.ok("POST", "/api/v1/features", `{"id":"chat","displayName":"Chat","featureType":"NUMBER","meterType":"INCREMENTAL"}`)
	a.ok("PATCH", "/api/v1/features/chat", `{"meter":{"aggregation":{"function":"COUNT"},"filters":[{"conditions":[{"field":"eventName","operation":"EQUALS","value":"chat"}]}]}}`)
	a.ok("POST", "/api/v1/products", `{"id":"p","displayName":"P"}`)
	a.ok("POST", "/api/v1/plans", `{"id":"pro","displayName":"Pro","productId":"p"}`)
	a.ok("PATCH", "/api/v1/plans/pro", `{"charges":{"pricingType":"PAID","pricingModels":[{"billingModel":"CREDIT_BASED","featureId":"chat","pricePeriods":[{"billingPeriod":"MONTHLY","creditRate":{"currencyId":"tokens","amount":2}}]}]}}`)
	a.ok("POST", "/api/v1/plans/pro/publish", `{"migrationType":"NEW_CUSTOMERS"}`)
	for c := range customers {
		a.ok("POST", "/api/v1/customers", fmt.Sprintf(`{"id":"customer-%d"}`, c))
		a.ok("POST", "/api/v1/subscriptions", fmt.Sprintf(`{"customerId":"customer-%d","planId":"pro"}`, c))
		a.ok("POST", "/api/v1/credits/grants", fmt.Sprintf(`{"customerId":"customer-%d","currencyId":"tokens","amount":1e12,"displayName":"Block","grantType":"PROMOTIONAL"}`, c))
	}
	requests := b.N/size + 1
	bodies := make([]string, requests)
	for n := range bodies {
		var s strings.Builder
		s.WriteString(`{"events":[`)
		for i := range size {
			if i > 0 {
				s.WriteByte(',')
			}
			k := n*size + i
			fmt.Fprintf(&s, `{"customerId":"customer-%d","eventName":"chat","idempotencyKey":"1f0a3c5e-%08x-4b2d-9c3e","timestamp":"2026-03-01T12:00:00.123Z","dimensions":{"model":"large","region":"eu-west-1","input_tokens":1200,"userId":"user-%d"}}`,
				uint32(k)*2654435761%customers, k, k%97)
		}
		s.WriteString(`]}`)
		bodies[n] = s.String()
	}
	b.SetBytes(int64(len(bodies[0]) / size))
	b.ResetTimer()
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			for n := caller; n < requests; n += callers {
				r := httptest.NewRequestWithContext(b.Context(), "POST", "/api/v1/events", strings.NewReader(bodies[n]))
				r.Header.Set("X-Api-Key", a.key)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				a.handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Error(w.Code, w.Body.String())
				}
			}
		})
	}
	wait.Wait()
}
