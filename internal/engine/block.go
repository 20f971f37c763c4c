package engine

import (
	"encoding/binary"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// blockBytesMax is where a commit's entries are cut into another block. Reading one entry reads its block, so blocks are
// kept small; writing is one row per block, so not too small.
const blockBytesMax = 48 << 10

// Block is a run of entries as the journal stores them: the first entry's position, how many there are, and their bytes,
// each preceded by its length, with the texts that they share at the end. Blocks of a shard follow each other without a gap.
type Block struct {
	First   Position
	Entries int
	Data    []byte
}

// Next is the position right after the block.
func (b *Block) Next() Position { return b.First + Position(b.Entries) }

// rawEntry is the bytes of one entry with the texts that they refer to.
type rawEntry struct {
	bytes []byte
	texts []string
}

// each calls visit with every entry's position and bytes, until visit fails.
func (b *Block) each(visit func(Position, rawEntry) error) error {
	entries, texts, err := unseal(b.Data)
	if err != nil {
		return err
	}
	r := &reader{rest: entries}
	for i := range b.Entries {
		raw := r.bytes(r.count())
		if r.err != nil {
			return r.err
		}
		if err := visit(b.First+Position(i), rawEntry{raw, texts}); err != nil {
			return err
		}
	}
	if len(r.rest) > 0 {
		return errCorrupt
	}
	return nil
}

// entry decodes the one entry at the position, which must be inside the block.
func (b *Block) entry(at Position) (*Entry, error) {
	entries, texts, err := unseal(b.Data)
	if err != nil {
		return nil, err
	}
	return b.pick(at, rawEntry{entries, texts})
}

// pick decodes one of the block's entries.
func (b *Block) pick(at Position, all rawEntry) (*Entry, error) {
	r := &reader{rest: all.bytes}
	for i := range b.Entries {
		raw := r.bytes(r.count())
		if r.err != nil {
			return nil, r.err
		}
		if b.First+Position(i) == at {
			return decodeEntry(rawEntry{raw, all.texts}, at)
		}
	}
	return nil, errCorrupt
}

// blockWriter collects the entries of one commit into blocks. The last one is open: its texts are still apart.
type blockWriter struct {
	next    Position // of the next entry
	blocks  []Block
	texts   textTable // of the last block
	entry   []byte    // scratch
	charges []ledger.Charge
	spare   [][]byte // memory of blocks that have landed
}

// Memory for blocks. A block ends with the entry that makes it full, which is seldom larger than blockSlack.
const (
	blockSlack     = 4 << 10
	blockSparesMax = 64 // as many as a large commit has
)

// add appends an entry, which must carry the position `next`.
func (w *blockWriter) add(e *Entry) {
	b := w.open()
	enc := encoder{texts: &w.texts, charges: w.charges[:0]}
	w.entry = enc.entry(w.entry[:0], e)
	w.charges = enc.charges
	b.Data = binary.AppendUvarint(b.Data, uint64(len(w.entry)))
	b.Data = append(b.Data, w.entry...)
	b.Entries++
	w.next++
}

// open returns the block that the next entry belongs to.
func (w *blockWriter) open() *Block {
	if n := len(w.blocks); n > 0 {
		if b := &w.blocks[n-1]; len(b.Data)+w.texts.size < blockBytesMax {
			return b
		}
		w.seal()
	}
	w.blocks = append(w.blocks, Block{First: w.next, Data: w.memory()})
	return &w.blocks[len(w.blocks)-1]
}

// seal completes the last block.
func (w *blockWriter) seal() {
	b := &w.blocks[len(w.blocks)-1]
	b.Data = w.texts.seal(b.Data)
	w.texts.reset()
}

// take hands over the blocks, which are on their way to the disk.
func (w *blockWriter) take() []Block {
	blocks := w.blocks
	if len(blocks) > 0 {
		w.seal()
	}
	w.blocks = nil
	return blocks
}

// memory returns room for a block.
func (w *blockWriter) memory() []byte {
	if n := len(w.spare); n > 0 {
		data := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return data
	}
	return make([]byte, 0, blockBytesMax+blockSlack)
}

// reuse takes the memory of blocks that have landed, which nobody may read any more.
func (w *blockWriter) reuse(blocks []Block) {
	for i := range blocks {
		if data := blocks[i].Data; len(w.spare) < blockSparesMax && cap(data) <= 2*blockBytesMax {
			w.spare = append(w.spare, data[:0])
		}
	}
}

// holds tells whether an entry waits here.
func (w *blockWriter) holds(at Position) bool { return len(w.blocks) > 0 && at >= w.blocks[0].First }

// find decodes an entry that waits here.
func (w *blockWriter) find(at Position) (*Entry, error) {
	last := &w.blocks[len(w.blocks)-1]
	if at >= last.First {
		return last.pick(at, rawEntry{last.Data, w.texts.list})
	}
	return findEntry(w.blocks, at)
}

// findEntry decodes an entry that is in one of the blocks.
func findEntry(blocks []Block, at Position) (*Entry, error) {
	for i := range blocks {
		if b := &blocks[i]; at >= b.First && at < b.Next() {
			return b.entry(at)
		}
	}
	return nil, errCorrupt
}
