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
	scopes, err := c.scopesOf(in.Scopes)
	if err != nil {
		return nil, err
	}
	kind := credits.ServerKey
	if value(in.Type) == wire.APIKeyTypePUBLISHABLE {
		kind = credits.PublishableKey
	}
	key, text, err := s.credits.CreateKey(c.ctx, c.env, c.actor(), credits.NewKey{
		Kind: kind, Name: in.Name, Scopes: scopes, ExpiresAt: givenTime(in.ExpiresAt),
	})
	if err != nil {
		return nil, err
	}
	k := keyOut(key)
	return wire.APIKeySecretData{Data: wire.APIKeySecret{
		ID: k.ID, Name: k.Name, EnvironmentID: k.EnvironmentID, Prefix: k.Prefix, CreatedAt: k.CreatedAt,
		LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt, Type: k.Type, Scopes: k.Scopes, ExpiresAt: k.ExpiresAt, Secret: text,
	}}, nil
}

// scopesOf checks the scopes of a key to be made: nobody can give away more than he has.
func (c *call) scopesOf(wanted []wire.APIKeyScope) ([]string, error) {
	if len(wanted) == 0 && len(c.key.Scopes) > 0 {
		return nil, credits.Forbidden("this API key has scopes, so the new key needs some of them")
	}
	scopes := make([]string, len(wanted))
	for i, scope := range wanted {
		if err := c.require(string(scope)); err != nil {
			return nil, err
		}
		scopes[i] = string(scope)
	}
	return scopes, nil
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
		CreatedAt: timeOut(k.CreatedAt), RevokedAt: timeOrNull(k.RevokedAt), ExpiresAt: timeOrNull(k.ExpiresAt),
		Type: wire.APIKeyType(k.Kind), Scopes: append([]string{}, k.Scopes...),
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
