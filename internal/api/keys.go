package api

import (
	"strings"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listAPIKeys(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	keys, err := s.credits.Keys(c.ctx, c.env)
	if err != nil {
		return nil, err
	}
	return wire.APIKeyList{Data: listOut(keys, keyOut)}, nil
}

// createAPIKey answers with the key's text, this once.
func (s *server) createAPIKey(c *call) (any, error) {
	var in wire.APIKeyCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	key, text, err := s.credits.CreateKey(c.ctx, c.env, c.actor(), credits.NewKey{Kind: credits.ServerKey, Name: in.Name})
	if err != nil {
		return nil, err
	}
	k := keyOut(key)
	return wire.APIKeySecretData{Data: wire.APIKeySecret{
		ID: k.ID, Name: k.Name, EnvironmentID: k.EnvironmentID, Prefix: k.Prefix, CreatedAt: k.CreatedAt,
		LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt, Secret: text,
	}}, nil
}

func (s *server) revokeAPIKey(c *call) (any, error) {
	key, err := s.credits.RevokeKey(c.ctx, c.env, c.actor(), c.path("id"))
	if err != nil {
		return nil, err
	}
	return wire.APIKeyData{Data: keyOut(key)}, nil
}

func keyOut(k *credits.Key) wire.APIKey {
	return wire.APIKey{
		ID: k.ID, Name: k.Name, EnvironmentID: k.Environment, Prefix: keyStart(k),
		CreatedAt: timeOut(k.CreatedAt), RevokedAt: timeOrNull(k.RevokedAt),
	}
}

// keyStart is how the text of a key begins. That of an operator's own key is not known; its id stands for it.
func keyStart(k *credits.Key) string {
	switch {
	case strings.HasPrefix(k.ID, "operator-"):
		return k.ID
	case k.Kind == credits.PublishableKey:
		return "client-" + k.ID
	}
	return "server-" + k.ID
}
