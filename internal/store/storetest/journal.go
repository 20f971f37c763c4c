package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// RunJournal runs the contract of engine.Journal against journals that open returns, each empty.
func RunJournal(t *testing.T, open func(t *testing.T) engine.Journal) {
	cases := map[string]func(*testing.T, engine.Journal){
		"blocks":          blocks,
		"conflict":        conflict,
		"all_or_nothing":  allOrNothing,
		"owners":          owners,
		"due_owners":      dueOwners,
		"pages":           pages,
		"grants":          grants,
		"key_runs":        keyRuns,
		"stale_runs":      staleRuns,
		"checkpoint":      checkpoint,
		"drop_derived":    dropDerived,
		"shards_separate": shardsSeparate,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

const otherShard = 3

func block(shard uint16, first uint64, entries int, data string) engine.Block {
	return engine.Block{First: engine.NewPosition(shard, first), Entries: entries, Data: []byte(data)}
}

func commit(t *testing.T, j engine.Journal, c engine.Commit) {
	t.Helper()
	if err := j.Commit(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, got, want any, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// readFrom collects the blocks from a position on.
func readFrom(t *testing.T, j engine.Journal, from engine.Position) []engine.Block {
	t.Helper()
	var found []engine.Block
	err := j.Blocks(t.Context(), from, func(b *engine.Block) error {
		found = append(found, *b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func blocks(t *testing.T, j engine.Journal) {
	// Blocks come back in order and whole, from the one that holds the position asked for.
	head, err := j.Head(t.Context(), 0)
	equal(t, head, engine.NewPosition(0, 1), err)
	first, second, third := block(0, 1, 2, "one"), block(0, 3, 1, "two"), block(0, 4, 5, "three")
	commit(t, j, engine.Commit{Blocks: []engine.Block{first, second}})
	commit(t, j, engine.Commit{Blocks: []engine.Block{third}})
	equal(t, readFrom(t, j, engine.NewPosition(0, 1)), []engine.Block{first, second, third}, nil)
	equal(t, readFrom(t, j, engine.NewPosition(0, 2)), []engine.Block{first, second, third}, nil)
	equal(t, readFrom(t, j, engine.NewPosition(0, 3)), []engine.Block{second, third}, nil)
	head, err = j.Head(t.Context(), 0)
	equal(t, head, engine.NewPosition(0, 9), err)
	for at, want := range map[uint64]engine.Block{1: first, 2: first, 3: second, 8: third} {
		got, err := j.Block(t.Context(), engine.NewPosition(0, at))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, *got, want, nil)
	}
	if _, err := j.Block(t.Context(), head); err == nil {
		t.Error("a block beyond the head was found")
	}
}

func conflict(t *testing.T, j engine.Journal) {
	// Whoever comes second at a position gets ErrConflict and has written nothing.
	commit(t, j, engine.Commit{Blocks: []engine.Block{block(0, 1, 2, "winner")}})
	err := j.Commit(t.Context(), &engine.Commit{Blocks: []engine.Block{block(0, 1, 1, "loser")}, Checkpoint: &engine.Checkpoint{Windows: 9}})
	if !errors.Is(err, engine.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
	equal(t, readFrom(t, j, engine.NewPosition(0, 1)), []engine.Block{block(0, 1, 2, "winner")}, nil)
	cp, err := j.Checkpoint(t.Context(), 0)
	equal(t, cp, engine.Checkpoint{}, err)
}

func allOrNothing(t *testing.T, j engine.Journal) {
	// When the second block of a commit conflicts, the first is not stored either.
	commit(t, j, engine.Commit{Blocks: []engine.Block{block(0, 5, 1, "there")}})
	err := j.Commit(t.Context(), &engine.Commit{Blocks: []engine.Block{block(0, 1, 4, "new"), block(0, 5, 1, "taken")}})
	if !errors.Is(err, engine.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
	equal(t, readFrom(t, j, engine.NewPosition(0, 1)), []engine.Block{block(0, 5, 1, "there")}, nil)
}

func owner(customer, currency, resource string, no uint64, due ledger.Time) engine.OwnerRow {
	return engine.OwnerRow{
		Key: ledger.Key{Environment: envA, Customer: customer, Currency: currency, Resource: resource},
		No:  no, AsOf: engine.NewPosition(0, no), NextDue: due, State: []byte{byte(no)},
	}
}

func owners(t *testing.T, j engine.Journal) {
	// A later state replaces an earlier one; pools of a customer are listed without the customer itself.
	a, b, self := owner("c", "tokens", "", 1, ledger.Never), owner("c", "tokens", "r", 2, 5), owner("c", "", "", 3, ledger.Never)
	commit(t, j, engine.Commit{Owners: []engine.OwnerRow{a, b, self}})
	a.AsOf, a.State, a.NextDue = engine.NewPosition(0, 7), []byte("later"), 8
	commit(t, j, engine.Commit{Owners: []engine.OwnerRow{a}})
	for _, want := range []engine.OwnerRow{a, b, self} {
		got, ok, err := j.Owner(t.Context(), 0, want.Key)
		if !ok {
			t.Errorf("%v not found", want.Key)
		}
		equal(t, got, want, err)
	}
	if _, ok, err := j.Owner(t.Context(), 0, ledger.Key{Environment: envB, Customer: "c", Currency: "tokens"}); ok || err != nil {
		t.Errorf("found in another environment: %v, %v", ok, err)
	}
	keys, err := j.PoolKeys(t.Context(), 0, envA, "c")
	equal(t, keys, []ledger.Key{a.Key, b.Key}, err)
}

func dueOwners(t *testing.T, j engine.Journal) {
	// Due ones are listed, earliest first, between the two instants and up to the limit; those with nothing due never are.
	late, early, never := owner("x", "t", "", 1, 30), owner("y", "t", "", 2, 10), owner("z", "t", "", 3, ledger.Never)
	commit(t, j, engine.Commit{Owners: []engine.OwnerRow{late, early, never}})
	first, second := engine.DueOwner{Key: early.Key, At: 10}, engine.DueOwner{Key: late.Key, At: 30}
	for _, tc := range []struct {
		after, until ledger.Time
		limit        int
		want         []engine.DueOwner
	}{
		{0, 9, 10, nil},
		{0, 10, 10, []engine.DueOwner{first}},
		{0, ledger.Never, 10, []engine.DueOwner{first, second}},
		{0, 99, 1, []engine.DueOwner{first}},
		{10, 99, 10, []engine.DueOwner{second}},
		{9, 29, 10, []engine.DueOwner{first}},
	} {
		got, err := j.DueOwners(t.Context(), 0, envA, tc.after, tc.until, tc.limit)
		equal(t, got, tc.want, err)
	}
}

func pages(t *testing.T, j engine.Journal) {
	// Pages come newest first below a window; writing one again replaces it.
	var rows []engine.PageRow
	for w := range uint32(4) {
		rows = append(rows, engine.PageRow{Owner: 7, Window: w, Refs: []byte{byte(w)}, Usage: []byte{}})
	}
	commit(t, j, engine.Commit{Pages: rows})
	rows[1].Refs = []byte("again")
	commit(t, j, engine.Commit{Pages: rows[1:2]})
	got, err := j.Pages(t.Context(), 0, 7, 3, 2)
	equal(t, got, []engine.PageRow{rows[2], rows[1]}, err)
	got, err = j.Pages(t.Context(), 0, 8, 99, 9)
	equal(t, got, []engine.PageRow(nil), err)
}

func grants(t *testing.T, j engine.Journal) {
	// A later row keeps the texts it does not bring; lists are newest first, by customer, credit type and resource.
	row := func(id ledger.GrantID, currency, resource string) engine.GrantRow {
		return engine.GrantRow{
			ID: id, Key: ledger.Key{Environment: envA, Customer: "c", Currency: currency, Resource: resource},
			CreatedAt: 5, State: []byte{byte(id)}, Texts: []byte("texts"),
		}
	}
	first, second, third := row(1, "tokens", ""), row(2, "tokens", "r"), row(3, "other", "")
	commit(t, j, engine.Commit{Grants: []engine.GrantRow{first, second, third}})
	first.Final, first.State = true, []byte("final")
	silent := first
	silent.Texts = nil
	commit(t, j, engine.Commit{Grants: []engine.GrantRow{silent}})
	for _, tc := range []struct {
		q    engine.GrantQuery
		want []engine.GrantRow
	}{
		{engine.GrantQuery{Environment: envA, Customer: "c", Limit: 9}, []engine.GrantRow{third, first}},
		{engine.GrantQuery{Environment: envA, Customer: "c", AnyResource: true, Limit: 2}, []engine.GrantRow{third, second}},
		{engine.GrantQuery{Environment: envA, Customer: "c", AnyResource: true, Before: 3, Limit: 9}, []engine.GrantRow{second, first}},
		{engine.GrantQuery{Environment: envA, Customer: "c", Currency: "tokens", Resource: "r", Limit: 9}, []engine.GrantRow{second}},
		{engine.GrantQuery{Environment: envB, Customer: "c", AnyResource: true, Limit: 9}, nil},
	} {
		got, err := j.Grants(t.Context(), 0, tc.q)
		equal(t, got, tc.want, err)
	}
	got, ok, err := j.GrantByID(t.Context(), 0, 1)
	equal(t, got, first, err)
	if _, missing, err := j.GrantByID(t.Context(), 0, 9); !ok || missing || err != nil {
		t.Errorf("found %v, missing one found %v, error %v", ok, missing, err)
	}
}

func keyRuns(t *testing.T, j engine.Journal) {
	// A run is what was said of it last; its chunks are found by number and in order, its filters in order.
	chunks := []engine.KeyChunkRow{{Run: 1, Chunk: 0, Data: []byte("a")}, {Run: 1, Chunk: 1, Data: []byte{}}, {Run: 1, Chunk: 2, Data: []byte("c")}}
	filters := []engine.KeyFilterRow{{Run: 1, Chunk: 0, Bits: []byte("f")}, {Run: 1, Chunk: 2, Bits: []byte("g")}}
	commit(t, j, engine.Commit{Chunks: chunks, Filters: filters[1:], Runs: []engine.RunRow{{Run: 1, Keys: 3}}})
	merged := engine.RunRow{Run: 1 << 40, Keys: 7, Complete: true}
	commit(t, j, engine.Commit{Filters: filters[:1], Runs: []engine.RunRow{{Run: 1, Keys: 4, Complete: true}, merged}})
	equal(t, runsOf(t, j), []engine.RunRow{{Run: 1, Keys: 4, Complete: true}, merged}, nil)
	equal(t, filtersOf(t, j, 1), filters, nil)

	chunk, err := j.KeyChunk(t.Context(), 0, 1, 2)
	equal(t, chunk, []byte("c"), err)
	if _, err := j.KeyChunk(t.Context(), 0, 1, 3); err == nil {
		t.Error("a chunk that was never written was found")
	}
	some, err := j.KeyChunks(t.Context(), 0, 1, 1, 1)
	equal(t, some, chunks[1:2], err)
	all, err := j.KeyChunks(t.Context(), 0, 1, 0, 9)
	equal(t, all, chunks, err)
}

func staleRuns(t *testing.T, j engine.Journal) {
	// A part of a run is deleted with the filters that begin in it, the run itself with the last part, another run never.
	var c engine.Commit
	for run := range engine.RunID(2) {
		c.Runs = append(c.Runs, engine.RunRow{Run: run, Keys: 1, Complete: true})
		for n := range 4 {
			c.Chunks = append(c.Chunks, engine.KeyChunkRow{Run: run, Chunk: n, Data: []byte("d")})
		}
		c.Filters = append(c.Filters, engine.KeyFilterRow{Run: run, Chunk: 0, Bits: []byte("f")}, engine.KeyFilterRow{Run: run, Chunk: 2, Bits: []byte("f")})
	}
	commit(t, j, c)
	commit(t, j, engine.Commit{Stale: []engine.RunPart{{Run: 0, From: 0, To: 2}}})
	left, err := j.KeyChunks(t.Context(), 0, 0, 0, 9)
	equal(t, left, c.Chunks[2:4], err)
	equal(t, filtersOf(t, j, 0), c.Filters[1:2], nil)
	equal(t, runsOf(t, j), c.Runs, nil)
	commit(t, j, engine.Commit{Stale: []engine.RunPart{{Run: 0, From: 2, To: 4, Last: true}}})
	left, err = j.KeyChunks(t.Context(), 0, 0, 0, 9)
	equal(t, left, []engine.KeyChunkRow(nil), err)
	equal(t, filtersOf(t, j, 0), []engine.KeyFilterRow(nil), nil)
	equal(t, runsOf(t, j), c.Runs[1:], nil)
	other, err := j.KeyChunks(t.Context(), 0, 1, 0, 9)
	equal(t, other, c.Chunks[4:], err)
	equal(t, filtersOf(t, j, 1), c.Filters[2:], nil)
}

// runsOf lists the runs by their ids.
func runsOf(t *testing.T, j engine.Journal) []engine.RunRow {
	t.Helper()
	runs, err := j.Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(runs, func(a, b engine.RunRow) int { return int(int64(a.Run) - int64(b.Run)) })
	return runs
}

func filtersOf(t *testing.T, j engine.Journal, run engine.RunID) []engine.KeyFilterRow {
	t.Helper()
	var found []engine.KeyFilterRow
	err := j.KeyFilters(t.Context(), 0, run, func(f engine.KeyFilterRow) error {
		found = append(found, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func checkpoint(t *testing.T, j engine.Journal) {
	// The last checkpoint wins.
	for n := range uint32(3) {
		commit(t, j, engine.Commit{Checkpoint: &engine.Checkpoint{Windows: n, Owners: 10, Grants: 20}})
	}
	got, err := j.Checkpoint(t.Context(), 0)
	equal(t, got, engine.Checkpoint{Windows: 2, Owners: 10, Grants: 20}, err)
}

func dropDerived(t *testing.T, j engine.Journal) {
	// Derived rows go, the journal stays.
	o := owner("c", "t", "", 1, 5)
	b := block(0, 1, 1, "kept")
	commit(t, j, engine.Commit{
		Blocks: []engine.Block{b}, Owners: []engine.OwnerRow{o}, Checkpoint: &engine.Checkpoint{Windows: 1},
		Pages: []engine.PageRow{{Owner: 1, Refs: []byte("r")}}, Runs: []engine.RunRow{{Keys: 1}},
		Filters: []engine.KeyFilterRow{{Bits: []byte("f")}}, Chunks: []engine.KeyChunkRow{{Data: []byte("d")}},
	})
	if err := j.DropDerived(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	_, found, err := j.Owner(t.Context(), 0, o.Key)
	equal(t, found, false, err)
	cp, err := j.Checkpoint(t.Context(), 0)
	equal(t, cp, engine.Checkpoint{}, err)
	rows, err := j.Pages(t.Context(), 0, 1, 9, 9)
	equal(t, rows, []engine.PageRow(nil), err)
	equal(t, runsOf(t, j), []engine.RunRow(nil), nil)
	equal(t, filtersOf(t, j, 0), []engine.KeyFilterRow(nil), nil)
	chunks, err := j.KeyChunks(t.Context(), 0, 0, 0, 9)
	equal(t, chunks, []engine.KeyChunkRow(nil), err)
	equal(t, readFrom(t, j, engine.NewPosition(0, 1)), []engine.Block{b}, nil)
}

func shardsSeparate(t *testing.T, j engine.Journal) {
	// What is written in one shard is not seen in another.
	commit(t, j, engine.Commit{Shard: otherShard, Blocks: []engine.Block{block(otherShard, 1, 1, "other")}, Owners: []engine.OwnerRow{owner("c", "t", "", 1, 5)}})
	head, err := j.Head(t.Context(), 0)
	equal(t, head, engine.NewPosition(0, 1), err)
	equal(t, readFrom(t, j, engine.NewPosition(0, 1)), []engine.Block(nil), nil)
	_, found, err := j.Owner(t.Context(), 0, owner("c", "t", "", 1, 5).Key)
	equal(t, found, false, err)
	head, err = j.Head(t.Context(), otherShard)
	equal(t, head, engine.NewPosition(otherShard, 2), err)
}
