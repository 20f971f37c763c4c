package revenue

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// GrantKey names the books of a grant in one money currency. A grant has one, unless its cost was changed to another.
type GrantKey struct {
	Grant    ledger.GrantID
	Currency string
}

// Book is the money of one grant as it stood after its last movement in a month.
type Book struct {
	GrantKey
	Environment string
	Customer    string
	CreditType  string
	Resource    string
	Month       Month         // of the last movement; 0 before the first
	Cost        amount.Amount // the whole price, at the minor unit
	Active      bool          // it became usable: its cost is granted
	Unpaid      bool          // money is outstanding
	Figures     Figures       // since the grant was made
}

// Deferred is the money of the credits that are not released (I12).
func (b *Book) Deferred() amount.Amount { return b.Figures.Net() }

// TotalKey names a line of a month's report in one shard.
type TotalKey struct {
	Environment string
	Month       Month
	Currency    string // of the money
	CreditType  string
}

// Fold moves books by the entries of one shard, in their order. Load must return the latest books of the grants named, of
// those it knows; it is called once for each Take.
type Fold struct {
	Load func([]ledger.GrantID) ([]*Book, error)
}

// Changes is what a run of entries did.
type Changes struct {
	Books  []*Book               // every book that changed, once for each month with a movement, earlier months first
	Totals map[TotalKey]*Figures // what to add to totals
}

// Take folds entries.
func (f *Fold) Take(entries []*engine.Entry) (*Changes, error) {
	moves := movesOf(entries)
	w := &work{books: map[ledger.GrantID][]*Book{}, changed: map[*Book]bool{}, totals: map[TotalKey]*Figures{}}
	if len(moves) == 0 {
		return w.changes(), nil
	}
	known, err := f.Load(grantsOf(moves))
	if err != nil {
		return nil, err
	}
	for _, b := range known {
		w.books[b.Grant] = append(w.books[b.Grant], b)
	}
	for i := range moves {
		w.move(&moves[i])
	}
	return w.changes(), nil
}

// move is one fact that may concern money.
type move struct {
	key   ledger.Key
	at    ledger.Time
	grant ledger.GrantID
	state *ledger.Grant // new state of the grant, or nil
	row   *ledger.Row   // else
}

// Grants lists the grants whose money an entry may move; an entry without any need not be kept for Take.
func Grants(e *engine.Entry) []ledger.GrantID { return grantsOf(movesOf([]*engine.Entry{e})) }

// movesOf lists the facts that may concern money. Most rows are about free grants and are left out at a glance.
func movesOf(entries []*engine.Entry) []move {
	var moves []move
	for _, e := range entries {
		for i := range e.Pools {
			p := &e.Pools[i]
			key := ledger.Key{Environment: e.Environment, Customer: e.Customer, Currency: p.Currency, Resource: p.Resource}
			moves = appendMoves(moves, e, key, p.Facts)
		}
	}
	return moves
}

func appendMoves(moves []move, e *engine.Entry, key ledger.Key, facts []ledger.Fact) []move {
	free := ledger.GrantID(0) // the grant that this entry has just made for nothing
	for i := range facts {
		f := &facts[i]
		switch {
		case f.Kind == ledger.FactGrant && isNew(e.Kind, f.Grant) && f.Grant.Cost.Amount.IsZero():
			free = f.Grant.ID
		case f.Kind == ledger.FactGrant:
			moves = append(moves, move{key: key, at: postedAt(e, facts[i:]), grant: f.Grant.ID, state: f.Grant})
		case f.Kind == ledger.FactRow && (starts(f.Row.Type) && f.Row.Grant != free || !f.Row.Money.Amount.IsZero()):
			moves = append(moves, move{key: key, at: f.Row.PostedAt, grant: f.Row.Grant, row: &f.Row})
		}
	}
	return moves
}

// isNew tells a grant that an entry of a kind has made from one that it has changed.
func isNew(kind engine.EntryKind, g *ledger.Grant) bool {
	changes := kind == engine.UpdateEntry || kind == engine.PaymentEntry
	return g.Type == ledger.Overdraft || !changes && g.ActivatedAt == 0 && g.VoidedAt == 0 && g.ExpiredAt == 0
}

func starts(t ledger.RowType) bool { return t == ledger.Granted || t == ledger.RolledIn }

// postedAt is when a state was reached: at the row that follows it, such as UPDATED, or when the entry was decided.
func postedAt(e *engine.Entry, rest []ledger.Fact) ledger.Time {
	for i := range rest {
		if rest[i].Kind == ledger.FactRow {
			return rest[i].Row.PostedAt
		}
	}
	return e.At
}

func grantsOf(moves []move) []ledger.GrantID {
	seen := map[ledger.GrantID]bool{}
	var ids []ledger.GrantID
	for i := range moves {
		if id := moves[i].grant; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// work is one Take under way.
type work struct {
	books   map[ledger.GrantID][]*Book // the latest of each currency
	changed map[*Book]bool
	list    []*Book // changed, in order
	totals  map[TotalKey]*Figures
}

func (w *work) changes() *Changes { return &Changes{Books: w.list, Totals: w.totals} }

func (w *work) move(m *move) {
	if m.state != nil {
		w.state(m)
		return
	}
	t, money := m.row.Type, m.row.Money
	if starts(t) {
		for _, b := range slices.Clone(w.books[m.grant]) {
			w.activate(m, b)
		}
		return
	}
	w.add(m, w.book(m, money.Currency), func(b *Book, f *Figures) { *b.target(f, t) = money.Amount })
}

// target is what a row of a type moves.
func (b *Book) target(f *Figures, t ledger.RowType) *amount.Amount {
	switch t {
	case ledger.ExpiredRow, ledger.ExpiryReversed:
		return &f.Breakage
	case ledger.VoidedRow:
		if b.Unpaid {
			return &f.WrittenOff
		}
		return &f.Refundable
	case ledger.RolledOut:
		return &f.Rolled
	}
	return &f.Recognised
}

// activate grants the cost of a grant that becomes usable.
func (w *work) activate(m *move, b *Book) {
	if b.Active {
		return
	}
	if b.Cost.IsZero() {
		w.writable(b).Active = true
		return
	}
	w.add(m, b, func(b *Book, f *Figures) {
		b.Active = true
		if m.row.Type == ledger.RolledIn {
			f.Rolled = b.Cost.Neg()
			return
		}
		*b.debit(f) = b.Cost
	})
}

// debit is where the cost of a grant is booked against.
func (b *Book) debit(f *Figures) *amount.Amount {
	if b.Unpaid {
		return &f.Receivable
	}
	return &f.Cash
}

// state takes over a grant's cost and payment. A change of the cost of a usable grant is a movement.
func (w *work) state(m *move) {
	g := m.state
	if !g.Cost.Amount.IsZero() {
		w.book(m, g.Cost.Currency)
	}
	for _, b := range slices.Clone(w.books[m.grant]) {
		w.restate(m, b, g)
	}
}

// restate brings one book of a grant up to its new state.
func (w *work) restate(m *move, b *Book, g *ledger.Grant) {
	cost := amount.Zero
	if b.Currency == g.Cost.Currency {
		cost = g.Cost.Amount.Round(amount.MinorDigits(b.Currency))
	}
	active := g.ActivatedAt != 0
	unpaid := g.Payment != ledger.PaymentNotRequired && g.Payment != ledger.PaymentPaid
	granted := amount.Zero
	if b.Active {
		granted = b.Cost
	}
	set := func(b *Book) { b.Cost, b.Active, b.Unpaid = cost, active, unpaid }
	switch delta := cost.Sub(granted); {
	case active && !delta.IsZero():
		w.add(m, b, func(b *Book, f *Figures) {
			set(b)
			*b.debit(f) = delta
		})
	case b.Cost != cost || b.Active != active || b.Unpaid != unpaid:
		set(w.writable(b))
	}
}

// book returns the latest book of a grant in a currency, new if there is none.
func (w *work) book(m *move, currency string) *Book {
	for _, b := range w.books[m.grant] {
		if b.Currency == currency {
			return b
		}
	}
	b := &Book{
		GrantKey: GrantKey{m.grant, currency}, Environment: m.key.Environment, Customer: m.key.Customer,
		CreditType: m.key.Currency, Resource: m.key.Resource,
	}
	w.books[m.grant] = append(w.books[m.grant], b)
	return b
}

// writable marks a book as changed.
func (w *work) writable(b *Book) *Book {
	if !w.changed[b] {
		w.changed[b] = true
		w.list = append(w.list, b)
	}
	return b
}

// add makes one movement of a book, and of the total of its month. With a new month the book goes on as a new one.
func (w *work) add(m *move, b *Book, set func(*Book, *Figures)) {
	month := MonthOf(m.at)
	if b.Month != 0 && b.Month != month {
		next := *b
		w.replace(b, &next)
		b = &next
	}
	var f Figures
	b = w.writable(b)
	set(b, &f)
	b.Month = month
	b.Figures.Add(&f)
	key := TotalKey{b.Environment, month, b.Currency, b.CreditType}
	if w.totals[key] == nil {
		w.totals[key] = &Figures{}
	}
	w.totals[key].Add(&f)
}

func (w *work) replace(old, next *Book) {
	for i, b := range w.books[old.Grant] {
		if b == old {
			w.books[old.Grant][i] = next
		}
	}
}
