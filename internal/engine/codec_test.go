package engine

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// sampleEntry has every member set.
func sampleEntry(t testing.TB) *Entry {
	t.Helper()
	e := &Entry{
		Position: NewPosition(0, 5), Kind: ResolveEntry, Environment: "env", Customer: "c", At: 1_000,
		Actor: ledger.Actor{Kind: ledger.ActorAPI, ID: "key"}, Request: "req", Reason: "why", Key: "k", Fingerprint: 1 << 63,
		Ref: NewPosition(0, 2), RefEventAt: 7,
		Event: &Event{
			Name: "chat", Resource: "r", At: 900, Status: EventRated, Reason: "x", Warnings: []rating.Warning{"w"},
			Dims: rating.Dims{{Key: "a", Kind: rating.Number, Text: "1"}, {Key: "b", Kind: rating.String, Text: ""}},
			Charges: []Charge{{
				Charge: ledger.Charge{Feature: "f", Mapping: "m", Version: -3}, Currency: "tokens", Subscription: "s",
				Units: amount.FromInt(2), Cost: amount.FromInt(-7),
				Meter: &MeterUse{Period: 3, End: 9, Meter: &rating.Meter{Aggregation: rating.Max, Transform: &rating.Transform{DivideBy: 10, Round: rating.RoundUp}},
					Measure: rating.Measurement{Units: amount.FromInt(4), Value: "v"}},
			}},
		},
		Texts: []GrantTexts{{Grant: 9, DisplayName: "n", Metadata: map[string]string{"a": "1", "b": "2"}, Actor: ledger.Actor{ID: "u"}}},
	}
	pool := ledger.NewPool(ledger.Key{Environment: "env", Customer: "c", Currency: "tokens"})
	cause := e.cause()
	tx := ledger.Tx{Now: 1_000, Cause: &cause, NewGrant: func() ledger.GrantID { return 9 }}
	if _, err := pool.AddGrant(&tx, ledger.Grant{Type: ledger.Promotional, Amount: amount.FromInt(5), ExpireAt: ledger.Never}); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Reserve(&tx, ledger.HoldSpec{ID: "h", Amount: amount.FromInt(1), ExpiresAt: 2_000}); err != nil {
		t.Fatal(err)
	}
	e.Pools = []PoolFacts{{Currency: "tokens", Facts: tx.Facts}}
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	// An entry comes back as it was, alone and among others of a block; with anything cut off it is refused.
	t.Parallel()
	e := sampleEntry(t)
	raw := encoded(e)
	got, err := decodeEntry(raw, e.Position)
	if diff := cmp.Diff(e, got, cmpopts.EquateComparable(amount.Amount{})); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for n := range raw.bytes {
		if _, err := decodeEntry(rawEntry{raw.bytes[:n], raw.texts}, e.Position); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(raw.bytes))
		}
	}
	for n := range raw.texts {
		if _, err := decodeEntry(rawEntry{raw.bytes, raw.texts[:n]}, e.Position); err == nil {
			t.Errorf("%d of %d texts were accepted", n, len(raw.texts))
		}
	}
	w := blockWriter{next: e.Position}
	for range 3 {
		w.add(e)
	}
	if got, err = w.find(e.Position + 2); err != nil || got.Position != e.Position+2 {
		t.Errorf("in an open block: %+v, %v", got, err)
	}
	if _, err = w.find(e.Position + 3); err == nil {
		t.Error("an entry beyond the open block is found")
	}
	blocks := w.take()
	if got, err = findEntry(blocks, e.Position+2); err != nil || got.Position != e.Position+2 {
		t.Errorf("in a block: %+v, %v", got, err)
	}
	if _, err = findEntry(blocks, e.Position+3); err == nil {
		t.Error("an entry beyond the block is found")
	}
}

func TestSharedTexts(t *testing.T) {
	// Texts that entries have in common stand in a block once; blocks do not share them with each other.
	t.Parallel()
	e := sampleEntry(t)
	e.Request = strings.Repeat("r", blockBytesMax/8)
	w := blockWriter{next: e.Position}
	for range 100 {
		w.add(e)
	}
	e.Request = strings.Repeat("s", blockBytesMax)
	w.add(e)
	w.add(e)
	blocks := w.take()
	if len(blocks) != 2 || bytes.Count(blocks[0].Data, []byte("rrr")) > blockBytesMax/8 {
		t.Fatalf("%d blocks, the first with %d bytes", len(blocks), len(blocks[0].Data))
	}
	for at := sampleEntry(t).Position; at < w.next; at++ {
		got, err := findEntry(blocks, at)
		if err != nil || got.Request == "" || got.Event.Name != "chat" {
			t.Errorf("entry %d: %+v, %v", at, got, err)
		}
	}
}

// encoded is an entry as its block holds it.
func encoded(e *Entry) rawEntry {
	var table textTable
	enc := encoder{texts: &table}
	return rawEntry{bytes: enc.entry(nil, e), texts: table.list}
}

// bounded fails when fn allocates out of proportion to its input.
func bounded(t *testing.T, input int, fn func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20+1024*uint64(input) {
		t.Errorf("%d bytes of input took %d bytes of memory", input, spent)
	}
}

func TestHugeCounts(t *testing.T) {
	// A count that its input cannot hold costs little, whatever it counts. Not parallel: it measures memory.
	garbage := make([]byte, 1<<20)
	for i := range garbage {
		garbage[i] = 0xff
	}
	raw := encoded(&Entry{Kind: EventEntry, Event: &Event{}})
	head := raw.bytes
	head[2] |= hasTexts
	for cut := range head {
		b := binary.AppendUvarint(head[:cut:cut], 1<<20)
		b = append(b, garbage...)
		bounded(t, len(b), func() { _, _ = decodeEntry(rawEntry{b, raw.texts}, 1) })
	}
}

func FuzzDecode(f *testing.F) {
	e := sampleEntry(f)
	w := blockWriter{next: e.Position}
	w.add(e)
	blocks := w.take()
	p := &page{}
	p.add(NewPosition(0, 3), 1, 2)
	p.consume("f", 5, amount.FromInt(1), 1)
	row := p.row(1, 0)
	var meters meterSet
	meters.advance(&e.Event.Charges[0], e.At)
	run := sortedRun(0, map[KeyHash]Position{{1}: 1, {2}: 2})
	for _, seed := range [][]byte{encoded(e).bytes, blocks[0].Data, row.Refs, row.Usage, meters.appendBinary(nil), run.chunks[0].Data} {
		f.Add(seed, uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		// Bytes that nobody wrote are refused or read, but never panic and never take memory out of proportion.
		bounded(t, len(b), func() { decodeAll(t, b, int(n)) })
	})
}

// decodeAll gives the same bytes to every decoder.
func decodeAll(t *testing.T, b []byte, n int) {
	texts := []string{"env", "key", "req", "chat", "f", "m", "tokens"}
	if e, err := decodeEntry(rawEntry{b, texts}, 1); err == nil {
		entryKeys(e)
		raw := encoded(e)
		again, err := decodeEntry(raw, 1)
		if err != nil || !bytes.Equal(raw.bytes, encoded(again).bytes) {
			t.Errorf("read, written and read again it differs: %v", err)
		}
	}
	block := &Block{First: 1, Entries: n, Data: b}
	_ = block.each(func(at Position, raw rawEntry) error { _, err := decodeEntry(raw, at); return err })
	_, _ = block.entry(Position(n))
	s := &shard{windows: windows(WindowEntriesDefault)}
	_, _ = s.decodeRefs(&PageRow{Refs: b})
	_, _ = decodeUsage(b)
	_, _ = decodeMeters(b)
	_, _ = decodeGrantRow(&GrantRow{State: b, Texts: b})
	findInChunk(b, KeyHash{byte(n)})
}
