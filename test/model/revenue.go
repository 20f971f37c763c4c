package model

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
)

// RevenueLine is what happened to the money behind one credit type in a month (semantics 19.3). Months in which nothing was
// deferred or moved have none.
type RevenueLine struct {
	Month                                                   string // 2026-03
	Currency                                                string // of the money
	CreditType                                              string
	Opening, Granted, Recognised, Breakage, Voided, Closing string
}

// movement is money that went into or out of what is deferred.
type movement struct {
	month, currency, creditType string
	kind                        string // GRANTED, or the column it went to; ROLLED, from a grant to its child, is in no column
	amount                      *big.Rat
}

// columnOf says where the money of a row goes, by its type.
var columnOf = map[string]string{
	"CONSUMED": "RECOGNISED", "TRANSFER_TARGET": "RECOGNISED", "CONSUMPTION_REVERSED": "RECOGNISED",
	"EXPIRED": "BREAKAGE", "EXPIRY_REVERSED": "BREAKAGE", "VOIDED": "VOIDED", "ROLLED_OUT": "ROLLED",
}

const monthForm = "2006-01"

// book notes a movement of a grant's money in the transaction under way, and that the grant's books still add up (I12).
func (p *pool) book(g *grant, kind string, amount *big.Rat) {
	if amount.Sign() == 0 {
		return
	}
	p.world.movements = append(p.world.movements, movement{p.posted.Format(monthForm), g.currency, p.key.Currency, kind, amount})
	if kind != "GRANTED" {
		amount = neg(amount)
	}
	g.booked = add(g.booked, amount)
}

// checkMoney panics unless what was granted less what left is what is deferred (I12).
func (p *pool) checkMoney(g *grant) {
	if g.activated && g.booked.Cmp(g.deferred()) != 0 {
		panic(fmt.Sprintf("model: grant %s has %s deferred and %s in the books", g.ref, decimal(g.deferred()), decimal(g.booked)))
	}
}

// deferred is the money of what is not released.
func (g *grant) deferred() *big.Rat { return sub(g.moneyOf(g.amount), g.moneyOf(g.released())) }

// Revenue implements Subject: it adds up all movements of all time, for every month anew.
func (m *Model) Revenue() []RevenueLine {
	w := m.replayed
	var lines []RevenueLine
	if len(w.movements) == 0 {
		return nil
	}
	first := w.movements[0].month
	for _, v := range w.movements {
		first = min(first, v.month)
	}
	for at := w.now; at.Format(monthForm) >= first; at = byMonth(at, -1) {
		seen := map[[2]string]bool{}
		for _, v := range w.movements {
			if key := [2]string{v.currency, v.creditType}; !seen[key] && v.month <= at.Format(monthForm) {
				seen[key] = true
				lines = append(lines, w.revenueLine(at.Format(monthForm), v.currency, v.creditType))
			}
		}
	}
	lines = slices.DeleteFunc(lines, func(l RevenueLine) bool {
		return l.Opening == "0" && l.Granted == "0" && l.Recognised == "0" && l.Breakage == "0" && l.Voided == "0"
	})
	SortRevenue(lines)
	return lines
}

func (w *world) revenueLine(month, currency, creditType string) RevenueLine {
	opening, moved := zero, map[string]*big.Rat{"GRANTED": zero, "RECOGNISED": zero, "BREAKAGE": zero, "VOIDED": zero, "ROLLED": zero}
	for _, v := range w.movements {
		switch {
		case v.currency != currency || v.creditType != creditType || v.month > month:
		case v.month == month:
			moved[v.kind] = add(moved[v.kind], v.amount)
		case v.kind == "GRANTED":
			opening = add(opening, v.amount)
		default:
			opening = sub(opening, v.amount)
		}
	}
	closing := add(opening, moved["GRANTED"])
	for _, gone := range []string{"RECOGNISED", "BREAKAGE", "VOIDED", "ROLLED"} {
		closing = sub(closing, moved[gone])
	}
	return RevenueLine{
		Month: month, Currency: currency, CreditType: creditType, Opening: decimal(opening), Granted: decimal(moved["GRANTED"]),
		Recognised: decimal(moved["RECOGNISED"]), Breakage: decimal(moved["BREAKAGE"]), Voided: decimal(moved["VOIDED"]), Closing: decimal(closing),
	}
}

// SortRevenue brings lines into the order in which Subjects answer: by month, currency and credit type.
func SortRevenue(lines []RevenueLine) {
	slices.SortFunc(lines, func(a, b RevenueLine) int {
		return cmp.Or(cmp.Compare(a.Month, b.Month), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.CreditType, b.CreditType))
	})
}
