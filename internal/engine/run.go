package engine

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"runtime"
	"slices"
	"sort"
)

// RunID names a sorted run of keys. A run of level L holds the keys of 2^L windows, from a multiple of that on; the
// number is the level in the upper half and the first window in the lower.
type RunID uint64

const (
	runLevelBits = 32
	runLevelMax  = 31
)

func newRunID(level int, first uint32) RunID { return RunID(level)<<runLevelBits | RunID(first) }

// runBetween is the run that holds the windows from first to before end; false when there is none of just these.
func runBetween(first, end uint32) (RunID, bool) {
	span := end - first
	if end <= first || span&(span-1) != 0 || first%span != 0 {
		return 0, false
	}
	return newRunID(bits.TrailingZeros32(span), first), true
}

func (r RunID) first() uint32 { return uint32(r) }

// end is the window after the last one.
func (r RunID) end() uint32 { return r.first() + 1<<(r>>runLevelBits) }

// within tells whether another run holds everything that this one does.
func (r RunID) within(o RunID) bool { return o.first() <= r.first() && r.end() <= o.end() }

func (r RunID) valid() bool {
	id, ok := runBetween(r.first(), r.end())
	return r>>runLevelBits <= runLevelMax && ok && id == r
}

// The shape of a run. Keys are hashes, so a run is cut by their value: its n chunks, and the lines of its filter, share
// the space of keys evenly. Where a key belongs is computed, not searched, and a run is made from its first key to its
// last in one pass. A chunk is what one lookup reads from the database; it holds about chunkKeys keys.
const (
	keyRecordBytes = len(KeyHash{}) + 8
	chunkKeys      = 512
	// filterChunks is how many chunks share a row of the filter, of 64 KB or less.
	filterChunks = 64
	// filterBits is how many bits a key has in a filter. Runs of many windows have fewer: they hold nearly all keys, and so
	// nearly all of the memory, but most runs to ask are small.
	filterBits      = 16
	filterBitsLarge = 12
	runLevelLarge   = 7 // 16 million keys
)

// keyRun is what memory holds of a run.
type keyRun struct {
	id     RunID
	keys   int
	filter filter
}

func newKeyRun(id RunID, keys int) *keyRun {
	bitsPerKey := filterBits
	if id>>runLevelBits >= runLevelLarge {
		bitsPerKey = filterBitsLarge
	}
	return &keyRun{id: id, keys: keys, filter: newFilter(chunksOf(keys), bitsPerKey)}
}

func (r *keyRun) chunks() int { return chunksOf(r.keys) }

// chunksOf is how many chunks a run of so many keys has.
func chunksOf(keys int) int { return max((keys+chunkKeys-1)/chunkKeys, 1) }

// chunkOf returns the chunk that holds the key if the run does.
func (r *keyRun) chunkOf(key *KeyHash) int { return share(key, r.chunks()) }

// share is the part, of so many equal ones, in which a key lies. Cutting each part again gives the finer parts.
func share(key *KeyHash, parts int) int {
	part, _ := bits.Mul64(binary.BigEndian.Uint64(key[:8]), uint64(parts))
	return int(part)
}

func findInChunk(chunk []byte, key KeyHash) (Position, bool) {
	records := len(chunk) / keyRecordBytes
	i := sort.Search(records, func(i int) bool {
		return bytes.Compare(chunk[i*keyRecordBytes:i*keyRecordBytes+len(key)], key[:]) >= 0
	})
	if i == records || !bytes.Equal(chunk[i*keyRecordBytes:i*keyRecordBytes+len(key)], key[:]) {
		return 0, false
	}
	return Position(binary.BigEndian.Uint64(chunk[i*keyRecordBytes+len(key):])), true
}

// runRows are rows of a run on their way to the database.
type runRows struct {
	run     *keyRun
	chunks  []KeyChunkRow
	filters []KeyFilterRow
	last    bool // the run is complete with them
}

// row describes the run as it is once these rows are written.
func (r *runRows) row() RunRow { return RunRow{Run: r.run.id, Keys: r.run.keys, Complete: r.last} }

// runWriter makes the rows of a run from records that come in the order of their keys: a function of the records alone.
type runWriter struct {
	rows  runRows
	next  int // the chunk being filled
	chunk []byte
	added int
}

func newRunWriter(run *keyRun) *runWriter { return &runWriter{rows: runRows{run: run}} }

// add appends a record: a key and its position.
func (w *runWriter) add(record []byte) {
	key := (*KeyHash)(record)
	w.close(w.rows.run.chunkOf(key))
	if w.chunk == nil {
		w.chunk = make([]byte, 0, (chunkKeys+chunkKeys/8)*keyRecordBytes) // nearly always enough
	}
	w.chunk = append(w.chunk, record...)
	w.rows.run.filter.add(key)
	w.added++
}

// close completes the chunks before one.
func (w *runWriter) close(before int) {
	run := w.rows.run
	for ; w.next < before; w.next++ {
		w.rows.chunks = append(w.rows.chunks, KeyChunkRow{Run: run.id, Chunk: w.next, Data: w.chunk})
		w.chunk = nil
		runtime.Gosched() // runs are made beside whoever waits for an answer
		if end := w.next + 1; end%filterChunks == 0 || end == run.chunks() {
			first := w.next / filterChunks * filterChunks
			w.rows.filters = append(w.rows.filters, KeyFilterRow{Run: run.id, Chunk: first, Bits: run.filter.of(first, end)})
		}
	}
}

// finish completes the run.
func (w *runWriter) finish() {
	w.close(w.rows.run.chunks())
	w.rows.last = true
}

// take hands over the rows that are complete.
func (w *runWriter) take() *runRows {
	rows := w.rows
	w.rows.chunks, w.rows.filters = nil, nil
	return &rows
}

// keyRecord is a key and its position, as chunks hold them.
type keyRecord [keyRecordBytes]byte

// sortRecords sorts beside a busy writer: a little at a time, so that nobody waits long for the processor. Keys are hashes,
// so their first bits deal them out evenly.
func sortRecords(records []keyRecord) {
	var ends [1 << 8]int // by first byte: where its records begin, and at last where they end
	for i := range records {
		ends[records[i][0]]++
	}
	sum := 0
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	dealt := make([]keyRecord, len(records))
	for i := range records {
		b := records[i][0]
		dealt[ends[b]] = records[i]
		ends[b]++
	}
	copy(records, dealt)
	start := 0
	for _, end := range ends {
		slices.SortFunc(records[start:end], func(a, b keyRecord) int { return bytes.Compare(a[:], b[:]) })
		start = end
		runtime.Gosched()
	}
}

// sortedRun makes a run of keys in memory.
func sortedRun(id RunID, keys map[KeyHash]Position) *runRows {
	sorted := make([]keyRecord, 0, len(keys))
	for k, at := range keys {
		var record keyRecord
		copy(record[:], k[:])
		binary.BigEndian.PutUint64(record[len(k):], uint64(at))
		sorted = append(sorted, record)
	}
	sortRecords(sorted)
	w := newRunWriter(newKeyRun(id, len(sorted)))
	for i := range sorted {
		w.add(sorted[i][:])
	}
	w.finish()
	return w.take()
}
