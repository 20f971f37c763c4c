package api

import (
	"fmt"
	"testing"
	"time"
)

func TestResourceIsolation(t *testing.T) {
	// W25: a resource's pool goes into its own overdraft while the customer's stays whole.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.grant("100", "")
	a.grant("20", `,"resourceId":"r1"`)
	a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","resourceId":"r1","amount":30,"idempotencyKey":"k"}`)
	a.ok("GET", "/api/v1/credits/ledger?customerId=acme&resourceId=r1", "").
		want("data.0.amount", "-10", "data.0.endBalance", "-10", "data.1.amount", "-20", "data.1.endBalance", "0", "data.3", "")
	check := "/api/v1/customers/acme/entitlements/check?currencyId=credits"
	a.ok("GET", check+"&resourceId=r1", "").want("data.remaining", "-10", "data.isGranted", "false")
	a.ok("GET", check, "").want("data.remaining", "100", "data.isGranted", "true")
}

func TestCheckTable(t *testing.T) {
	// W26, the hard rows and the soft ones: what is asked for against what remains.
	t.Parallel()
	for _, soft := range []bool{false, true} {
		t.Run(fmt.Sprintf("soft %v", soft), func(t *testing.T) {
			t.Parallel()
			a := newTestAPI(t)
			if a.catalog(); soft {
				a = newTestAPI(t)
				a.features()
			}
			row := func(limit, usage, remaining string, granted ...bool) {
				t.Helper()
				for i, query := range []string{"", "&requestedUsage=50", "&requestedUsage=51"} {
					a.ok("GET", "/api/v1/customers/acme/entitlements/check?currencyId=credits"+query, "").
						want("data.usageLimit", limit, "data.currentUsage", usage, "data.remaining", remaining,
							"data.isGranted", fmt.Sprint(granted[i] || soft), "data.hasSoftLimit", fmt.Sprint(soft))
				}
			}
			row("0", "0", "0", false, false, false)
			a.grant("100", `,"effectiveAt":"2026-05-01T00:00:00Z"`)
			row("0", "0", "0", false, false, false)
			a.grant("500", "")
			a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":425,"idempotencyKey":"k"}`)
			a.ok("POST", "/api/v1/credits/reservations", `{"customerId":"acme","currencyId":"credits","amount":25,"reservationId":"r"}`)
			row("500", "450", "50", true, true, false)
		})
	}
}

func TestReversalReturnsToBearers(t *testing.T) {
	// W31: a reversal gives back newest slice first; what returns to an expired grant expires in the same transaction.
	t.Parallel()
	for later, want := range map[bool][]string{
		false: {"data.0.amount", "25", "data.0.endBalance", "75", "data.1.amount", "35", "data.1.endBalance", "50"},
		true: {"data.0.eventType", `"CREDITS_EXPIRED"`, "data.0.amount", "-25", "data.0.endBalance", "50", "data.1.amount", "25",
			"data.1.endBalance", "75", "data.2.amount", "35", "data.2.endBalance", "50"},
	} {
		t.Run(fmt.Sprintf("after expiry %v", later), func(t *testing.T) {
			t.Parallel()
			a := newTestAPI(t)
			a.catalog()
			a.grant("25", `,"expireAt":"2026-04-01T00:00:00Z"`)
			a.ok("POST", "/api/v1/credits/grants", `{"customerId":"acme","currencyId":"credits","displayName":"A","grantType":"PAID","amount":50}`)
			id := a.ok("POST", "/api/v1/credits/consumption", `{"customerId":"acme","currencyId":"credits","amount":60,"idempotencyKey":"e1"}`).text("data.eventId")
			if later {
				a.clock.advance(32 * 24 * time.Hour)
			}
			a.ok("POST", "/api/v1/events/"+id+"/reverse", `{"reason":"wrong"}`)
			a.ok("GET", "/api/v1/credits/ledger?customerId=acme", "").want(want...)
			head := a.headHash()
			a.ok("POST", "/api/v1/events/"+id+"/reverse", `{"reason":"again"}`)
			if a.headHash() != head {
				t.Error("the second reversal wrote rows")
			}
		})
	}
}
