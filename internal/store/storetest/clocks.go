package storetest

import (
	"errors"
	"testing"

	"github.com/scrip-dev/scrip/internal/credits"
)

func clocks(t *testing.T, s credits.Store) {
	// A clock comes back as it was set last, in its environment only. One that lies before the stored one, or that is not
	// the next version, is refused.
	at := func(env string, want credits.Clock) {
		t.Helper()
		view(t, s, func(tx credits.Tx) error {
			got, err := tx.Clock(t.Context(), env)
			same(t, got, want)
			return err
		})
	}
	set := func(env string, c credits.Clock) error {
		return s.Update(t.Context(), func(tx credits.Tx) error { return tx.SetClock(t.Context(), env, c) })
	}
	at(envA, credits.Clock{})
	stands := credits.Clock{At: 5_000_000_000_000, Since: 7, Stands: true, Version: 1}
	if err := set(envA, stands); err != nil {
		t.Fatal(err)
	}
	at(envA, stands)
	at(envB, credits.Clock{})
	for _, refused := range []credits.Clock{
		{At: stands.At, Version: 1}, {At: stands.At, Version: 3}, {At: stands.At - 1, Version: 2},
	} {
		if err := set(envA, refused); !errors.Is(err, credits.ErrMissing) {
			t.Errorf("setting %+v: %v, want ErrMissing", refused, err)
		}
	}
	runs := credits.Clock{At: stands.At, Since: 9, Version: 2}
	if err := set(envA, runs); err != nil {
		t.Fatal(err)
	}
	at(envA, runs)
	read := s.View(t.Context(), func(tx credits.Tx) error { _, err := tx.Clock(t.Context(), "env_none"); return err })
	if written := set("env_none", runs); !errors.Is(read, credits.ErrMissing) || !errors.Is(written, credits.ErrMissing) {
		t.Errorf("clock of a missing environment: %v and %v, want ErrMissing", read, written)
	}
}
