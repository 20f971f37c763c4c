package credits

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Secrets of endpoints. 32 bytes are what the Standard Webhooks specification recommends at most times; two are valid during a
// rotation, so that a receiver can change over at leisure.
const (
	signingSecretBytes  = 32
	signingSecretPrefix = "whsec_"
	second              = ledger.Time(1e6)
	// RotationDefault is how long the secret before stays valid when nothing is said.
	RotationDefault = 24 * 3600 * second
	// RotationMax is the longest that can be asked for.
	RotationMax = 7 * 24 * 3600 * second
)

func (s *Service) newSigningSecret() (Secret, error) {
	raw := make([]byte, signingSecretBytes)
	if _, err := io.ReadFull(s.random, raw); err != nil {
		return Secret{}, fmt.Errorf("read randomness: %w", err)
	}
	return NewSecret(signingSecretPrefix + base64.StdEncoding.EncodeToString(raw)), nil
}

// secretPlace and headerPlace are what secrets are sealed for.
func secretPlace(env string, e *WebhookEndpoint) string {
	return "webhook secret " + env + " " + e.ID
}
func headerPlace(env string, e *WebhookEndpoint) string {
	return "webhook header " + env + " " + e.ID
}

// EndpointSecrets are the secrets of an endpoint.
type EndpointSecrets struct {
	Current       Secret
	Previous      Secret // valid too until PreviousUntil; empty when there is none
	PreviousUntil ledger.Time
	Header        SecretHeader
}

// RotateWebhookSecret gives an endpoint a new secret, which it returns. The present one stays valid beside it for overlap,
// 0 to RotationMax; one from a rotation before that does not.
func (s *Service) RotateWebhookSecret(ctx context.Context, env string, actor ledger.Actor, id string, overlap ledger.Time) (*WebhookEndpoint, Secret, error) {
	if overlap < 0 || overlap > RotationMax {
		return nil, Secret{}, invalidf("overlapSeconds", "must be 0 to %d", RotationMax/second)
	}
	secret, err := s.newSigningSecret()
	if err != nil {
		return nil, Secret{}, err
	}
	audit := Audit{Actor: actor, Action: endpointActions + "secretRotated", Object: id}
	e, err := s.changeEndpoint(ctx, env, audit, func(_ Tx, e *WebhookEndpoint) (err error) {
		e.PreviousSecret, e.PreviousUntil = "", 0
		if overlap > 0 {
			e.PreviousSecret, e.PreviousUntil = e.Secret, s.clock(env)+overlap
		}
		e.Secret, err = s.sealed(secret, secretPlace(env, e))
		return err
	})
	return e, secret, err
}

// RevealWebhookSecrets shows the secrets of an endpoint, which writes an audit row (reliability S19).
func (s *Service) RevealWebhookSecrets(ctx context.Context, env string, actor ledger.Actor, id string) (*EndpointSecrets, error) {
	var secrets *EndpointSecrets
	err := s.store.Update(ctx, func(tx Tx) error {
		e, err := webhookEndpoint(ctx, tx, env, id)
		if err != nil {
			return err
		}
		if secrets, err = s.secretsOf(env, e); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: endpointActions + "secretViewed", Object: id})
	})
	if err != nil {
		return nil, fmt.Errorf("reveal webhook secrets: %w", err)
	}
	return secrets, nil
}

// secretsOf opens the secrets that are valid now.
func (s *Service) secretsOf(env string, e *WebhookEndpoint) (*EndpointSecrets, error) {
	var v EndpointSecrets
	var err error
	if v.Current, err = s.opened(e.Secret, secretPlace(env, e)); err != nil {
		return nil, err
	}
	if e.PreviousSecret != "" && e.PreviousUntil > s.clock(env) {
		v.PreviousUntil = e.PreviousUntil
		if v.Previous, err = s.opened(e.PreviousSecret, secretPlace(env, e)); err != nil {
			return nil, err
		}
	}
	if e.HeaderName != "" {
		v.Header.Name = e.HeaderName
		v.Header.Value, err = s.opened(e.HeaderValue, headerPlace(env, e))
	}
	return &v, err
}
