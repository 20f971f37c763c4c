package engine

import (
	"context"
	"slices"
)

// Cut divides the entries of all shards into older and newer ones: for each shard it is the first position on the newer
// side. Lists that join shards are paged by cuts, because positions order entries in one shard only, and clocks nowhere
// well enough: whatever order a page shows, it takes from each shard what borders on the cut, so that no entry is lost or
// repeated. Of a shard that it does not name everything is newer.
type Cut []Position

// Now is the cut above everything that is durable.
func (e *Engine) Now(ctx context.Context) (Cut, error) {
	cut := make(Cut, len(e.shards))
	for i, s := range e.shards {
		head, err := s.journal.Head(ctx, s.id)
		if err != nil {
			return nil, err
		}
		cut[i] = head
	}
	return cut, nil
}

// of is the first position of a shard on the newer side.
func (c Cut) of(shard uint16) Position {
	if int(shard) < len(c) {
		return c[shard]
	}
	return NewPosition(shard, 1)
}

// Under returns the cut moved down below an entry, which becomes newer.
func (c Cut) Under(at Position) Cut { return c.moved(at.Shard(), at) }

// Over returns the cut moved up above an entry, which becomes older.
func (c Cut) Over(at Position) Cut { return c.moved(at.Shard(), at+1) }

func (c Cut) moved(shard uint16, to Position) Cut {
	moved := slices.Clone(c)
	for len(moved) <= int(shard) {
		moved = append(moved, NewPosition(uint16(len(moved)), 1))
	}
	moved[shard] = to
	return moved
}
