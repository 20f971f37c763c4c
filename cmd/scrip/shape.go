package main

import (
	"context"
	"fmt"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/store"
)

// shardsDefault is how many shards a new database gets when nobody says. With two, one decides while the other commits, which
// keeps two cores busy; more would only cut the batches of a small machine. It is the same for all databases, because a copy
// keeps its number.
const shardsDefault = 2

// shardsMax bounds --shards. Each shard costs every node a writer and memory of its own, and a commit of its own every time:
// far beyond the processors of the database they only cut each other's batches.
const shardsMax = 64

// shapeOf answers the shape of the database, which a new one gets now and keeps for ever. It fails when another number of
// shards is wanted than an existing database has.
func shapeOf(ctx context.Context, st *store.Store, d deps) (store.Shape, error) {
	fresh := store.Shape{Shards: shardsDefault, WindowEntries: engine.WindowEntriesDefault}
	if d.Shards > 0 {
		fresh.Shards = d.Shards
	}
	shape, err := st.Shape(ctx, fresh)
	if err == nil && d.Shards > 0 && d.Shards != shape.Shards {
		err = fmt.Errorf("the database was made with --shards=%d, which can never change; %d is refused, so leave the flag out", shape.Shards, d.Shards)
	}
	return shape, err
}
