package ledger

import "github.com/scrip-dev/scrip/internal/amount"

// releases tells whether a row of this type moves what is released of its grant, and with it money (semantics 19.2).
func (t RowType) releases() bool {
	switch t {
	case Consumed, ExpiredRow, VoidedRow, TransferTarget, ExpiryReversed, ConsumptionReversed, RolledOut:
		return true
	default:
		return false
	}
}

// moneyOf returns the money that a row of amount amt would carry, the grant being in its state before the row. The whole
// cost is rounded cumulatively, so that the rows of a grant add up to its cost to the last cent, whatever their sizes.
func (g *Grant) moneyOf(t RowType, amt amount.Amount) Money {
	if g.Cost.Amount.IsZero() || !t.releases() {
		return Money{}
	}
	before := g.Released()
	m := g.costOf(before.Sub(amt)).Sub(g.costOf(before))
	if m.IsZero() {
		return Money{}
	}
	return Money{Amount: m, Currency: g.Cost.Currency}
}

// costOf returns the share of the cost that belongs to the first x released credits, at the currency's minor unit.
func (g *Grant) costOf(x amount.Amount) amount.Amount {
	share, ok := amount.MulDiv(g.Cost.Amount, x, g.Amount, amount.MinorDigits(g.Cost.Currency))
	if !ok {
		broken("I12", "grant %d: the share of %s in %s of %s is out of range", g.ID, g.Cost.Amount, x, g.Amount)
	}
	return share
}

// Deferred returns the money of the credits that are not released yet: cost minus recognised, breakage and voided
// (semantics 19.2, I12).
func (g *Grant) Deferred() Money {
	if g.Cost.Amount.IsZero() {
		return Money{}
	}
	left := g.costOf(g.Amount).Sub(g.costOf(g.Released()))
	if left.IsZero() {
		return Money{}
	}
	return Money{Amount: left, Currency: g.Cost.Currency}
}
