package credits

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
)

// keysByHash is every key of the installation, by the hash of its text.
type keysByHash map[[sha256.Size]byte]*Key

// keyRing keeps all keys in memory until one of them changes, so that looking one up costs no query and guessing keys
// costs the database nothing. The zero keyRing is empty and stale.
type keyRing struct {
	reading sync.Mutex // held by the one caller that reads the store
	epoch   atomic.Uint64
	current atomic.Pointer[keySnapshot]
}

type keySnapshot struct {
	keys  keysByHash
	epoch uint64
}

// forget makes the next lookup read the store. It is called when a change of keys, made here or elsewhere, may have
// committed.
func (r *keyRing) forget() { r.epoch.Add(1) }

func (r *keyRing) fresh() (keysByHash, bool) {
	c := r.current.Load()
	if c == nil || c.epoch != r.epoch.Load() {
		return nil, false
	}
	return c.keys, true
}

// freshKeys returns all keys, with every change that was made here or is confirmed.
func (s *Service) freshKeys(ctx context.Context) (keysByHash, error) {
	if keys, ok := s.keys.fresh(); ok {
		return keys, nil
	}
	s.keys.reading.Lock()
	defer s.keys.reading.Unlock()
	if keys, ok := s.keys.fresh(); ok {
		return keys, nil
	}
	next := &keySnapshot{keys: keysByHash{}, epoch: s.keys.epoch.Load()}
	err := s.store.View(ctx, func(tx Tx) error {
		keys, err := tx.Keys(ctx)
		for _, key := range keys {
			next.keys[key.Hash] = key
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	s.keys.current.Store(next)
	return next.keys, nil
}
