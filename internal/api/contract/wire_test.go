package contract

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/api/wire"
)

func TestWireAnswers(t *testing.T) {
	// What the wire types encode with only their required members set is what the contract wants.
	t.Parallel()
	c := New(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	money := wire.Money{Currency: wire.CurrencyUsd}
	grant := wire.Grant{
		ID: "g", Cost: money, CreatedAt: at, EffectiveAt: at, GrantType: wire.GrantTypePAID, Metadata: wire.Metadata{},
		PaymentCollection: wire.PaymentCollectionNOTREQUIRED, Status: wire.GrantStatusACTIVE, UpdatedAt: at,
	}
	state := wire.CreditEntitlementState{Type: wire.EntitlementTypeCREDIT, UsageUpdatedAt: at}
	limit := wire.FeatureEntitlementState{Type: wire.EntitlementTypeFEATURE}
	for response, body := range map[string]any{
		"GrantData":                wire.GrantData{Data: grant},
		"GrantPage":                wire.GrantPage{Data: []wire.Grant{grant}},
		"Accepted":                 wire.Accepted{},
		"BalancePage":              wire.BalancePage{Data: []wire.Balance{{AsOf: at}}},
		"EntitlementStateData":     wire.EntitlementStateData{Data: state},
		"CustomerEntitlementsData": wire.CustomerEntitlementsData{Data: wire.CustomerEntitlements{Entitlements: []wire.EntitlementState{state, limit}}},
		"EventResultList": wire.EventResultList{Data: []wire.EventResult{{
			Status: wire.EventStatusRATED, Warnings: []string{}, Burns: []wire.BurnResult{{Cost: amount.FromInt(3)}},
		}}},
		"NotFound": wire.Error{Code: "CustomerNotFound", Message: "m", TraceID: "t"},
	} {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		value, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		schema := c.doc.Components.Responses[response].Value.Content.Get("application/json").Schema.Value
		if err := schema.VisitJSON(value); err != nil {
			t.Errorf("%s: %v\n%s", response, err, text)
		}
	}
}

func TestWireNull(t *testing.T) {
	// A PATCH body tells null, absent and set apart.
	t.Parallel()
	var body wire.CustomerUpdate
	if err := json.Unmarshal([]byte(`{"name":null,"email":"a@example.com"}`), &body); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{
		"name is null":     body.Name.IsNull(),
		"language is sent": body.Language.IsSpecified(),
		"email is sent":    body.Email.IsSpecified(),
		"email is null":    body.Email.IsNull(),
	}
	want := map[string]bool{"name is null": true, "language is sent": false, "email is sent": true, "email is null": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CustomerUpdate (-want +got):\n%s", diff)
	}
}
