package credits

import (
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// boughtBlock is a block that a subscription buys for a period (semantics 11.1).
type boughtBlock struct {
	slot
	cadence  string // empty for what is bought once
	period   Period
	quantity amount.Amount // of the block
	offer    *TopUp
	cost     func(from, to amount.Amount) (ledger.Money, bool) // of the part of the block between two amounts
}

// boughtBlocks lists the blocks that a subscription buys for the periods around an instant. In a trial and in a pause it
// buys nothing. What the plan no longer sells is left out.
func (c *Catalog) boughtBlocks(sub *Subscription, at ledger.Time) []boughtBlock {
	if at < sub.StartAt || sub.ended(at) || sub.pausedAt(at) || sub.inTrial(at) {
		return nil
	}
	var list []boughtBlock
	for _, charge := range sub.terms(at).Charges {
		if charge.Type != EntitlementCredit || charge.Quantity.IsZero() {
			continue
		}
		offer, err := c.TopUp(sub, charge.ID, at)
		if err != nil {
			continue
		}
		total, err := offer.price(charge.Quantity)
		if err == nil {
			list = append(list, sub.boughtBlock(charge, offer, total, at))
		}
	}
	return list
}

func (s *Subscription) boughtBlock(charge PurchasedQuantity, offer *TopUp, total ledger.Money, at ledger.Time) boughtBlock {
	b := boughtBlock{slot: slot{CreditType: charge.ID, Price: true}, quantity: charge.Quantity, offer: offer}
	before := amount.Zero
	switch offer.GrantCadence {
	case GrantAtPeriodStart:
		b.cadence = periodCadence(s.terms(at).BillingPeriod)
		b.period = CadencePeriod(b.cadence, s.AnchorAt(at), at)
	case GrantMonthly:
		b.cadence = CadenceMonth
		b.period = CadencePeriod(CadenceMonth, s.AnchorAt(at), at)
		before, b.quantity = s.monthlyShare(charge.Quantity, at)
	default:
		b.period = Period{s.StartAt, ledger.Never}
	}
	b.cost = func(from, to amount.Amount) (ledger.Money, bool) {
		return costBetween(total, charge.Quantity, before.Add(from), before.Add(to))
	}
	return b
}

// monthlyShare splits the quantity of a billing period into monthly blocks: whole credits, the remainder one by one on the
// earliest, and what is not a whole credit on the first. It returns the block of the month around an instant and what the
// blocks before it hold together.
func (s *Subscription) monthlyShare(quantity amount.Amount, at ledger.Time) (before, share amount.Amount) {
	anchor := s.AnchorAt(at)
	billing := CadencePeriod(periodCadence(s.terms(at).BillingPeriod), anchor, at)
	months, index := int64(0), int64(0)
	for from := billing.From; from < billing.To; months++ {
		month := CadencePeriod(CadenceMonth, anchor, from)
		if month.contains(at) {
			index = months
		}
		from = month.To
	}
	whole := quantity.Floor()
	each, _ := amount.MulDiv(whole, amount.FromInt(1), amount.FromInt(months), amount.FractionDigits)
	each = each.Floor()
	all, _ := each.Mul(amount.FromInt(months))
	extra := whole.Sub(all) // fewer than there are months
	upTo := func(n int64) amount.Amount {
		sum, _ := each.Mul(amount.FromInt(n))
		sum = sum.Add(amount.Min(extra, amount.FromInt(n)))
		if n > 0 {
			sum = sum.Add(quantity.Sub(whole))
		}
		return sum
	}
	before = upTo(index)
	return before, upTo(index + 1).Sub(before)
}

// costBetween is the part of a total cost that belongs to the credits between two amounts of a quantity, so that the parts
// add up to the total (semantics 19.2).
func costBetween(total ledger.Money, quantity, from, to amount.Amount) (ledger.Money, bool) {
	digits := amount.MinorDigits(total.Currency)
	low, ok1 := amount.MulDiv(total.Amount, from, quantity, digits)
	high, ok2 := amount.MulDiv(total.Amount, to, quantity, digits)
	cost := high.Sub(low)
	if cost.IsZero() {
		return ledger.Money{}, ok1 && ok2
	}
	return ledger.Money{Amount: cost, Currency: total.Currency}, ok1 && ok2
}

// buy adds what a subscription buys at a boundary: the whole block at the start of its period, and the difference when the
// quantity was raised within one (semantics 10.4). It returns what is left of the blocks issued before.
func (c *Catalog) buy(sub *Subscription, t *turn, left []IssuedBlock) []IssuedBlock {
	for _, b := range c.boughtBlocks(sub, t.at) {
		block := IssuedBlock{slot: b.slot, Period: b.period, Cadence: b.cadence}
		running := false
		left = slices.DeleteFunc(slices.Clone(left), func(old IssuedBlock) bool {
			same := old.slot == b.slot && old.Cadence == b.cadence && old.Period == b.period
			if same {
				block, running = old, true
			}
			return same || old.slot == b.slot
		})
		from := amount.Min(block.Peak, b.quantity)
		if cost, ok := b.cost(from, b.quantity); ok && from.Less(b.quantity) {
			t.purchases = append(t.purchases, b.purchase(sub, b.quantity.Sub(from), cost, t, running))
		}
		block.Peak = amount.Max(block.Peak, b.quantity)
		t.issued = append(t.issued, block)
	}
	return left
}

// purchase is the order for a block, or for more of one that was bought already.
func (b *boughtBlock) purchase(sub *Subscription, quantity amount.Amount, cost ledger.Money, t *turn, more bool) Purchase {
	p := Purchase{
		CreditTypeID: b.CreditType, Quantity: quantity, Cost: cost, GrantCadence: b.offer.GrantCadence, EffectiveAt: t.at,
		PriceID: b.offer.PriceID, ExpireAfter: b.offer.ExpireAfter, Type: ledger.Paid,
		Key: fmt.Sprintf("subscription %s buys %s at %d (%d)", sub.ID, b.CreditType, t.at, t.again),
	}
	if b.cadence != "" && !more {
		p.Type = ledger.Recurring
	}
	return p
}
