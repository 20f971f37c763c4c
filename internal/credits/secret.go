package credits

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// SecretKeyMin is the least number of characters of the key that secrets are encrypted under: shorter ones can be guessed.
const SecretKeyMin = 32

// stars are what a secret prints as, everywhere.
const stars = "********"

// Secret is a text that must not be shown: it prints as stars, in logs, errors and JSON too. Reveal returns it.
type Secret struct{ text string }

// NewSecret keeps a text from being shown.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

func (Secret) String() string               { return stars }
func (Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// GoString implements fmt.GoStringer, and so the verb %#v.
func (Secret) GoString() string { return stars }

// Format implements fmt.Formatter: no verb gets past it.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, stars) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(stars) }

// Sealed is a secret as it is stored: encrypted and bound to its place. It begins with the name of the key it needs.
type Sealed string

// Vault encrypts secrets under a key from outside the database (reliability S8).
type Vault struct {
	name string // of the key, stored beside what it encrypts
	aead cipher.AEAD
}

// NewVault makes a vault from the operator's key, a text of at least 32 characters. It fails for a shorter one; the error
// does not show it.
func NewVault(key string) (*Vault, error) {
	if len(key) < SecretKeyMin {
		return nil, fmt.Errorf("the secret key has %d characters; it needs at least %d", len(key), SecretKeyMin)
	}
	derived, err := hkdf.Key(sha256.New, []byte(key), nil, "scrip: secrets at rest", 32+4)
	if err != nil {
		return nil, fmt.Errorf("derive the secret key: %w", err)
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		return nil, fmt.Errorf("use the secret key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("use the secret key: %w", err)
	}
	return &Vault{name: hex.EncodeToString(derived[32:]), aead: aead}, nil
}

// errOtherKey says that a secret was encrypted under a key that is not this one.
var errOtherKey = errors.New("the stored secret needs another secret key than the one that is set")

// seal encrypts a secret for a place. What is sealed for one place cannot be opened at another.
func (v *Vault) seal(random io.Reader, s Secret, place string) (Sealed, error) {
	nonce := make([]byte, v.aead.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	text := v.aead.Seal(nonce, nonce, []byte(s.text), []byte(place))
	return Sealed(v.name + ":" + base64.StdEncoding.EncodeToString(text)), nil
}

// open decrypts what seal made for the place. It fails with errOtherKey, or when what is stored was changed.
func (v *Vault) open(s Sealed, place string) (Secret, error) {
	name, text, _ := strings.Cut(string(s), ":")
	if name != v.name {
		return Secret{}, errOtherKey
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) < v.aead.NonceSize() {
		return Secret{}, errors.New("the stored secret is damaged")
	}
	nonce, sealed := raw[:v.aead.NonceSize()], raw[v.aead.NonceSize():]
	plain, err := v.aead.Open(nil, nonce, sealed, []byte(place))
	if err != nil {
		return Secret{}, errors.New("the stored secret is damaged")
	}
	return Secret{string(plain)}, nil
}

// sealed encrypts a secret, or says that the operator has to give a key first.
func (s *Service) sealed(secret Secret, place string) (Sealed, error) {
	if s.vault == nil {
		return "", secretKeyMissing()
	}
	return s.vault.seal(s.random, secret, place)
}

// opened decrypts a secret, or says what the operator has to do.
func (s *Service) opened(sealed Sealed, place string) (Secret, error) {
	if s.vault == nil {
		return Secret{}, secretKeyMissing()
	}
	secret, err := s.vault.open(sealed, place)
	if errors.Is(err, errOtherKey) {
		return Secret{}, Unprocessable("SecretKeyMismatch", "", "the secret was encrypted under another secret key; start the server with that SCRIP_SECRET_KEY, or rotate the secret")
	}
	return secret, err
}

func secretKeyMissing() *Error {
	return Unprocessable("SecretKeyMissing", "", fmt.Sprintf(
		"secrets cannot be kept: start the server with SCRIP_SECRET_KEY, a random text of at least %d characters, the same on every node", SecretKeyMin))
}
