package credits_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
)

// tellNow lists messages after a number without waiting for one.
func tellNow(w *world, after int64) ([]*credits.Message, error) {
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	return w.MessagesAfter(ctx, env, after, 100)
}

func TestSecretsPrintAsStars(t *testing.T) {
	// No way of printing shows a secret.
	t.Parallel()
	secret := credits.NewSecret("hidden")
	type holder struct {
		S credits.Secret
		P *credits.Secret
	}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+verb+verb, secret, holder{secret, &secret}, []credits.Secret{secret})
	}
	text, err := json.Marshal(holder{secret, &secret})
	printed.Write(text)
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("m", "secret", secret, "holder", holder{secret, &secret})
	slog.New(slog.NewTextHandler(&printed, nil)).Info("m", "secret", secret, "holder", holder{secret, &secret})
	if err != nil || strings.Contains(printed.String(), "hidden") || strings.Contains(printed.String(), fmt.Sprintf("%x", "hidden")) {
		t.Errorf("printed %s (%v)", &printed, err)
	}
	if secret.Reveal() != "hidden" {
		t.Error("the secret is lost")
	}
}

func TestSecretKey(t *testing.T) {
	// Without a key no endpoint is made and the refusal says what to do; under another key, or moved to another endpoint, what
	// is stored cannot be opened.
	t.Parallel()
	w := setup(t)
	in := credits.NewWebhookEndpoint{URL: "https://hooks.example.com/"}
	_, _, err := w.CreateWebhookEndpoint(w.ctx, env, actor, in)
	wantError(t, err, "SecretKeyMissing", "")
	if _, err := credits.NewVault("short"); err == nil || strings.Contains(err.Error(), "short\"") {
		t.Errorf("a short key: %v", err)
	}
	under := func(key string) *credits.Service {
		o := w.options()
		o.Vault = must[*credits.Vault](t)(credits.NewVault(strings.Repeat(key, credits.SecretKeyMin)))
		return must[*credits.Service](t)(credits.New(w.ctx, o))
	}
	a, b := under("a"), under("b")
	one, secret, err := a.CreateWebhookEndpoint(w.ctx, env, actor, in)
	two, _, err2 := a.CreateWebhookEndpoint(w.ctx, env, actor, in)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	_, err = b.RevealWebhookSecrets(w.ctx, env, actor, one.ID)
	wantError(t, err, "SecretKeyMismatch", "")
	if seen, err := a.RevealWebhookSecrets(w.ctx, env, actor, one.ID); err != nil || seen.Current != secret {
		t.Errorf("seen under the right key: %v", err)
	}
	two.Secret = one.Secret
	if err := w.store.Update(w.ctx, func(tx credits.Tx) error { return tx.UpdateWebhookEndpoint(w.ctx, env, two) }); err != nil {
		t.Fatal(err)
	}
	if _, err = a.RevealWebhookSecrets(w.ctx, env, actor, two.ID); err == nil {
		t.Error("a secret was opened at another endpoint")
	}
}
