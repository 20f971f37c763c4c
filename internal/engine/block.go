package engine

import "encoding/binary"

// blockBytesMax is where a commit's entries are cut into another block. Reading one entry reads its block, so blocks are
// kept small; writing is one row per block, so not too small.
const blockBytesMax = 48 << 10

// Block is a run of entries as the journal stores them: the first entry's position, how many there are, and their bytes,
// each preceded by its length. Blocks of a shard follow each other without a gap.
type Block struct {
	First   Position
	Entries int
	Data    []byte
}

// Next is the position right after the block.
func (b *Block) Next() Position { return b.First + Position(b.Entries) }

// each calls visit with every entry's position and bytes, until visit fails.
func (b *Block) each(visit func(Position, []byte) error) error {
	r := &reader{rest: b.Data}
	for i := range b.Entries {
		raw := r.bytes(r.count())
		if r.err != nil {
			return r.err
		}
		if err := visit(b.First+Position(i), raw); err != nil {
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
	r := &reader{rest: b.Data}
	for i := range b.Entries {
		raw := r.bytes(r.count())
		if r.err != nil {
			return nil, r.err
		}
		if b.First+Position(i) == at {
			return decodeEntry(raw, at)
		}
	}
	return nil, errCorrupt
}

// blockWriter collects the entries of one commit into blocks.
type blockWriter struct {
	next   Position // of the next entry
	blocks []Block
	entry  []byte   // scratch
	spare  [][]byte // memory of blocks that have landed
}

// Memory for blocks. A block ends with the entry that makes it full, which is seldom larger than blockSlack.
const (
	blockSlack     = 4 << 10
	blockSparesMax = 64 // as many as a large commit has
)

// add appends an entry, which must carry the position `next`.
func (w *blockWriter) add(e *Entry) {
	w.entry = appendEntry(w.entry[:0], e)
	if len(w.blocks) == 0 || len(w.blocks[len(w.blocks)-1].Data) >= blockBytesMax {
		w.blocks = append(w.blocks, Block{First: w.next, Data: w.memory()})
	}
	b := &w.blocks[len(w.blocks)-1]
	b.Data = binary.AppendUvarint(b.Data, uint64(len(w.entry)))
	b.Data = append(b.Data, w.entry...)
	b.Entries++
	w.next++
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

// findEntry decodes an entry that is in one of the blocks.
func findEntry(blocks []Block, at Position) (*Entry, error) {
	for i := range blocks {
		if b := &blocks[i]; at >= b.First && at < b.Next() {
			return b.entry(at)
		}
	}
	return nil, errCorrupt
}

// reset forgets the blocks, which are on their way to the disk.
func (w *blockWriter) reset() { w.blocks = nil }
