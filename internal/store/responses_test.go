package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
)

func TestResponses(t *testing.T) {
	// A response is kept from its begin until it expires, unless a later request replaces it.
	t.Parallel()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Update(t.Context(), func(tx credits.Tx) error {
		return tx.InsertEnvironment(t.Context(), &credits.Environment{No: 1, ID: "env_dev", Name: "Development"})
	})
	if err != nil {
		t.Fatal(err)
	}
	key := credits.ResponseKey{Environment: "env_dev", Operation: "POST /x", Key: "k"}
	begin := func(fresh credits.Response, now ledger.Time, replace bool, want credits.Response) {
		t.Helper()
		got, err := s.BeginResponse(t.Context(), key, fresh, now, replace)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	first := credits.Response{Fingerprint: "f", EffectKey: "e1", ExpiresAt: 10}
	second := credits.Response{Fingerprint: "f", EffectKey: "e2", ExpiresAt: 20}
	begin(first, 1, false, first)
	begin(second, 9, false, first) // under way
	done := first
	done.Status, done.Body = 201, `{"data":{}}`
	if err := s.FinishResponse(t.Context(), key, done); err != nil {
		t.Fatal(err)
	}
	begin(second, 9, false, done)
	begin(second, 9, true, second)
	begin(first, 20, false, first) // expired
	other := key
	other.Key = "other"
	if got, err := s.BeginResponse(t.Context(), other, second, 9, false); err != nil || got != second {
		t.Errorf("another key got %+v, %v", got, err)
	}
}
