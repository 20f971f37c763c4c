package api

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// toMine puts the id of the world's endpoint into the path of a form.
func (w *badWorld) toMine(r request) request {
	r.path = strings.Replace(r.path, "whe_id", w.endpointID, 1)
	return r
}

// badWebhooks are bad inputs about webhooks.
func (w *badWorld) badWebhooks() []badInput {
	rows := []badInput{
		{"webhook/no url", with("endpoint", "url", ""), invalid + "url"},
		{"webhook/empty url", with("endpoint", "url", `""`), invalid + "url"},
		{"webhook/long url", with("endpoint", "url", quoted("https://a.example/", 2049)), invalid + "url"},
		{"webhook/unknown member", with("endpoint", "secret", `"mine"`), invalid + "secret"},
		{"webhook/id of ours", with("endpoint", "id", `"mine"`), invalid + "id"},
		{"webhook/unknown type", with("endpoint", "types", `["credits.granted","credits.lost"]`), invalid + "types[1]"},
		{"webhook/too many types", with("endpoint", "types", "["+strings.Repeat(`"credits.granted",`, 64)+`"credits.granted"]`), invalid + "types"},
		{"webhook/unknown dialect", with("endpoint", "dialect", `"FRENCH"`), invalid + "dialect"},
		{"webhook/long description", with("endpoint", "description", quoted("d", 256)), invalid + "description"},
		{"webhook/header without value", with("header", "value", ""), invalid + "secretHeader.value"},
		{"webhook/short header", with("header", "value", `"short"`), invalid + "secretHeader.value"},
		{"webhook/header of two lines", with("header", "value", `"0123456789\r\nX-Other: 1"`), invalid + "secretHeader.value"},
		{"webhook/header name of two lines", with("header", "name", `"X-Hook\nX"`), invalid + "secretHeader.name"},
		{"webhook/header of the signature", with("header", "name", `"Webhook-Signature"`), invalid + "secretHeader.name"},
		{"webhook/header of the host", with("header", "name", `"host"`), invalid + "secretHeader.name"},
		{"webhook/header of the body", with("header", "name", `"Content-Length"`), invalid + "secretHeader.name"},
		{"webhook/trigger of nothing", with("trigger", "type", ""), invalid + "type"},
		{"webhook/trigger of an unknown type", with("trigger", "type", `"credits.lost"`), invalid + "type"},
		{"webhook/overlap below zero", w.toMine(with("rotation", "overlapSeconds", "-1")), invalid + "overlapSeconds"},
		{"webhook/overlap of months", w.toMine(with("rotation", "overlapSeconds", "9999999")), invalid + "overlapSeconds"},
		{"webhook/overlap beyond numbers", w.toMine(with("rotation", "overlapSeconds", "9223372036854775807")), invalid + "overlapSeconds"},
		{"webhook/replay of no time", w.toMine(with("replay", "endDate", `"2026-03-01T00:00:00Z"`)), invalid + "endDate"},
		{"webhook/replay without a start", w.toMine(with("replay", "startDate", "")), invalid + "startDate"},
		{"webhook/delivery of nothing", get("/api/v1/webhook-endpoints/" + w.endpointID + "/deliveries/msg_x"), "404 DeliveryNotFound"},
		{"webhook/unknown status", get("/api/v1/webhook-endpoints/" + w.endpointID + "/deliveries?status=LOST"), invalid + "status"},
		{"webhook/deliveries of an unknown type", get("/api/v1/webhook-endpoints/" + w.endpointID + "/deliveries?type=lost"), invalid + "type"},
		{"webhook/unknown start", get("/api/v1/webhook-messages?start=MIDDLE"), invalid + "start"},
		{"webhook/long wait", get("/api/v1/webhook-messages?waitSeconds=11"), invalid + "waitSeconds"},
		{"webhook/cursor of another list", get("/api/v1/webhook-messages?after=x"), invalid + "after"},
		{"webhook/unknown endpoint", get("/api/v1/webhook-endpoints/whe_x"), "404 WebhookEndpointNotFound"},
	}
	for _, url := range []string{"http://hooks.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://a:b@hooks.example.com/", "https://hooks.example.com:22/",
		"ftp://hooks.example.com/", "https://localhost/", "https://0x7f.1/", "//hooks.example.com/", "hooks.example.com"} {
		rows = append(rows, badInput{"webhook/url " + url, with("endpoint", "url", `"`+url+`"`), invalid + "url"},
			badInput{"webhook/url changed to " + url, request{"PATCH", "/api/v1/webhook-endpoints/" + w.endpointID, `{"url":"` + url + `"}`, nil}, invalid + "url"})
	}
	return rows
}

func TestWebhookEndpoints(t *testing.T) {
	// An endpoint is made with a secret, read, changed, disabled, enabled and deleted; what it is told follows its filter.
	t.Parallel()
	a := newTestAPI(t)
	made := a.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a","description":"ours","types":["credit_grant.created","credits.granted"],
		"dialect":"REFERENCE","secretHeader":{"name":"X-Hook","value":"0123456789"}}`)
	id, path := made.text("data.endpoint.id"), "/api/v1/webhook-endpoints/"+made.text("data.endpoint.id")
	made.want("data.endpoint.types", `["credits.granted"]`, "data.endpoint.dialect", `"REFERENCE"`, "data.endpoint.secretHeaderName", `"X-Hook"`,
		"data.endpoint.disabledAt", "null")
	if secret := made.text("data.secret"); !strings.HasPrefix(secret, "whsec_") || strings.Contains(string(a.ok("GET", path, "").body), secret) {
		t.Errorf("made with the secret %q, read as %s", secret, a.ok("GET", path, "").body)
	}
	a.ok("PATCH", path, `{"description":null,"types":[],"dialect":"SEED","secretHeader":null}`).
		want("data.description", "null", "data.types", "[]", "data.dialect", `"SEED"`, "data.secretHeaderName", "null", "data.url", `"https://hooks.example.com/a"`)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"credits","displayName":"Credits"}`)
	a.ok("POST", path+"/disable", "").want("data.disabledReason", `"USER"`)
	a.ok("PATCH", "/api/v1/credits/custom-currencies/credits", `{"displayName":"Coins"}`)
	a.refused(409, "WebhookEndpointDisabled", "", "POST", path+"/test", `{"type":"credits.granted"}`)
	a.ok("POST", path+"/enable", "").want("data.disabledAt", "null")
	a.ok("POST", "/api/v1/credits/custom-currencies/credits/archive", "")
	a.ok("PATCH", path, `{"types":["credit_type.created"]}`)
	a.ok("POST", "/api/v1/credits/custom-currencies/credits/unarchive", "")
	owed := a.ok("GET", path+"/deliveries", "")
	owed.want("data.0.type", `"credit_type.archived"`, "data.0.status", `"PENDING"`, "data.1.type", `"credit_type.created"`, "data.2", "")
	a.ok("GET", path+"/deliveries?type=credit_type.created&status=PENDING", "").want("data.0.type", `"credit_type.created"`, "data.1", "")
	a.ok("GET", path+"/deliveries/"+owed.text("data.0.messageId"), "").
		want("data.message.type", `"credit_type.archived"`, "data.message.sequence", "3", "data.message.data.creditType.displayName", `"Coins"`, "data.attempts", "[]")
	a.ok("DELETE", path, "").want("data.id", `"`+id+`"`)
	a.refused(404, "WebhookEndpointNotFound", "", "GET", path, "")
	a.ok("GET", "/api/v1/webhook-endpoints", "").want("data", "[]")
}

func TestWebhookSecrets(t *testing.T) {
	// During a rotation two secrets are valid, then one; whoever sees them stands in the audit trail; a reader cannot.
	t.Parallel()
	a := newTestAPI(t)
	made := a.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a","secretHeader":{"name":"X-Hook","value":"0123456789"}}`)
	path, first := "/api/v1/webhook-endpoints/"+made.text("data.endpoint.id"), made.at("data.secret")
	a.ok("GET", path+"/secret", "").want("data.secret", first, "data.previousSecret", "null", "data.secretHeader.value", `"0123456789"`)
	second := a.ok("POST", path+"/rotate-secret", "").at("data.secret")
	a.ok("GET", path+"/secret", "").want("data.secret", second, "data.previousSecret", first, "data.previousSecretExpiresAt", `"2026-03-02T12:00:00.000Z"`)
	a.clock.advance(24 * time.Hour)
	a.ok("GET", path+"/secret", "").want("data.secret", second, "data.previousSecret", "null")
	third := a.ok("POST", path+"/rotate-secret", `{"overlapSeconds":0}`).at("data.secret")
	a.ok("GET", path+"/secret", "").want("data.secret", third, "data.previousSecret", "null", "data.previousSecretExpiresAt", "null")
	if first == second || second == third {
		t.Error("a rotation changed nothing")
	}
	reader := a.ok("POST", "/api/v1/api-keys", `{"name":"r","scopes":["webhooks:read"]}`).text("data.secret")
	a.refused(403, "AccessDeniedError", "", "GET", path+"/secret", "", "X-Api-Key", reader)
	var seen int
	row := a.store.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM audit WHERE action = 'webhookEndpoint.secretViewed' AND actor_id <> '' AND request_id <> ''`)
	if err := row.Scan(&seen); err != nil || seen != 4 {
		t.Errorf("%d views in the audit trail (%v), want 4", seen, err)
	}
	var document string
	if err := a.store.Reader().QueryRowContext(t.Context(), `SELECT document FROM webhook_endpoints`).Scan(&document); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{strings.Trim(third, `"`), "0123456789"} {
		if strings.Contains(document, secret) {
			t.Errorf("the secret %s is stored as it is: %s", secret, document)
		}
	}
}

func TestWebhookReplay(t *testing.T) {
	// A replay owes an endpoint what happened in a time range, also before it existed, but no tests; one can be replayed alone.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"early","displayName":"E"}`)
	a.clock.advance(time.Hour)
	path := "/api/v1/webhook-endpoints/" + a.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a"}`).text("data.endpoint.id")
	a.ok("POST", "/api/v1/credits/custom-currencies", `{"id":"late","displayName":"L"}`)
	a.ok("POST", path+"/test", `{"type":"credit.grant.created"}`).want("data.type", `"credits.granted"`, "data.test", "true")
	a.ok("POST", path+"/replay", `{"startDate":"2026-03-01T12:00:00Z","endDate":"2026-03-01T13:00:00Z"}`).want("data.count", "1")
	a.ok("POST", path+"/replay", `{"startDate":"2026-03-01T12:00:00Z","endDate":"2026-03-01T13:00:01Z"}`).want("data.count", "2")
	a.ok("POST", path+"/replay", `{"startDate":"2026-03-01T12:00:00Z","endDate":"2026-03-01T13:00:01Z","parkedOnly":true}`).want("data.count", "0")
	list := a.ok("GET", path+"/deliveries?limit=2", "")
	a.ok("GET", path+"/deliveries?after="+list.text("pagination.next"), "").want("data.0.type", `"credit_type.created"`, "data.1", "")
	a.ok("POST", path+"/deliveries/"+list.text("data.0.messageId")+"/replay", "").want("data.status", `"PENDING"`)
}

func TestWebhookMessages(t *testing.T) {
	// Who follows the messages sees each once and in order, from the beginning or from now on, and is woken by a new one.
	t.Parallel()
	a := newTestAPI(t)
	const path = "/api/v1/webhook-messages"
	a.ok("GET", path, "").want("data", "[]")
	for i := range 3 {
		a.ok("POST", "/api/v1/credits/custom-currencies", fmt.Sprintf(`{"id":"c%d","displayName":"C"}`, i))
	}
	page := a.ok("GET", path+"?limit=2", "")
	page.want("data.0.data.creditType.id", `"c0"`, "data.1.data.creditType.id", `"c1"`, "data.2", "", "data.0.environmentId", `"env_dev"`)
	page = a.ok("GET", path+"?limit=2&after="+page.text("next"), "")
	page.want("data.0.data.creditType.id", `"c2"`, "data.1", "")
	end := a.ok("GET", path+"?start=END", "")
	end.want("data", "[]", "next", `"`+page.text("next")+`"`)
	woken := make(chan answer)
	go func() { woken <- a.send("GET", path+"?waitSeconds=10&after="+end.text("next"), "") }()
	a.ok("POST", path+"/test", `{"type":"credit_balance.low"}`)
	got := <-woken
	got.want("data.0.type", `"credits.balance.usage_low"`, "data.0.test", "true", "data.1", "")
	named := a.ok("GET", path+"?dialect=SKILLS", "")
	named.want("data.3.type", `"credit.balance.low"`)
	a.ok("GET", path, "", "X-Api-Key", a.foreign).want("data", "[]")
}

func TestWebhookLimit(t *testing.T) {
	// An environment has at most 50 endpoints; another one has its own.
	t.Parallel()
	a := newTestAPI(t)
	for range 50 {
		a.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a"}`)
	}
	a.refused(429, "RateLimitExceeded", "", "POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a"}`)
	a.ok("POST", "/api/v1/webhook-endpoints", `{"url":"https://hooks.example.com/a"}`, "X-Api-Key", a.foreign)
	if got := len(a.walk("/api/v1/webhook-endpoints")); got != 50 {
		t.Errorf("listed %d endpoints", got)
	}
}
