package contract

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/api/wire"
)

const grant = `{"id":"cred-grant-1","amount":100.5,"comment":null,"consumedAmount":0,"cost":{"amount":0,"currency":"usd"},
"createdAt":"2026-01-02T03:04:05.000Z","currencyId":"tokens","customerId":"acme","displayName":"Welcome",
"effectiveAt":"2026-01-02T03:04:05Z","expireAt":null,"grantType":"PROMOTIONAL","invoiceId":null,"latestInvoice":null,
"metadata":{},"paymentCollection":"NOT_REQUIRED","priority":10,"resourceId":null,"sourceType":null,"status":"ACTIVE",
"syncStates":null,"updatedAt":"2026-01-02T03:04:05Z","voidedAt":null}`

const credit = `{"type":"CREDIT","isGranted":true,"accessDeniedReason":null,"currentUsage":1,"usageLimit":2,
"usageUpdatedAt":"2026-01-02T03:04:05Z","currency":{"currencyId":"tokens","displayName":"Tokens"}}`

const failure = `{"message":"amount must be above zero","code":"InvalidArgumentError","field":"amount","traceId":"t1"}`

func TestVerify(t *testing.T) {
	// Exchanges that follow the contract pass; each way of leaving it is found.
	t.Parallel()
	c := New(t)
	const create = `{"customerId":"acme","currencyId":"tokens","amount":100.5,"displayName":"Welcome","grantType":"PROMOTIONAL"}`
	grants, ledger := "/api/v1/credits/grants", "/api/v1/credits/ledger?customerId=acme"
	page := `,"pagination":{"next":null,"prev":null}}`
	one := func(s string) string { return `{"data":` + s + `}` }
	row := `{"amount":-1,"creditCurrencyId":"tokens","creditGrantId":"g","customerId":"acme","eventId":null,` +
		`"eventType":"CREDITS_CONSUMED","featureId":null,"resourceId":null,"timestamp":"2026-01-02T03:04:05Z"`
	tests := []struct {
		name, method, url, body string
		status                  int
		answer                  string
		want                    string // part of the error, empty if none
	}{
		{"grant", "POST", grants, create, 201, one(grant), ""},
		{"decimal string", "POST", grants, strings.Replace(create, "100.5", `"100.5"`, 1), 201, one(grant), ""},
		{"wrong success status", "POST", grants, create, 200, one(grant), "doesn't match schema"},
		{"unlisted member", "POST", grants, create, 201, one(strings.Replace(grant, `"id"`, `"extra":1,"id"`, 1)), `"extra" is unsupported`},
		{"unlisted nested member", "POST", grants, create, 201, one(strings.Replace(grant, `"currency":`, `"x":1,"currency":`, 1)), `"x" is unsupported`},
		{"missing nullable member", "POST", grants, create, 201, one(strings.Replace(grant, `"comment":null,`, ``, 1)), `"comment" is missing`},
		{"null where not allowed", "POST", grants, create, 201, one(strings.Replace(grant, `"metadata":{}`, `"metadata":null`, 1)), "not nullable"},
		{"amount as text", "POST", grants, create, 201, one(strings.Replace(grant, "100.5", `"100.5"`, 1)), "must be a number"},
		{"unknown enum value", "POST", grants, create, 201, one(strings.Replace(grant, "ACTIVE", "Active", 1)), "allowed values"},
		{"bad time", "POST", grants, create, 201, one(strings.Replace(grant, "2026-01-02T03:04:05.000Z", "yesterday", 1)), "createdAt"},
		{"empty body", "POST", grants, create, 201, "", "decode"},
		{"accepted zero amount", "POST", grants, strings.Replace(create, "100.5", "0", 1), 201, one(grant), "accepted request"},
		{"accepted unknown member", "POST", grants, strings.Replace(create, `{`, `{"x":1,`, 1), 201, one(grant), "accepted request"},
		{"accepted missing member", "POST", grants, `{}`, 201, one(grant), "accepted request"},
		{"refused rubbish", "POST", grants, `nonsense`, 400, failure, ""},
		{"error without trace id", "POST", grants, create, 400, `{"message":"m","code":"BadUserInput"}`, "traceId"},
		{"code not in PascalCase", "POST", grants, create, 400, strings.Replace(failure, "InvalidArgumentError", "BAD_INPUT", 1), "code"},
		{"other refusal", "POST", grants, create, 503, failure, ""},
		{"page", "GET", grants + "?customerId=acme&createdAt%5Bgte%5D=2026-01-01T00:00:00Z&limit=5", "", 200, `{"data":[` + grant + `]` + page, ""},
		{"page without pagination", "GET", grants + "?customerId=acme", "", 200, `{"data":[]}`, "pagination"},
		{"accepted bad limit", "GET", grants + "?customerId=acme&limit=101", "", 200, `{"data":[]` + page, "accepted request"},
		{"accepted unknown query", "GET", grants + "?customerId=acme&custom=1", "", 200, `{"data":[]` + page, "not in the contract"},
		{"empty query value", "GET", grants + "?customerId=acme&resourceId=", "", 200, `{"data":[]` + page, ""},
		{"comma list", "GET", ledger + "&eventType=CREDITS_GRANTED%2CCREDITS_VOIDED", "", 200, `{"data":[` + row + `}]` + page, ""},
		{"our members", "GET", ledger, "", 200, `{"data":[` + row + `,"seq":1,"hash":"` + strings.Repeat("0a", 32) + `"}]` + page, ""},
		{"bad hash", "GET", ledger, "", 200, `{"data":[` + row + `,"hash":"00"}]` + page, "hash"},
		{"acknowledgement", "POST", "/api/v1/events", `{"events":[{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"n":1,"s":"x","b":true}}]}`, 200, `{"data":{}}`, ""},
		{"accepted nested dimension", "POST", "/api/v1/events", `{"events":[{"customerId":"a","eventName":"e","idempotencyKey":"k","dimensions":{"n":{}}}]}`, 200, `{"data":{}}`, "accepted request"},
		{"static path wins", "POST", "/api/v1/events/estimate", `{"customerId":"a","eventName":"e"}`, 200, `{"data":{"estimates":[],"warnings":[]}}`, ""},
		{"check with a hold", "GET", "/api/v1/customers/a%7Cb/entitlements/check?currencyId=tokens&reserveAmount=7.5&reservationId=r", "", 200, one(credit), ""},
		{"beta check", "GET", "/api/v1-beta/customers/a/entitlements/check?currencyId=tokens&dimensions%5Buser%5D=u", "", 200, one(credit), ""},
		{"variant's member missing", "GET", "/api/v1/customers/a/entitlements/check?currencyId=tokens", "", 200, one(strings.Replace(credit, `"usageLimit":2,`, "", 1)), "usageLimit"},
		{"null clears", "PATCH", "/api/v1/customers/a", `{"name":null}`, 404, failure, ""},
		{"not supported", "POST", "/api/v1/coupons", `{"a":1}`, 501, failure, ""},
		{"unknown path", "GET", "/api/v1/nothing", "", 404, failure, ""},
		{"unknown method", "DELETE", grants, "", 405, failure, ""},
		{"unknown path answered", "GET", "/api/v1/nothing", "", 200, `{}`, "not an operation"},
		{"unknown path, odd error", "GET", "/api/v1/nothing", "", 404, `{}`, "message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := httptest.NewRequest(test.method, "http://localhost:1234"+test.url, nil)
			if test.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			err := c.Verify(Exchange{
				Request: req, RequestBody: []byte(test.body), Status: test.status,
				Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, ResponseBody: []byte(test.answer),
			})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("Verify: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("Verify: got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestVerifyContentType(t *testing.T) {
	// An answer that is not JSON is refused.
	t.Parallel()
	err := New(t).Verify(Exchange{
		Request: httptest.NewRequest("GET", "/api/v1/features/f", nil), Status: 404,
		Header: http.Header{"Content-Type": {"text/plain"}}, ResponseBody: []byte(failure),
	})
	if err == nil {
		t.Error("Verify accepted text/plain")
	}
}

func TestContractObjects(t *testing.T) {
	// Every object lists its members and refuses others, so that answers cannot grow unseen.
	t.Parallel()
	eachSchema(New(t), func(where string, s *openapi3.Schema) {
		if len(s.Properties) > 0 && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has) {
			t.Errorf("%s: additionalProperties must be false", where)
		}
		for _, name := range s.Required {
			if s.Properties[name] == nil {
				t.Errorf("%s: required member %q is not listed", where, name)
			}
		}
	})
}

func TestContractKeywords(t *testing.T) {
	// The contract uses no keyword that the checks would silently ignore.
	t.Parallel()
	eachSchema(New(t), func(where string, s *openapi3.Schema) {
		ignored := s.Const != nil || len(s.PrefixItems) > 0 || s.Contains != nil || len(s.PatternProperties) > 0 ||
			s.PropertyNames != nil || s.If != nil || len(s.DependentRequired) > 0 || len(s.DependentSchemas) > 0 ||
			s.UnevaluatedProperties.Has != nil || s.UnevaluatedItems.Has != nil || s.Nullable
		if ignored {
			t.Errorf("%s: uses a keyword that the checks ignore", where)
		}
	})
}

func TestContractOperations(t *testing.T) {
	// Every operation has an id of its own, a summary, a known tag, an outcome and the common error answer.
	t.Parallel()
	c := New(t)
	var tags []string
	for _, tag := range c.doc.Tags {
		tags = append(tags, tag.Name)
	}
	seen := map[string]string{}
	for _, op := range c.Operations() {
		if first := seen[op.ID]; op.ID == "" || first != "" {
			t.Errorf("%s: operationId %q is missing or also used by %s", op.Pattern(), op.ID, first)
		}
		seen[op.ID] = op.Pattern()
		o := c.doc.Paths.Value(op.Path).GetOperation(op.Method)
		if o.Summary == "" || len(o.Tags) != 1 || !slices.Contains(tags, o.Tags[0]) {
			t.Errorf("%s: needs a summary and one known tag", op.ID)
		}
		if o.Responses.Default() == nil || o.Responses.Len() < 2 {
			t.Errorf("%s: needs an outcome and the default error answer", op.ID)
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d operations", len(seen))
	}
}

func TestRequestUnions(t *testing.T) {
	// A request union's Go struct has exactly the members of its variants.
	t.Parallel()
	c := New(t)
	for name, value := range map[string]any{
		"PackageEntitlementCreate":     wire.PackageEntitlementCreate{},
		"PackageEntitlementUpdate":     wire.PackageEntitlementUpdate{},
		"SubscriptionEntitlementInput": wire.SubscriptionEntitlementInput{},
	} {
		var want []string
		for _, variant := range c.doc.Components.Schemas[name].Value.OneOf {
			for member := range variant.Value.Properties {
				want = append(want, member)
			}
		}
		slices.Sort(want)
		var got []string
		for field := range reflect.TypeOf(value).NumField() {
			member, _, _ := strings.Cut(reflect.TypeOf(value).Field(field).Tag.Get("json"), ",")
			got = append(got, member)
		}
		slices.Sort(got)
		if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
			t.Errorf("%s (-contract +Go):\n%s", name, diff)
		}
	}
}

func TestInvalidContract(t *testing.T) {
	// A file that is not a valid contract is refused when it is loaded.
	t.Parallel()
	for name, text := range map[string]string{
		"not a document":   "openapi: [",
		"no version":       "info: {title: t, version: '1'}\npaths: {}\n",
		"dangling $ref":    "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/No'}}}}}\n",
		"undeclared param": "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {'/a/{id}': {get: {responses: {'200': {description: d}}}}}\n",
	} {
		path := filepath.Join(t.TempDir(), "openapi.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadFile(path); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}

// eachSchema visits every schema of the contract's components and response bodies once, nested ones included.
func eachSchema(c *Contract, visit func(where string, s *openapi3.Schema)) {
	seen := map[*openapi3.Schema]bool{}
	var walk func(where string, ref *openapi3.SchemaRef)
	walk = func(where string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		visit(where, s)
		walk(where+"[]", s.Items)
		walk(where+".*", s.AdditionalProperties.Schema)
		for name, member := range s.Properties {
			walk(where+"."+name, member)
		}
		for _, variant := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
			walk(where+"|", variant)
		}
	}
	for name, ref := range c.doc.Components.Schemas {
		walk(name, ref)
	}
	for name, ref := range c.doc.Components.Responses {
		walk("response "+name, ref.Value.Content.Get("application/json").Schema)
	}
}

func BenchmarkVerify(b *testing.B) {
	c := New(b)
	body := []byte(`{"data":[` + grant + `],"pagination":{"next":null,"prev":null}}`)
	for b.Loop() {
		err := c.Verify(Exchange{
			Request: httptest.NewRequest("GET", "/api/v1/credits/grants?customerId=acme", nil), Status: 200,
			Header: http.Header{"Content-Type": {"application/json"}}, ResponseBody: body,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
