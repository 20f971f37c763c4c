package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

func (s *server) listWebhookEndpoints(c *call) (any, error) {
	q := c.query()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.WebhookEndpoints(c.ctx, c.env, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, endpointOut)
	return wire.WebhookEndpointPage{Data: data, Pagination: pagination}, nil
}

// createWebhookEndpoint answers with the secret.
func (s *server) createWebhookEndpoint(c *call) (any, error) {
	var in wire.WebhookEndpointCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return endpointSecret(s.credits.CreateWebhookEndpoint(c.ctx, c.env, c.actor(), credits.NewWebhookEndpoint{
		URL: in.URL, Description: value(in.Description), Types: in.Types, Dialect: enumIn[credits.Dialect](in.Dialect),
		Header: secretHeaderIn(in.SecretHeader),
	}))
}

func (s *server) getWebhookEndpoint(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return endpointData(s.credits.WebhookEndpoint(c.ctx, c.env, c.path("id")))
}

func (s *server) updateWebhookEndpoint(c *call) (any, error) {
	var in wire.WebhookEndpointUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.WebhookEndpointUpdate{
		URL: patch(in.URL), Description: patchOf(in.Description), Types: patchList(in.Types, text[string, string]),
		Header: patchVia(in.SecretHeader, secretHeaderIn),
	}
	if in.Dialect != nil {
		update.Dialect = credits.Set(credits.Dialect(*in.Dialect))
	}
	return endpointData(s.credits.UpdateWebhookEndpoint(c.ctx, c.env, c.actor(), c.path("id"), update))
}

func (s *server) deleteWebhookEndpoint(c *call) (any, error) {
	return endpointData(s.credits.DeleteWebhookEndpoint(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) disableWebhookEndpoint(c *call) (any, error) {
	return endpointData(s.credits.DisableWebhookEndpoint(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) enableWebhookEndpoint(c *call) (any, error) {
	return endpointData(s.credits.EnableWebhookEndpoint(c.ctx, c.env, c.actor(), c.path("id")))
}

// getWebhookSecrets is a read that writes: into the audit trail, that the secrets were seen.
func (s *server) getWebhookSecrets(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	v, err := s.credits.RevealWebhookSecrets(c.ctx, c.env, c.actor(), c.path("id"))
	if err != nil {
		return nil, err
	}
	out := wire.WebhookSecrets{Secret: v.Current.Reveal(), PreviousSecret: orNull(v.Previous.Reveal()), PreviousSecretExpiresAt: timeOrNull(v.PreviousUntil)}
	if v.Header.Name != "" {
		out.SecretHeader = &wire.WebhookSecretHeader{Name: v.Header.Name, Value: v.Header.Value.Reveal()}
	}
	return wire.WebhookSecretsData{Data: out}, nil
}

func (s *server) rotateWebhookSecret(c *call) (any, error) {
	var in wire.WebhookSecretRotation
	if c.hasBody() {
		if err := c.decode(&in); err != nil {
			return nil, err
		}
	}
	overlap := credits.RotationDefault
	if in.OverlapSeconds != nil {
		if *in.OverlapSeconds < 0 || *in.OverlapSeconds > int(credits.RotationMax/microsecondsPerSecond) {
			return nil, credits.Invalid("overlapSeconds", "must be 0 to 604800")
		}
		overlap = ledger.Time(*in.OverlapSeconds) * microsecondsPerSecond
	}
	return endpointSecret(s.credits.RotateWebhookSecret(c.ctx, c.env, c.actor(), c.path("id"), overlap))
}

const microsecondsPerSecond = 1_000_000

// endpointData answers with an endpoint.
func endpointData(e *credits.WebhookEndpoint, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.WebhookEndpointData{Data: endpointOut(e)}, nil
}

// endpointSecret answers with an endpoint and its new secret.
func endpointSecret(e *credits.WebhookEndpoint, secret credits.Secret, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.WebhookEndpointSecretData{Data: wire.WebhookEndpointSecret{Endpoint: endpointOut(e), Secret: secret.Reveal()}}, nil
}

func endpointOut(e *credits.WebhookEndpoint) wire.WebhookEndpoint {
	out := wire.WebhookEndpoint{
		ID: e.ID, URL: e.URL, Description: orNull(e.Description), Dialect: wire.WebhookDialect(e.Dialect), SecretHeaderName: orNull(e.HeaderName),
		FailingSince: timeOrNull(e.Health.FailingSince), DisabledAt: timeOrNull(e.DisabledAt),
		DisabledReason: enumOrNull[wire.WebhookDisabledReason](e.DisabledReason), CreatedAt: timeOut(e.CreatedAt), UpdatedAt: timeOut(e.UpdatedAt),
		PreviousSecretExpiresAt: timeOrNull(e.PreviousUntil),
	}
	out.Types = listOut(e.Types, func(t credits.MessageType) string { return string(t) })
	return out
}

// secretHeaderIn is the empty header for an absent one.
func secretHeaderIn(h *wire.WebhookSecretHeader) credits.SecretHeader {
	if h == nil {
		return credits.SecretHeader{}
	}
	return credits.SecretHeader{Name: h.Name, Value: credits.NewSecret(h.Value)}
}
