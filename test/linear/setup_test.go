package linear

import (
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/scrip-dev/scrip/internal/store"
	"github.com/scrip-dev/scrip/test/crash/process"
)

// shape has several shards, and windows so small that they fill, are written and merged while a run lasts.
var shape = store.Shape{Shards: 3, WindowEntries: 701}

// build compiles the program, with a planted bug if there are changes.
func build(t *testing.T, bug ...process.Change) string {
	t.Helper()
	path, err := process.BuildPlanted(t.Context(), t.TempDir(), bug...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// prepare makes the tables of a database, the credit type and the customers, before the nodes start that a test is about.
func prepare(t *testing.T, o process.Options) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: o.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Shape(t.Context(), shape); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	c := start(t, o, 1)
	random := rand.New(rand.NewPCG(0, 0))
	steps := []request{{http.MethodPost, "/api/v1/credits/custom-currencies", object{"id": creditType, "displayName": "Credits"}}}
	for pool := range poolsAll {
		steps = append(steps, request{http.MethodPost, "/api/v1/customers", object{"id": customer(pool), "name": customer(pool)}})
	}
	for _, step := range steps {
		if err := c.must(t.Context(), random, step, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.nodes.Stop(); err != nil {
		t.Fatal(err)
	}
}

// start starts nodes. They end with the test, if not before.
func start(t *testing.T, o process.Options, count int) *cluster {
	t.Helper()
	nodes, err := process.StartNodes(t.Context(), o, count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nodes.Kill() }) // most have been stopped
	return newCluster(nodes)
}

// finish stops the nodes and verifies what they leave behind.
func finish(t *testing.T, c *cluster, o process.Options) {
	t.Helper()
	c.http.CloseIdleConnections()
	if err := c.nodes.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := process.Verify(t.Context(), o); err != nil {
		t.Error(err)
	}
}
