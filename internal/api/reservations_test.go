package api

import (
	"testing"
	"time"
)

func TestReservationFlow(t *testing.T) {
	// Held credits are not available but still in the balance; a settle burns what was used and frees the rest.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	grant := a.grant("100", "")
	hold := `{"customerId":"acme","currencyId":"credits","reservationId":"r1","amount":60}`
	a.ok("POST", "/api/v1/credits/reservations", hold).want("data.status", `"HELD"`, "data.heldAmount", "60", "data.available", "40", "data.balance", "100",
		"data.slices", `[{"amount":60,"creditGrantId":"`+grant+`"}]`, "data.expiresAt", `"2026-03-01T13:00:00.000Z"`, "data.onExpiry", `"RELEASE"`)
	a.ok("POST", "/api/v1/credits/reservations", hold).want("data.heldAmount", "60", "data.available", "40")
	a.refused(409, "IdempotencyMismatch", "reservationId", "POST", "/api/v1/credits/reservations", `{"customerId":"acme","currencyId":"credits","reservationId":"r1","amount":61}`)
	a.refused(402, "InsufficientCredits", "amount", "POST", "/api/v1/credits/reservations", `{"customerId":"acme","currencyId":"credits","reservationId":"r2","amount":40.000000001}`)
	a.ok("GET", "/api/v1/credits/reservations?customerId=acme&currencyId=credits", "").want("data.0.reservationId", `"r1"`, "data.1", "")
	who := `"customerId":"acme","currencyId":"credits"`
	a.ok("POST", "/api/v1/credits/reservations/r1/settle", `{`+who+`,"amount":10,"final":false,"expiresAt":"2026-03-01T15:00:00Z"}`).
		want("data.status", `"HELD"`, "data.heldAmount", "50", "data.consumedAmount", "10", "data.expiresAt", `"2026-03-01T15:00:00.000Z"`)
	for range 2 {
		a.ok("POST", "/api/v1/credits/reservations/r1/release", `{`+who+`,"consumedAmount":25}`).
			want("data.status", `"SETTLED"`, "data.consumedAmount", "35", "data.heldAmount", "0", "data.balance", "65", "data.available", "65", "data.slices", "[]")
	}
	a.refused(404, "ReservationNotFound", "", "POST", "/api/v1/credits/reservations/nope/settle", `{`+who+`,"amount":1}`)
}

func TestPartialSettleRepeats(t *testing.T) {
	// A partial settle acts once per key; the key of one that asked for something else is refused, and the charge is not lost.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("100", "")
	const path, who = "/api/v1/credits/reservations/r1/settle", `"customerId":"acme","currencyId":"credits"`
	a.ok("POST", "/api/v1/credits/reservations", `{`+who+`,"reservationId":"r1","amount":60}`)
	for range 2 {
		a.ok("POST", path, `{`+who+`,"amount":5,"final":false,"idempotencyKey":"k"}`).want("data.consumedAmount", "5", "data.balance", "95")
	}
	a.refused(409, "IdempotencyMismatch", "idempotencyKey", "POST", path, `{`+who+`,"amount":6,"final":false,"idempotencyKey":"k"}`)
	a.ok("POST", path, `{`+who+`,"amount":6,"final":false,"idempotencyKey":"k2"}`).want("data.consumedAmount", "11", "data.balance", "89")
	a.clock.advance(time.Hour) // timed out: the parts go on
	a.ok("POST", path, `{`+who+`,"amount":5,"final":false,"idempotencyKey":"k"}`).want("data.consumedAmount", "5", "data.balance", "89")
	for range 2 {
		a.ok("POST", path, `{`+who+`,"amount":4,"final":false,"idempotencyKey":"k3"}`).want("data.status", `"EXPIRED"`, "data.balance", "85")
	}
	a.refused(409, "IdempotencyMismatch", "idempotencyKey", "POST", path, `{`+who+`,"amount":3,"final":false,"idempotencyKey":"k3"}`)
	a.ok("POST", path, `{`+who+`,"amount":2,"final":false}`).want("data.balance", "83")
	a.ok("POST", path, `{`+who+`,"amount":2,"final":false}`).want("data.balance", "81")
	a.ok("POST", path, `{`+who+`,"amount":1}`).want("data.status", `"SETTLED"`, "data.consumedAmount", "12", "data.balance", "80")
	a.ok("POST", path, `{`+who+`,"amount":2,"final":false}`).want("data.status", `"SETTLED"`, "data.balance", "80")
}

func TestReservationTimesOut(t *testing.T) {
	// A hold that times out frees everything, or is charged if it was made so; a late settle still burns, once.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("100", "")
	who := `"customerId":"acme","currencyId":"credits"`
	a.ok("POST", "/api/v1/credits/reservations", `{`+who+`,"reservationId":"free","amount":30,"ttlSeconds":60}`)
	a.ok("POST", "/api/v1/credits/reservations", `{`+who+`,"reservationId":"charge","amount":20,"ttlSeconds":60,"onExpiry":"CAPTURE"}`)
	a.clock.advance(time.Minute)
	a.ok("GET", "/api/v1/credits/balances?customerId=acme", "").want("data.0.balance", "80", "data.0.held", "0")
	for range 2 {
		a.ok("POST", "/api/v1/credits/reservations/free/settle", `{`+who+`,"amount":5}`).want("data.status", `"SETTLED"`, "data.consumedAmount", "5", "data.balance", "75")
	}
	a.ok("POST", "/api/v1/credits/reservations/charge/release", `{`+who+`}`).want("data.status", `"CAPTURED"`, "data.consumedAmount", "20")
	a.ok("GET", "/api/v1/events?customerId=acme", "").want("data.0.kind", `"CONSUMPTION"`, "data.0.idempotencyKey", "null", "data.1", "")
}

func TestReserveBelowZero(t *testing.T) {
	// Only a soft limit lets a hold go beyond what is available, and only when that is asked for (semantics 6.4).
	t.Parallel()
	a := newTestAPI(t)
	a.features() // with a soft limit for the customer as a whole, and none for resources
	reserve := func(more string) string {
		return `{"customerId":"acme","currencyId":"credits","reservationId":"r","amount":5` + more + `}`
	}
	const path = "/api/v1/credits/reservations"
	a.refused(402, "InsufficientCredits", "amount", "POST", path, reserve(``))
	a.refused(402, "InsufficientCredits", "amount", "POST", path, reserve(`,"allowOverdraft":true,"resourceId":"site"`))
	a.ok("POST", path, reserve(`,"allowOverdraft":true`)).want("data.unfundedAmount", "5", "data.available", "-5")
	a.ok("POST", path, reserve(``)).want("data.unfundedAmount", "5") // a repeat
}

func TestCheckReserves(t *testing.T) {
	// A check with a reservation holds in one step: of ten holds of 75 on 500 credits, six are granted (wire reference 4.7).
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("500", "")
	granted := 0
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		got := a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=credits&reserveAmount=75&reservationId="+id, "")
		if got.at("data.isGranted") == "true" {
			granted++
			got.want("data.reservation.heldAmount", "75", "data.accessDeniedReason", "null")
			continue
		}
		got.want("data.accessDeniedReason", `"InsufficientCredits"`, "data.reservation", "", "data.currentUsage", "450", "data.remaining", "50", "data.heldAmount", "450")
	}
	if granted != 6 {
		t.Errorf("%d holds were granted, want 6", granted)
	}
	a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=credits&reserveAmount=75&reservationId=a", "").want("data.isGranted", "true", "data.heldAmount", "450")
}
