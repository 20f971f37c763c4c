package main

import (
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
)

// keyFileName is the file in the data folder that holds the key of secrets, when the operator has set none. Whoever copies
// the database needs it too; whoever copies only the database cannot read the secrets in it.
const (
	keyFileName = "scrip.key"
	keyBytes    = 32
)

// openVault makes what encrypts secrets: under SCRIP_SECRET_KEY, else on SQLite under a key file that is made on the first
// start. PostgreSQL is shared by several nodes, which would each make their own; there it is nil without the variable.
func openVault(d deps) (*credits.Vault, error) {
	if !d.SecretKey.IsZero() {
		vault, err := credits.NewVault(d.SecretKey.Reveal())
		if err != nil {
			return nil, fmt.Errorf("SCRIP_SECRET_KEY: %w", err)
		}
		return vault, nil
	}
	if d.DatabaseURL != "" {
		d.Log.Info("SCRIP_SECRET_KEY is not set: no webhook endpoints can be made, and those there are not served")
		return nil, nil
	}
	path := filepath.Join(d.DataDir, keyFileName)
	key, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return credits.NewVault(key)
}

// readKeyFile refuses a file that others can read.
func readKeyFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others can read it; run: chmod 600 %s", path)
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// makeKeyFile writes a new key, whole or not at all. The caller holds the data folder.
func makeKeyFile(path string) (string, error) {
	raw := make([]byte, keyBytes)
	if _, err := crand.Read(raw); err != nil {
		return "", err
	}
	key := base64.StdEncoding.EncodeToString(raw)
	fresh := path + ".new"
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.WriteString(key + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	return key, os.Rename(fresh, path)
}
