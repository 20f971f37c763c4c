package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestResponses(t *testing.T) {
	// A response is kept from its begin until it expires, unless a later request replaces it.
	t.Parallel()
	r := newResponses(t, open(t, t.TempDir()))
	first := credits.Response{Fingerprint: "f", EffectKey: "e1", ExpiresAt: 10, Holder: "1"}
	second := credits.Response{Fingerprint: "f", EffectKey: "e2", ExpiresAt: 20, Holder: "2"}
	r.begin(first, 1, false, first)
	done := first
	done.Status, done.Body = 201, `{"data":{}}`
	r.finish(done)
	r.begin(second, 9, false, done)
	r.begin(second, 9, true, second)
	r.finish(done)                   // by who was replaced
	r.begin(first, 20, false, first) // expired
	r.key.Key = "other"
	r.begin(second, 9, false, second)
}

func TestResponses_ended_without_answer(t *testing.T) {
	// A request whose first attempt ended without an answer is taken over with all but its holder; another request is not.
	t.Parallel()
	r := newResponses(t, open(t, t.TempDir()))
	first := credits.Response{Fingerprint: "f", EffectKey: "e1", ExpiresAt: 100, Holder: "1", HeldUntil: 50}
	r.begin(first, 1, false, first)
	r.begin(credits.Response{Fingerprint: "other", EffectKey: "e2", ExpiresAt: 200, Holder: "2", HeldUntil: 60}, 10, false, first)
	first.Holder, first.HeldUntil = "3", 70 // nobody else writes this file, so the first attempt is not under way any more
	r.begin(credits.Response{Fingerprint: "f", EffectKey: "e3", ExpiresAt: 300, Holder: "3", HeldUntil: 70}, 20, false, first)
}

func TestPostgres_responses_held(t *testing.T) {
	// What one node has begun no other one takes over until it has ended or its time is up, and its late answer is not kept.
	t.Parallel()
	o := store.Options{URL: postgres.Database(t)}
	a, b := newResponses(t, openWith(t, o)), responses{t: t, store: openWith(t, o), key: responseKey}
	first := credits.Response{Fingerprint: "f", EffectKey: "e1", ExpiresAt: 100, Holder: "a", HeldUntil: 50}
	second := credits.Response{Fingerprint: "f", EffectKey: "e2", ExpiresAt: 200, Holder: "b", HeldUntil: 90}
	a.begin(first, 1, false, first)
	b.begin(second, 49, false, first)
	taken := first
	taken.Holder, taken.HeldUntil = "b", 90
	b.begin(second, 50, false, taken)
	late := first
	late.Status = 201
	a.finish(late)
	a.begin(first, 60, false, taken)
	b.finish(taken) // refused: it has ended without an answer
	first.HeldUntil = 95
	taken.Holder, taken.HeldUntil = "a", 95
	a.begin(first, 61, false, taken)
	answered := taken
	answered.Status, answered.HeldUntil = 201, 0
	a.finish(answered)
	b.begin(second, 62, false, answered)
}

var responseKey = credits.ResponseKey{Environment: "env_dev", Operation: "POST /x", Key: "k"}

// responses is a store with one key that requests come under.
type responses struct {
	t     *testing.T
	store *store.Store
	key   credits.ResponseKey
}

func newResponses(t *testing.T, s *store.Store) *responses {
	t.Helper()
	err := s.Update(t.Context(), func(tx credits.Tx) error {
		return tx.InsertEnvironment(t.Context(), &credits.Environment{No: 1, ID: "env_dev", Name: "Development"})
	})
	if err != nil {
		t.Fatal(err)
	}
	return &responses{t: t, store: s, key: responseKey}
}

func (r *responses) begin(fresh credits.Response, now ledger.Time, replace bool, want credits.Response) {
	r.t.Helper()
	got, err := r.store.BeginResponse(r.t.Context(), r.key, fresh, now, replace)
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Error(diff)
	}
}

func (r *responses) finish(answer credits.Response) {
	r.t.Helper()
	if err := r.store.FinishResponse(r.t.Context(), r.key, answer); err != nil {
		r.t.Fatal(err)
	}
}
