package api

import (
	"slices"
	"testing"
	"time"
)

const customersPath = "/api/v1/customers"

func TestCustomers(t *testing.T) {
	// A customer is made with every member, changed (null clears, absent stays), archived and brought back.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", customersPath, `{"id":"a|b@c.d","name":"N","email":"a@example.com","billingCurrency":"usd","billingId":"b","couponId":null,"language":"en","timezone":"UTC",
		"metadata":{"k":"v"},"defaultPaymentMethod":{"type":"CARD","billingId":null,"cardLast4Digits":"4242","cardExpiryMonth":12,"cardExpiryYear":2030},
		"integrations":[{"id":"i","vendorIdentifier":"STRIPE","syncedEntityId":null}],
		"passthrough":{"stripe":{"customerName":"X","metadata":{"m":"n"},"taxIds":[{"type":"eu_vat","value":"1"}]}}}`).
		want("data.email", `"a@example.com"`, "data.couponId", "", "data.archivedAt", "null", "data.billingCurrency", `"usd"`,
			"data.defaultPaymentMethod", `{"billingId":null,"cardExpiryMonth":12,"cardExpiryYear":2030,"cardLast4Digits":"4242","type":"CARD"}`,
			"data.integrations", `[{"id":"i","syncedEntityId":null,"vendorIdentifier":"STRIPE"}]`,
			"data.passthrough", `{"stripe":{"customerName":"X","metadata":{"m":"n"},"taxIds":[{"type":"eu_vat","value":"1"}]}}`)
	path := customersPath + "/a%7Cb@c.d"
	a.ok("GET", path, "").want("data.id", `"a|b@c.d"`, "data.name", `"N"`)
	a.ok("PATCH", path, `{}`).want("data.email", `"a@example.com"`, "data.metadata", `{"k":"v"}`)
	a.ok("PATCH", path, `{"name":null,"email":null,"billingCurrency":"","language":null,"metadata":{},"integrations":[],"passthrough":{}}`).
		want("data.name", "", "data.email", "", "data.billingCurrency", "", "data.metadata", "", "data.integrations", "", "data.timezone", `"UTC"`)
	a.ok("POST", customersPath+"/a%7Cb@c.d/archive", "").want("data.archivedAt", `"2026-03-01T12:00:00.000Z"`)
	a.ok("POST", customersPath+"/a%7Cb@c.d/unarchive", "").want("data.archivedAt", "null")
	a.ok("GET", path+"/invoices?orderBy=total&orderDir=DESC&stateIn=OPEN,PAID&issuedAfter=2026-01-01T00:00:00Z", "").want("data", "[]")
	a.ok("GET", path+"/resources", "").want("data", "[]")
}

func TestCustomerLists(t *testing.T) {
	// Customers are found by exact name, e-mail and time, and walked both ways.
	t.Parallel()
	a := newTestAPI(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		a.ok("POST", customersPath, `{"id":"`+id+`","name":"Name `+id+`","email":"`+id+`@example.com"}`)
		a.clock.advance(time.Second)
	}
	for query, want := range map[string][]string{
		"?name=Name%20b":                             {"b"},
		"?name=Name":                                 {},
		"?email=c@example.com":                       {"c"},
		"?createdAt[gte]=2026-03-01T12:00:03Z":       {"e", "d"},
		"?createdAt[lt]=2026-03-01T12:00:01.000001Z": {"b", "a"},
		"?limit=3":                                   {"e", "d", "c"},
	} {
		if got := a.ok("GET", customersPath+query, "").ids(); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
	}
	if got := a.walk(customersPath); !slices.Equal(got, []string{"e", "d", "c", "b", "a"}) {
		t.Errorf("walked %v", got)
	}
}

func TestCustomerImport(t *testing.T) {
	// An import adds what is new and refreshes what is known, all or nothing.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", customersPath, `{"id":"known","name":"Old","language":"de"}`)
	a.ok("POST", customersPath+"/import", `{"customers":[{"id":"known","name":"New","email":null},{"id":"fresh","name":null,"email":"f@example.com","metadata":{"k":"v"},"updatedAt":"2026-01-01T00:00:00Z"}],"integrationId":"x"}`).
		want("data.newCustomers", `["fresh"]`)
	a.ok("GET", customersPath+"/known", "").want("data.name", `"New"`, "data.language", `"de"`)
	a.refused(400, "InvalidArgumentError", "customers[1].email", "POST", customersPath+"/import", `{"customers":[{"id":"x","name":null,"email":null},{"id":"y","name":null}]}`)
	a.refused(400, "InvalidArgumentError", "customers[1].email", "POST", customersPath+"/import", `{"customers":[{"id":"x","name":null,"email":null},{"id":"y","name":null,"email":"nobody"}]}`)
	a.refused(400, "InvalidArgumentError", "customers", "POST", customersPath+"/import", `{"customers":[]}`)
	a.refused(404, "CustomerNotFound", "", "GET", customersPath+"/x", "")
}

func TestCustomerRefusals(t *testing.T) {
	// What a customer cannot be is refused and changes nothing.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	for body, field := range map[string]string{
		`{}`:                                     "id",
		`{"id":1}`:                               "id",
		`{"id":null}`:                            "id",
		`{"id":"a/b"}`:                           "id",
		`{"id":"a","email":"nobody"}`:            "email",
		`{"id":"a","billingCurrency":"USD"}`:     "billingCurrency",
		`{"id":"a","metadata":null}`:             "metadata",
		`{"id":"a","integrations":[{"id":"i"}]}`: "integrations[0].syncedEntityId",
		`{"id":"a","integrations":[{"id":"i","syncedEntityId":null,"vendorIdentifier":"NOBODY"}]}`: "integrations[0].vendorIdentifier",
		`{"id":"a","archivedAt":null}`:                "archivedAt",
		`{"id":"a","passthrough":{"stripe":{"x":1}}}`: "passthrough.stripe.x",
	} {
		a.refused(400, "InvalidArgumentError", field, "POST", customersPath, body)
	}
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", customersPath, `{"id":"acme"}`)
	a.refused(400, "InvalidArgumentError", "id", "PATCH", customersPath+"/acme", `{"id":"other"}`)
	a.refused(400, "InvalidArgumentError", "metadata", "PATCH", customersPath+"/acme", `{"metadata":null}`)
	a.refused(404, "CustomerNotFound", "", "PATCH", customersPath+"/none", `{}`)
	a.refused(404, "CustomerNotFound", "", "GET", customersPath+"/none/invoices", "")
	a.refused(404, "CustomerNotFound", "", "GET", customersPath+"/none/resources", "")
	a.refused(400, "InvalidArgumentError", "orderBy", "GET", customersPath+"/acme/invoices?orderBy=size", "")
	a.refused(400, "InvalidArgumentError", "stateIn", "GET", customersPath+"/acme/invoices?stateIn=open", "")
	a.ok("GET", customersPath+"/acme", "").want("data.name", `"Acme"`)
}
