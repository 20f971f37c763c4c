package engine

import "context"

// refMerge yields the positions in the postings of several owners, newest first and each once.
type refMerge struct {
	shard *shard
	lists []refList
	last  Position // yielded before
}

// refList is what is left of one owner's postings.
type refList struct {
	pages *pageReader
	refs  []ref // of the page under way, oldest first
}

// next returns the next position, or 0 after the last.
func (m *refMerge) next(ctx context.Context) (Position, error) {
	for {
		var newest *refList
		for i := range m.lists {
			l := &m.lists[i]
			if err := l.fill(ctx, m.shard); err != nil {
				return 0, err
			}
			if len(l.refs) > 0 && (newest == nil || l.newest() > newest.newest()) {
				newest = l
			}
		}
		if newest == nil {
			return 0, nil
		}
		at := newest.newest()
		newest.refs = newest.refs[:len(newest.refs)-1]
		if at != m.last {
			m.last = at
			return at, nil
		}
	}
}

func (l *refList) newest() Position { return l.refs[len(l.refs)-1].at }

// fill reads the next page if the one under way is used up.
func (l *refList) fill(ctx context.Context, s *shard) error {
	for len(l.refs) == 0 {
		page, err := l.pages.next(ctx)
		if err != nil || page == nil {
			return err
		}
		if l.refs, err = s.decodeRefs(page); err != nil {
			return err
		}
	}
	return nil
}
