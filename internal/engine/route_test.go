package engine

import "testing"

func TestShardOf(t *testing.T) {
	// Where a customer lives is part of the database format, and of what routers in front of Scrip compute (docs/scale.md).
	t.Parallel()
	for _, test := range []struct {
		environment, customer string
		of4, of16, of64       uint16
	}{
		{"env_dev", "acme", 2, 14, 30},
		{"env_prod", "acme", 2, 6, 22},
		{"env_prod", "Zoë", 1, 1, 17},
		{"env_prod", "", 0, 0, 48},
	} {
		for shards, want := range map[int]uint16{1: 0, 4: test.of4, 16: test.of16, 64: test.of64} {
			e := &Engine{}
			for id := range shards {
				e.shards = append(e.shards, &shard{id: uint16(id)})
			}
			if got := e.shardOf(test.environment, test.customer).id; got != want {
				t.Errorf("%s of %s lives in shard %d of %d, want %d", test.customer, test.environment, got, shards, want)
			}
		}
	}
}
