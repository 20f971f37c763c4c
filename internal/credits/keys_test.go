package credits_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func TestCreateKey(t *testing.T) {
	// A key's text shows its kind and a checksum, finds the key, and is not stored.
	t.Parallel()
	w := setup(t)
	for kind, pattern := range map[credits.KeyKind]string{
		credits.ServerKey:      `^server-[0-9a-z]{16}-[0-9a-z]{49}$`,
		credits.PublishableKey: `^client-[0-9a-z]{16}-[0-9a-z]{49}$`,
	} {
		key, text, err := w.CreateKey(w.ctx, credits.EnvironmentProduction, actor, credits.NewKey{Kind: kind, Name: "n"})
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(pattern).MatchString(text) || !strings.Contains(text, key.ID) || !credits.WellFormedKey(text) {
			t.Errorf("%s key has the text %q", kind, text)
		}
		if credits.WellFormedKey(text[:len(text)-1]+"0") && credits.WellFormedKey(text[:len(text)-1]+"1") {
			t.Error("the checksum does not see a mistyped character")
		}
		found := must[*credits.Key](t)(w.Authenticate(w.ctx, text))
		if found.ID != key.ID || found.Environment != credits.EnvironmentProduction || found.Kind != kind {
			t.Errorf("found %+v", found)
		}
		var n int
		secret := text[len(text)-49:]
		row := w.store.Reader().QueryRowContext(w.ctx, `SELECT COUNT(*) FROM api_keys WHERE id = $1 AND (hash LIKE $2 OR name LIKE $2 OR scopes LIKE $2)`, key.ID, "%"+secret+"%")
		if err := row.Scan(&n); err != nil || n != 0 {
			t.Errorf("the secret is stored (%v)", err)
		}
	}
}

func TestCreateKey_refusals(t *testing.T) {
	// Each broken rule is refused with its field.
	t.Parallel()
	w := setup(t)
	for field, in := range map[string]credits.NewKey{
		"kind":      {Kind: "ROOT"},
		"scopes":    {Kind: credits.PublishableKey, Scopes: []string{"a"}},
		"scopes[0]": {Kind: credits.ServerKey, Scopes: []string{""}},
		"expiresAt": {Kind: credits.ServerKey, ExpiresAt: start},
	} {
		_, _, err := w.CreateKey(w.ctx, env, actor, in)
		wantError(t, err, credits.CodeInvalid, field)
	}
	_, _, err := w.CreateKey(w.ctx, "env_none", actor, credits.NewKey{Kind: credits.ServerKey})
	wantError(t, err, "EnvironmentNotFound", "")
}

func TestAuthenticate_refusals(t *testing.T) {
	// Unknown, revoked and expired keys get the same answer.
	t.Parallel()
	w := setup(t)
	revoked, revokedText, err := w.CreateKey(w.ctx, env, actor, credits.NewKey{Kind: credits.ServerKey})
	if err != nil {
		t.Fatal(err)
	}
	_, expiredText, err := w.CreateKey(w.ctx, env, actor, credits.NewKey{Kind: credits.ServerKey, ExpiresAt: start + second})
	if err != nil {
		t.Fatal(err)
	}
	must[*credits.Key](t)(w.Authenticate(w.ctx, revokedText))
	must[*credits.Key](t)(w.Authenticate(w.ctx, expiredText))
	_, err = w.RevokeKey(w.ctx, credits.EnvironmentProduction, actor, revoked.ID)
	wantError(t, err, "ApiKeyNotFound", "")
	for range 2 {
		must[*credits.Key](t)(w.RevokeKey(w.ctx, env, actor, revoked.ID))
	}
	w.tick(second)
	for _, text := range []string{"", "server-none", strings.Repeat("x", 600), revokedText, expiredText} {
		_, err := w.Authenticate(w.ctx, text)
		wantError(t, err, "Unauthenticated", "")
	}
}

func TestBootstrap_operator_key(t *testing.T) {
	// The operator's text becomes the full-access key of the first environment; a weak one is refused.
	t.Parallel()
	w := setup(t)
	_, err := w.Bootstrap(w.ctx, "short")
	wantError(t, err, credits.CodeInvalid, "SCRIP_API_KEY")
	text := "any text the operator likes, 32 or more"
	for range 2 {
		must[*credits.Key](t)(w.InstallKey(w.ctx, env, text))
	}
	key := must[*credits.Key](t)(w.Authenticate(w.ctx, text))
	if key.Environment != credits.EnvironmentDevelopment || !key.Allows("anything") || key.Actor().Kind != ledger.ActorAPI {
		t.Errorf("key is %+v", key)
	}
	if n := len(must[[]*credits.Key](t)(w.Keys(w.ctx, env))); n != 2 {
		t.Errorf("%d keys, want the first and the operator's", n)
	}
}

func TestKey_Allows(t *testing.T) {
	// A scoped key opens its scopes only; a publishable key opens nothing.
	t.Parallel()
	scoped := &credits.Key{Kind: credits.ServerKey, Scopes: []string{"events"}}
	publishable := &credits.Key{Kind: credits.PublishableKey}
	if !scoped.Allows("events") || scoped.Allows("grants") || publishable.Allows("events") {
		t.Error("a key opens more or less than it should")
	}
}
