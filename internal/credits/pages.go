package credits

import "slices"

// What one list call reads (wire reference 2.6).
const (
	pageLimitDefault = 20
	pageLimitMax     = 100
)

// Page asks for a part of a list that is ordered newest first. After and Before are row numbers taken from List.Next and
// List.Prev; Before wins when both are given. Limit 0 means 20, and 100 is the most that is returned.
type Page struct {
	After  int64
	Before int64
	Limit  int
}

// Size is the number of rows the page may hold, between 1 and 100.
func (p Page) Size() int {
	switch {
	case p.Limit <= 0:
		return pageLimitDefault
	case p.Limit > pageLimitMax:
		return pageLimitMax
	}
	return p.Limit
}

// List is one page of results, newest first. Next and Prev are the row numbers to pass as Page.After and Page.Before; 0
// means that there is nothing in that direction.
type List[T any] struct {
	Items []T
	Next  int64
	Prev  int64
}

// Numbered is what lists are made of: every stored row has a number that grows in creation order.
type Numbered interface{ RowNumber() int64 }

// MakeList turns up to Size()+1 rows, ordered newest first, read in the direction the page asks for, into a List. The row
// beyond Size(), if there is one, only shows that the list goes on.
func MakeList[T Numbered](page Page, rows []T) List[T] {
	more := len(rows) > page.Size()
	list := List[T]{Items: rows}
	if page.Before > 0 {
		if more {
			list.Items = rows[1:]
		}
		return withEnds(list, more, len(rows) > 0)
	}
	if more {
		list.Items = rows[:page.Size()]
	}
	return withEnds(list, page.After > 0 && len(rows) > 0, more)
}

// withEnds sets Prev and Next to the outermost rows where the list goes on.
func withEnds[T Numbered](list List[T], newer, older bool) List[T] {
	if newer {
		list.Prev = list.Items[0].RowNumber()
	}
	if older {
		list.Next = list.Items[len(list.Items)-1].RowNumber()
	}
	return list
}

// PageOf cuts a page out of a complete list that is ordered by falling row numbers. It is for lists that are made to be
// shown and stored nowhere.
func PageOf[T Numbered](all []T, page Page) List[T] { return pageOf(all, page) }

// pageOf cuts a page out of a complete list, which must be ordered newest first.
func pageOf[T Numbered](all []T, page Page) List[T] {
	limit := page.Size() + 1
	if page.Before > 0 {
		end := slices.IndexFunc(all, func(v T) bool { return v.RowNumber() <= page.Before })
		if end < 0 {
			end = len(all)
		}
		return MakeList(page, all[max(0, end-limit):end])
	}
	start := 0
	if page.After > 0 {
		start = slices.IndexFunc(all, func(v T) bool { return v.RowNumber() < page.After })
		if start < 0 {
			start = len(all)
		}
	}
	return MakeList(page, all[start:min(len(all), start+limit)])
}

// newestFirst orders rows by their number, the newest first.
func newestFirst[T Numbered](rows []T) []T {
	slices.SortFunc(rows, func(a, b T) int {
		switch {
		case a.RowNumber() > b.RowNumber():
			return -1
		case a.RowNumber() < b.RowNumber():
			return 1
		}
		return 0
	})
	return rows
}
