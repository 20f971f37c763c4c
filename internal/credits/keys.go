package credits

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// The text of a generated key is: kind prefix, public id, "-", secret, checksum. The secret carries 208 random bits.
const (
	keyPublicBytes  = 10
	keySecretBytes  = 26
	operatorKeyMax  = 512  // longer texts are not looked up
	keysPerInstall  = 1000 // all keys are kept in memory
	scopesPerKeyMax = 64
)

// OperatorKeyMin is the least number of characters of a key that the operator chooses: shorter ones can be guessed.
const OperatorKeyMin = 32

// keyStaleMax is how long a revocation made on another node may go unnoticed (reliability S5).
const keyStaleMax ledger.Time = 5e6

// KeyKind says what sort of caller holds a key.
type KeyKind string

// The kinds of key. A publishable key alone opens nothing; it only names the environment (reliability S6).
const (
	ServerKey      KeyKind = "SERVER"
	PublishableKey KeyKind = "PUBLISHABLE"
)

// Key is an API key without its secret.
type Key struct {
	No          int64
	Environment string
	ID          string // public, part of the key's text when we made it
	Kind        KeyKind
	Name        string
	Scopes      []string // empty means full access (server keys only)
	Hash        [sha256.Size]byte
	CreatedAt   ledger.Time
	ExpiresAt   ledger.Time // 0 means never
	RevokedAt   ledger.Time // 0 means in force
}

// RowNumber orders keys by creation.
func (k *Key) RowNumber() int64 { return k.No }

// Allows tells whether the key may be used for a scope. A key without scopes may be used for all of them.
func (k *Key) Allows(scope string) bool {
	return k.Kind == ServerKey && (len(k.Scopes) == 0 || slices.Contains(k.Scopes, scope))
}

// Actor is the key as the cause of a change.
func (k *Key) Actor() ledger.Actor { return ledger.Actor{Kind: ledger.ActorAPI, ID: k.ID} }

// NewKey is what a new key should be.
type NewKey struct {
	Kind      KeyKind
	Name      string
	Scopes    []string
	ExpiresAt ledger.Time // 0 means never
}

// CreateKey makes a key and returns it with its full text, which is shown this once and cannot be read again.
func (s *Service) CreateKey(ctx context.Context, env string, actor ledger.Actor, in NewKey) (*Key, string, error) {
	if _, err := s.Environment(env); err != nil {
		return nil, "", err
	}
	if err := in.check(s.now()); err != nil {
		return nil, "", err
	}
	key, text, err := s.newKey(env, in)
	if err != nil {
		return nil, "", err
	}
	return key, text, s.addKey(ctx, actor, key)
}

// newKey generates a key, which is still to be stored.
func (s *Service) newKey(env string, in NewKey) (*Key, string, error) {
	id, text, err := generateKey(s.random, in.Kind)
	if err != nil {
		return nil, "", fmt.Errorf("create key: %w", err)
	}
	return &Key{Environment: env, ID: id, Kind: in.Kind, Name: in.Name, Scopes: in.Scopes,
		Hash: sha256.Sum256([]byte(text)), CreatedAt: s.now(), ExpiresAt: in.ExpiresAt}, text, nil
}

// operatorKey is the key with a text that the operator chose.
func (s *Service) operatorKey(env, text string) *Key {
	hash := sha256.Sum256([]byte(text))
	return &Key{Environment: env, ID: "operator-" + hex.EncodeToString(hash[:4]), Kind: ServerKey, Name: "Operator",
		Hash: hash, CreatedAt: s.now()}
}

func (in *NewKey) check(now ledger.Time) error {
	if len(in.Scopes) > scopesPerKeyMax {
		return invalidf("scopes", "at most %d are allowed", scopesPerKeyMax)
	}
	if in.Kind == PublishableKey && len(in.Scopes) > 0 {
		return Invalid("scopes", "a publishable key has no scopes")
	}
	if in.ExpiresAt != 0 && in.ExpiresAt <= now {
		return Invalid("expiresAt", "must lie in the future")
	}
	for i, scope := range in.Scopes {
		if err := validName(item("scopes", i), scope, nameLengthMax); err != nil {
			return err
		}
	}
	return firstError(
		oneOf("kind", string(in.Kind), string(ServerKey), string(PublishableKey)),
		validText("name", in.Name, nameLengthMax),
	)
}

// InstallKey makes a text chosen by the operator the full-access server key of an environment. Installing the same text
// again changes nothing. The text needs at least 32 characters.
func (s *Service) InstallKey(ctx context.Context, env, text string) (*Key, error) {
	if len(text) < OperatorKeyMin || len(text) > operatorKeyMax {
		return nil, invalidf("key", "must have %d to %d characters", OperatorKeyMin, operatorKeyMax)
	}
	keys, err := s.freshKeys(ctx)
	if err != nil {
		return nil, err
	}
	key := s.operatorKey(env, text)
	if known := keys[key.Hash]; known != nil {
		return known, nil
	}
	return key, s.addKey(ctx, ledger.Actor{}, key)
}

func (s *Service) addKey(ctx context.Context, actor ledger.Actor, key *Key) error {
	err := s.store.Update(ctx, func(tx Tx) error { return s.insertKey(ctx, tx, actor, key) })
	s.keys.forget()
	if err != nil {
		return fmt.Errorf("add key: %w", err)
	}
	return nil
}

func (s *Service) insertKey(ctx context.Context, tx Tx, actor ledger.Actor, key *Key) error {
	keys, err := tx.Keys(ctx)
	if err != nil {
		return err
	}
	if len(keys) >= keysPerInstall {
		return Limited(fmt.Sprintf("an installation can have at most %d keys", keysPerInstall))
	}
	if key.No, err = tx.NextNo(ctx, key.Environment); err != nil {
		return err
	}
	if err := tx.InsertKey(ctx, key); err != nil {
		return err
	}
	return s.audit(ctx, tx, key.Environment, Audit{Actor: actor, Action: "key.created", Object: key.ID})
}

// Keys lists the keys of an environment, revoked ones included, the newest first.
func (s *Service) Keys(ctx context.Context, env string) ([]*Key, error) {
	all, err := s.freshKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := []*Key{}
	for _, key := range all {
		if key.Environment == env {
			keys = append(keys, key)
		}
	}
	return newestFirst(keys), nil
}

// RevokeKey ends a key at once on this node and within five seconds elsewhere. Revoking it again changes nothing.
func (s *Service) RevokeKey(ctx context.Context, env string, actor ledger.Actor, id string) (*Key, error) {
	var revoked *Key
	err := s.store.Update(ctx, func(tx Tx) error {
		keys, err := tx.Keys(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k *Key) bool { return k.Environment == env && k.ID == id })
		if i < 0 {
			return missing("ApiKeyNotFound", "key", id)
		}
		if revoked = keys[i]; revoked.RevokedAt != 0 {
			return nil
		}
		revoked.RevokedAt = s.now()
		if err := tx.UpdateKey(ctx, revoked); err != nil {
			return err
		}
		return s.audit(ctx, tx, env, Audit{Actor: actor, Action: "key.revoked", Object: id})
	})
	s.keys.forget()
	if err != nil {
		return nil, fmt.Errorf("revoke key: %w", err)
	}
	return revoked, nil
}

// Authenticate finds the key with a text. The error does not tell an unknown key from a revoked or expired one.
func (s *Service) Authenticate(ctx context.Context, text string) (*Key, error) {
	refused := Unauthorized("the API key is missing, unknown or no longer valid; send a valid key in X-API-KEY")
	if text == "" || len(text) > operatorKeyMax {
		return nil, refused
	}
	keys, err := s.freshKeys(ctx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(text))
	key := keys[hash]
	if key == nil || subtle.ConstantTimeCompare(key.Hash[:], hash[:]) != 1 {
		return nil, refused
	}
	if key.RevokedAt != 0 || (key.ExpiresAt != 0 && key.ExpiresAt <= s.now()) {
		return nil, refused
	}
	return key, nil
}

// WellFormedKey tells whether a text that starts like a generated key also has its checksum. Logs and forms can use it to
// tell a mistyped key from an unknown one; it proves nothing.
func WellFormedKey(text string) bool {
	body := text
	for _, prefix := range []string{keyPrefix(ServerKey), keyPrefix(PublishableKey)} {
		body = strings.TrimPrefix(body, prefix)
	}
	sumLength := keyEncoding.EncodedLen(crc32.Size)
	if body == text || len(text) <= sumLength {
		return false
	}
	cut := len(text) - sumLength
	return text[cut:] == keyChecksum(text[:cut])
}

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func keyPrefix(kind KeyKind) string {
	if kind == PublishableKey {
		return "client-"
	}
	return "server-"
}

func keyChecksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	return keyEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

func generateKey(random io.Reader, kind KeyKind) (id, text string, err error) {
	raw := make([]byte, keyPublicBytes+keySecretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", "", fmt.Errorf("read randomness: %w", err)
	}
	id = keyEncoding.EncodeToString(raw[:keyPublicBytes])
	text = keyPrefix(kind) + id + "-" + keyEncoding.EncodeToString(raw[keyPublicBytes:])
	return id, text + keyChecksum(text), nil
}
