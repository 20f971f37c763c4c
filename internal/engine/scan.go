package engine

import (
	"context"
	"fmt"
)

// Entries calls visit with the entries of the shard of a position, from that one on, in order, until visit fails. Entries
// that are committed meanwhile may or may not be among them.
func Entries(ctx context.Context, j Journal, from Position, visit func(*Entry) error) error {
	return j.Blocks(ctx, from, func(b *Block) error {
		return b.each(func(at Position, raw rawEntry) error {
			if at < from {
				return nil
			}
			e, err := decodeEntry(raw, at)
			if err != nil {
				return fmt.Errorf("entry %s: %w", at.TxnID(), err)
			}
			return visit(e)
		})
	})
}

// Entries is the function of that name on the engine's journal.
func (e *Engine) Entries(ctx context.Context, from Position, visit func(*Entry) error) error {
	return Entries(ctx, e.shards[from.Shard()].journal, from, visit)
}
