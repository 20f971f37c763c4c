package store

import "slices"

// TableColumns are the columns of every table that a copy knows, by name: those of the primary key in order, then the
// others sorted.
func TableColumns() map[string][2][]string {
	all := map[string][2][]string{}
	for _, t := range allTables {
		all[t.name] = [2][]string{t.key, slices.Sorted(slices.Values(t.other))}
	}
	return all
}

// CopyRows is how many rows are copied at a time.
const CopyRows = copyRows
