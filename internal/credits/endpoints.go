package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/outbound"
)

// Limits of endpoints (reliability 5; the texts are headers).
const (
	endpointsMax      = 50 // per environment
	headerNameMax     = 64
	headerValueMin    = 8
	headerValueMax    = 512
	messageFiltersMax = 64
)

// WebhookEndpoint is an address of the product's that is told what happens.
type WebhookEndpoint struct {
	No          int64
	ID          string
	URL         string
	Description string
	Types       []MessageType // what it is told; empty means everything
	Dialect     Dialect
	// HeaderName, if not empty, is a header that carries HeaderValue, for consumers that check no signatures.
	HeaderName  string
	HeaderValue Sealed
	// Secret signs what is sent, and until PreviousUntil the one before signs it too.
	Secret         Sealed
	PreviousSecret Sealed
	PreviousUntil  ledger.Time
	CreatedAt      ledger.Time
	UpdatedAt      ledger.Time
	DisabledAt     ledger.Time // 0 while it is served
	DisabledReason string      // USER, GONE or FAILURES
	// Health is kept by the sender.
	Health EndpointHealth `json:"-"`
}

// EndpointHealth is how attempts have gone lately.
type EndpointHealth struct {
	FailingSince ledger.Time // of the first failure since the last success, or 0
	Failures     int64       // since the last success
	RestsUntil   ledger.Time // nothing is sent before, or 0
}

// Why an endpoint is disabled: by a person, by its answer 410, or because it has failed for days.
const (
	DisabledByUser     = "USER"
	DisabledGone       = "GONE"
	DisabledByFailures = "FAILURES"
)

// RowNumber orders endpoints by creation.
func (e *WebhookEndpoint) RowNumber() int64 { return e.No }

// Wants tells whether the endpoint is to be told messages of a type.
func (e *WebhookEndpoint) Wants(t MessageType) bool {
	return e.DisabledAt == 0 && (len(e.Types) == 0 || slices.Contains(e.Types, t))
}

// SecretHeader is the plain header of an endpoint; an empty name means none.
type SecretHeader struct {
	Name  string
	Value Secret
}

// NewWebhookEndpoint is the body of CreateWebhookEndpoint. An empty Dialect means DialectSeed.
type NewWebhookEndpoint struct {
	URL         string
	Description string
	Types       []string // names in any dialect; empty means everything
	Dialect     Dialect
	Header      SecretHeader
}

// WebhookEndpointUpdate changes the members that were sent.
type WebhookEndpointUpdate struct {
	URL         Patch[string]
	Description Patch[string]
	Types       Patch[[]string]
	Dialect     Patch[Dialect]
	Header      Patch[SecretHeader]
}

// CreateWebhookEndpoint adds an endpoint and returns it with its secret. It fails with SecretKeyMissing when the operator
// has given no key to keep secrets under, with RateLimitExceeded beyond 50 endpoints, or for an invalid member.
func (s *Service) CreateWebhookEndpoint(ctx context.Context, env string, actor ledger.Actor, in NewWebhookEndpoint) (*WebhookEndpoint, Secret, error) {
	now := s.clock(env)
	e := &WebhookEndpoint{ID: "whe_" + s.newID(), URL: in.URL, Description: in.Description, Dialect: in.Dialect, CreatedAt: now, UpdatedAt: now}
	if e.Dialect == "" {
		e.Dialect = DialectSeed
	}
	secret, err := s.newSigningSecret()
	if err != nil {
		return nil, Secret{}, err
	}
	if err := firstOf(
		func() error { return s.setTypes(e, in.Types) },
		func() error { return s.checkEndpoint(e) },
		func() error { return s.setHeader(env, e, in.Header) },
		func() (err error) { e.Secret, err = s.sealed(secret, secretPlace(env, e)); return err },
	); err != nil {
		return nil, Secret{}, err
	}
	err = s.store.Update(ctx, func(tx Tx) error {
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: endpointActions + "created", Object: e.ID}); err != nil {
			return err
		}
		return s.insertEndpoint(ctx, tx, env, e)
	})
	if err != nil {
		return nil, Secret{}, fmt.Errorf("create webhook endpoint: %w", err)
	}
	return e, secret, nil
}

// endpointActions begins what the audit trail calls a change of endpoints.
const endpointActions = "webhookEndpoint."

// insertEndpoint adds an endpoint within the limit. The audit row has locked the environment.
func (s *Service) insertEndpoint(ctx context.Context, tx Tx, env string, e *WebhookEndpoint) error {
	present, err := tx.WebhookEndpoints(ctx, env)
	if err != nil {
		return err
	}
	if len(present) >= endpointsMax {
		return Limited(fmt.Sprintf("an environment can have at most %d webhook endpoints", endpointsMax))
	}
	if e.No, err = tx.NextNo(ctx, env); err != nil {
		return err
	}
	return tx.InsertWebhookEndpoint(ctx, env, e)
}

// checkEndpoint judges what the caller chooses, the address by its form: what its name means is judged at each connection.
func (s *Service) checkEndpoint(e *WebhookEndpoint) error {
	var refused *outbound.RefusedError
	if err := s.outbound.CheckURL(e.URL); errors.As(err, &refused) {
		return Invalid("url", "is not allowed: "+refused.Reason)
	}
	return firstError(validText("description", e.Description, descriptionLengthMax), validDialect("dialect", e.Dialect))
}

func (s *Service) setTypes(e *WebhookEndpoint, names []string) (err error) {
	if len(names) > messageFiltersMax {
		return invalidf("types", "has %d entries; at most %d are allowed", len(names), messageFiltersMax)
	}
	e.Types, err = parseMessageTypes("types", names)
	return err
}

// setHeader keeps the plain header, its value sealed.
func (s *Service) setHeader(env string, e *WebhookEndpoint, h SecretHeader) (err error) {
	if h.Name == "" {
		e.HeaderName, e.HeaderValue = "", ""
		return nil
	}
	if err := firstError(checkHeaderName(h.Name), checkHeaderValue(h.Value.Reveal())); err != nil {
		return at("secretHeader", err)
	}
	e.HeaderName = h.Name
	e.HeaderValue, err = s.sealed(h.Value, headerPlace(env, e))
	return err
}

// ownHeaders are set by the sender or mean something to whatever stands between.
var ownHeaders = []string{"host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "user-agent",
	"accept", "accept-encoding", "cookie", "forwarded", "via", "date", "origin", "referer"}

func checkHeaderName(name string) error {
	lower := strings.ToLower(name)
	for i := range len(name) {
		if !alphanumeric(name[i]) && name[i] != '-' && name[i] != '_' {
			return Invalid("name", "must contain only letters, digits, - and _")
		}
	}
	for _, prefix := range []string{"content-", "webhook-", "proxy-", "sec-", "x-forwarded-"} {
		if strings.HasPrefix(lower, prefix) {
			return Invalid("name", "is a header with a meaning of its own; choose another one")
		}
	}
	switch {
	case len(name) > headerNameMax:
		return invalidf("name", "has %d characters; at most %d are allowed", len(name), headerNameMax)
	case slices.Contains(ownHeaders, lower):
		return Invalid("name", "is a header with a meaning of its own; choose another one")
	}
	return nil
}

func checkHeaderValue(value string) error {
	if len(value) < headerValueMin || len(value) > headerValueMax {
		return invalidf("value", "must have %d to %d characters", headerValueMin, headerValueMax)
	}
	for i := range len(value) {
		if value[i] <= ' ' && (value[i] != ' ' || i == 0 || i == len(value)-1) || value[i] >= 0x7f {
			return Invalid("value", "must be visible ASCII")
		}
	}
	return nil
}

// webhookEndpoint reads an endpoint, or says that there is none.
func webhookEndpoint(ctx context.Context, tx Tx, env, id string) (*WebhookEndpoint, error) {
	e, err := tx.WebhookEndpoint(ctx, env, id)
	if errors.Is(err, ErrMissing) {
		return nil, missing("WebhookEndpointNotFound", "webhook endpoint", clip(id))
	}
	return e, err
}

// WebhookEndpoint returns one endpoint.
func (s *Service) WebhookEndpoint(ctx context.Context, env, id string) (e *WebhookEndpoint, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		e, err = webhookEndpoint(ctx, tx, env, id)
		return err
	})
	return orNil(e, err)
}

// WebhookEndpoints lists the endpoints of an environment, the newest first.
func (s *Service) WebhookEndpoints(ctx context.Context, env string, page Page) (List[*WebhookEndpoint], error) {
	var all []*WebhookEndpoint
	err := s.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.WebhookEndpoints(ctx, env)
		return err
	})
	return pageOf(newestFirst(all), page), err
}

// UpdateWebhookEndpoint changes an endpoint. Attempts under way may still go to the address before.
func (s *Service) UpdateWebhookEndpoint(ctx context.Context, env string, actor ledger.Actor, id string, in WebhookEndpointUpdate) (*WebhookEndpoint, error) {
	return s.changeEndpoint(ctx, env, Audit{Actor: actor, Action: endpointActions + "updated", Object: id}, func(_ Tx, e *WebhookEndpoint) error {
		in.URL.apply(&e.URL)
		in.Description.apply(&e.Description)
		in.Dialect.apply(&e.Dialect)
		if in.Types.Sent {
			if err := s.setTypes(e, in.Types.To); err != nil {
				return err
			}
		}
		if err := s.checkEndpoint(e); err != nil || !in.Header.Sent {
			return err
		}
		return s.setHeader(env, e, in.Header.To)
	})
}

// DisableWebhookEndpoint stops telling an endpoint. What it is owed waits; what happens meanwhile it is not told, unless it
// is replayed later. Disabling it again changes nothing.
func (s *Service) DisableWebhookEndpoint(ctx context.Context, env string, actor ledger.Actor, id string) (*WebhookEndpoint, error) {
	return s.changeEndpoint(ctx, env, Audit{Actor: actor, Action: endpointActions + "disabled", Object: id}, func(_ Tx, e *WebhookEndpoint) error {
		if e.DisabledAt == 0 {
			e.DisabledAt, e.DisabledReason = s.clock(env), DisabledByUser
		}
		return nil
	})
}

// EnableWebhookEndpoint tells an endpoint again, from what it is owed on.
func (s *Service) EnableWebhookEndpoint(ctx context.Context, env string, actor ledger.Actor, id string) (*WebhookEndpoint, error) {
	e, err := s.changeEndpoint(ctx, env, Audit{Actor: actor, Action: endpointActions + "enabled", Object: id}, func(tx Tx, e *WebhookEndpoint) error {
		e.DisabledAt, e.DisabledReason, e.Health = 0, "", EndpointHealth{}
		return tx.SetEndpointHealth(ctx, env, e.ID, e.Health)
	})
	s.Told()
	return e, err
}

// changeEndpoint runs a change of one endpoint. Locks come in the order environment, messages, endpoint.
func (s *Service) changeEndpoint(ctx context.Context, env string, audit Audit, change func(Tx, *WebhookEndpoint) error) (*WebhookEndpoint, error) {
	var changed *WebhookEndpoint
	err := s.store.Update(ctx, func(tx Tx) error {
		if err := s.audit(ctx, tx, env, audit); err != nil {
			return err
		}
		e, err := tx.LockWebhookEndpoint(ctx, env, audit.Object)
		if errors.Is(err, ErrMissing) {
			return missing("WebhookEndpointNotFound", "webhook endpoint", clip(audit.Object))
		}
		if err != nil {
			return err
		}
		e.UpdatedAt, changed = s.clock(env), e
		if err := change(tx, e); err != nil {
			return err
		}
		return tx.UpdateWebhookEndpoint(ctx, env, e)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", audit.Action, err)
	}
	return changed, nil
}

// DeleteWebhookEndpoint removes an endpoint with all its deliveries, delivered or not.
func (s *Service) DeleteWebhookEndpoint(ctx context.Context, env string, actor ledger.Actor, id string) (*WebhookEndpoint, error) {
	var deleted *WebhookEndpoint
	err := s.store.Update(ctx, func(tx Tx) (err error) {
		if err := s.audit(ctx, tx, env, Audit{Actor: actor, Action: endpointActions + "deleted", Object: id}); err != nil {
			return err
		}
		if _, err := tx.LockMessages(ctx, env); err != nil { // nobody adds a delivery meanwhile
			return err
		}
		if deleted, err = webhookEndpoint(ctx, tx, env, id); err != nil {
			return err
		}
		return tx.DeleteWebhookEndpoint(ctx, env, id)
	})
	if err != nil {
		return nil, fmt.Errorf("delete webhook endpoint: %w", err)
	}
	return deleted, nil
}
