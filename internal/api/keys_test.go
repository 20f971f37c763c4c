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
	a.refused(400, "InvalidArgumentError", "scopes[0]", "POST", "/api/v1/api-keys", `{"name":"a","scopes":["everything"]}`)
}

func TestScopedKeyGivesAwayItsOwnScopesOnly(t *testing.T) {
	// A key with scopes can make keys with some of these, never one that may do more.
	t.Parallel()
	a := newTestAPI(t)
	scoped := a.ok("POST", "/api/v1/api-keys", `{"name":"admin","scopes":["installation:write","credits:read"]}`).text("data.secret")
	a.ok("POST", "/api/v1/api-keys", `{"name":"reader","scopes":["credits:read"]}`, "X-Api-Key", scoped).want("data.scopes.0", `"credits:read"`)
	a.refused(403, "AccessDeniedError", "", "POST", "/api/v1/api-keys", `{"name":"more","scopes":["credits:write"]}`, "X-Api-Key", scoped)
	a.refused(403, "AccessDeniedError", "", "POST", "/api/v1/api-keys", `{"name":"all"}`, "X-Api-Key", scoped)
	publishable := a.ok("POST", "/api/v1/api-keys", `{"name":"page","type":"PUBLISHABLE"}`).text("data.secret")
	a.refused(403, "IdentityForbidden", "", "GET", "/api/v1/features", "", "X-Api-Key", publishable)
}

func TestEnvironments(t *testing.T) {
	// Environments are named, and the one of the key is marked.
	t.Parallel()
	a := newTestAPI(t)
	a.ok("GET", "/api/v1/environments", "").want("data.0.id", `"env_dev"`, "data.0.isCurrent", "true", "data.1.isCurrent", "false", "data.2", "")
	a.ok("GET", "/api/v1/environments", "", "X-Api-Key", a.foreign).want("data.0.isCurrent", "false", "data.1.isCurrent", "true")
}
