package crash

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/crash/process"
	"github.com/scrip-dev/scrip/test/postgres"
)

func TestNodesStartTogether(t *testing.T) {
	// However many nodes start at once on an empty database, all of them serve: one makes the environments and the first keys,
	// and the others find them.
	const nodes, rounds = 5, 2
	path, err := process.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for range rounds {
		o := process.Options{Path: path, URL: postgres.Database(t), Key: process.APIKey}
		st, err := store.Open(t.Context(), store.Options{URL: o.URL}) // nodes that wait for the tables come one by one
		if err == nil {
			err = st.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		servers := make([]*process.Server, nodes)
		var wait sync.WaitGroup
		for i := range servers {
			wait.Go(func() {
				var err error
				if servers[i], err = process.Start(o); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		announced := 0
		for _, s := range servers {
			if s == nil {
				continue
			}
			announced += strings.Count(strings.Join(s.Said, "\n"), "API key of ")
			answer, err := newClient(only(s.URL)).outcome(t.Context(), request{http.MethodGet, "/api/v1/environments", nil})
			if err != nil || answer.status != http.StatusOK || strings.Count(string(answer.body), `"env_`) != 2 {
				t.Errorf("a node answers %d %s (%v)", answer.status, answer.body, err)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
		if announced != 1 {
			t.Errorf("%d keys were announced, want that of the second environment, once", announced)
		}
	}
}
