package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/scrip-dev/scrip/internal/billing"
	"github.com/scrip-dev/scrip/internal/billing/stripe"
	"github.com/scrip-dev/scrip/internal/credits"
)

// stripeCallMax bounds one request to Stripe.
const stripeCallMax = 25 * time.Second

// stripeAccounts reads the accounts at Stripe from the variables: those with the name of an environment behind them are for
// that one, as SCRIP_STRIPE_KEY_ENV_PROD, and those without for all others. An error never shows a secret.
func stripeAccounts(env func(string) (string, bool)) (map[string]stripe.Options, error) {
	accounts := map[string]stripe.Options{}
	for id, suffix := range map[string]string{"": "", credits.EnvironmentDevelopment: "_ENV_DEV", credits.EnvironmentProduction: "_ENV_PROD"} {
		key, _ := env("SCRIP_STRIPE_KEY" + suffix)
		secret, _ := env("SCRIP_STRIPE_WEBHOOK_SECRET" + suffix)
		page, _ := env("SCRIP_STRIPE_RETURN_URL" + suffix)
		switch {
		case key == "" && secret == "" && page == "":
			continue
		case key == "" || secret == "" || page == "":
			return nil, fmt.Errorf("SCRIP_STRIPE_KEY%[1]s, SCRIP_STRIPE_WEBHOOK_SECRET%[1]s and SCRIP_STRIPE_RETURN_URL%[1]s belong together: set all or none", suffix)
		}
		url, _ := env("SCRIP_STRIPE_URL" + suffix)
		accounts[id] = stripe.Options{Key: key, Secret: secret, ReturnURL: page, URL: url, Client: &http.Client{Timeout: stripeCallMax}}
	}
	return accounts, nil
}

// newCollector makes what collects money: at Stripe where there is an account, else as a person says.
func newCollector(service *credits.Service, d deps) *billing.Collector {
	accounts := map[string][]billing.Provider{}
	for id, o := range d.Stripe {
		accounts[id] = []billing.Provider{stripe.New(o)}
	}
	return billing.New(billing.Options{
		Books: service, Now: d.Now, Log: d.Log,
		Providers: func(env string) []billing.Provider {
			if own, ok := accounts[env]; ok {
				return own
			}
			return accounts[""]
		},
	})
}
