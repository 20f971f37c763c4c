package store

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/engine"
)

// TableColumns are the columns of every table that a copy knows, by name: those of the primary key in order, then the
// others sorted.
func TableColumns() map[string][2][]string {
	all := map[string][2][]string{}
	for _, t := range allTables {
		all[t.name] = [2][]string{t.key, slices.Sorted(slices.Values(t.other))}
	}
	return all
}

// How many rows are copied and deleted at a time.
const (
	CopyRows = copyRows
	DropRows = dropRows
)

// Placement names the tables that are placed by shard, and those that could be everywhere.
func Placement() (hot, catalogue []string) {
	for _, t := range slices.Concat([]table{journalTable}, derivedTables) {
		hot = append(hot, t.name)
	}
	for _, t := range catalogueTables {
		catalogue = append(catalogue, t.name)
	}
	return hot, catalogue
}

// HotStatements are the statements of the event path.
func HotStatements() []string {
	list := slices.Concat(rowWrites, hotQueries, []string{
		upsertOwners, upsertPages, upsertGrants, lockShard, lockRuns, lockBlocks, openShard, renewLease,
	})
	for _, s := range completions(&engine.Commit{Checkpoint: &engine.Checkpoint{}}) {
		list = append(list, s.query)
	}
	return list
}
