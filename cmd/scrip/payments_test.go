package main

import (
	"strings"
	"testing"
)

func TestStripeAccounts(t *testing.T) {
	// An account at Stripe is named wholly or not at all, for one environment or for all, and no error shows a secret.
	t.Parallel()
	for name, test := range map[string]struct {
		set  string
		want string // environments with an account, or what the error names
	}{
		"none":            {"", ""},
		"all":             {"SCRIP_STRIPE_KEY=sk SCRIP_STRIPE_WEBHOOK_SECRET=wh SCRIP_STRIPE_RETURN_URL=https://x", "all"},
		"one environment": {"SCRIP_STRIPE_KEY_ENV_PROD=sk SCRIP_STRIPE_WEBHOOK_SECRET_ENV_PROD=wh SCRIP_STRIPE_RETURN_URL_ENV_PROD=https://x", "env_prod"},
		"no secret":       {"SCRIP_STRIPE_KEY=sk_secret SCRIP_STRIPE_RETURN_URL=https://x", "SCRIP_STRIPE_WEBHOOK_SECRET"},
		"no key":          {"SCRIP_STRIPE_WEBHOOK_SECRET_ENV_DEV=wh_secret", "SCRIP_STRIPE_KEY_ENV_DEV"},
	} {
		variables := map[string]string{}
		for pair := range strings.FieldsSeq(test.set) {
			key, value, _ := strings.Cut(pair, "=")
			variables[key] = value
		}
		accounts, err := stripeAccounts(func(key string) (string, bool) { v, ok := variables[key]; return v, ok })
		var got string
		for id := range accounts {
			if got = id; id == "" {
				got = "all"
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != test.want && (err == nil || !strings.Contains(got, test.want) || strings.Contains(got, "_secret")) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
