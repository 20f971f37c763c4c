package api

import (
	"strings"
	"testing"
)

func TestAPIKeys(t *testing.T) {
	// A key's text is shown once, opens its environment until it is revoked, and is never listed.
	t.Parallel()
	a := newTestAPI(t)
	made := a.ok("POST", "/api/v1/api-keys", `{"name":"ci"}`, "Idempotency-Key", "again")
	secret, id := made.text("data.secret"), made.text("data.id")
	if !strings.HasPrefix(secret, made.text("data.prefix")) || made.text("data.environmentId") != "env_dev" {
		t.Errorf("made %s", made.body)
	}
	again := a.ok("POST", "/api/v1/api-keys", `{"name":"ci"}`, "Idempotency-Key", "again")
	if again.text("data.secret") == secret {
		t.Error("a secret was kept for a repeat")
	}
	a.ok("GET", "/api/v1/features", "", "X-Api-Key", secret)
	list := a.ok("GET", "/api/v1/api-keys", "")
	if strings.Contains(string(list.body), secret) || !strings.Contains(string(list.body), id) {
		t.Errorf("listed %s", list.body)
	}
	a.refused(404, "ApiKeyNotFound", "", "POST", "/api/v1/api-keys/"+id+"/revoke", "", "X-Api-Key", a.foreign)
	revoked := a.ok("POST", "/api/v1/api-keys/"+id+"/revoke", "").text("data.revokedAt")
	a.ok("POST", "/api/v1/api-keys/"+id+"/revoke", "").want("data.revokedAt", `"`+revoked+`"`)
	a.refused(401, "Unauthenticated", "", "GET", "/api/v1/features", "", "X-Api-Key", secret)
	a.refused(400, "InvalidArgumentError", "name", "POST", "/api/v1/api-keys", `{}`)
	a.refused(400, "InvalidArgumentError", "scopes", "POST", "/api/v1/api-keys", `{"name":"a","scopes":[]}`)
}

func TestEnvironments(t *testing.T) {
	// Environments are named, and the one of the key is marked.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("GET", "/api/v1/environments", "").want("data.0.id", `"env_dev"`, "data.0.isCurrent", "true", "data.1.isCurrent", "false", "data.2", "")
	a.ok("GET", "/api/v1/environments", "", "X-Api-Key", a.foreign).want("data.0.isCurrent", "false", "data.1.isCurrent", "true")
}
