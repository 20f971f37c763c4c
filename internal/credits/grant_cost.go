package credits

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// cost is the whole price: as given, or from the price of one credit; both must agree after rounding (semantics 4.2).
func (in *NewGrant) cost() (ledger.Money, error) {
	if in.Cost == nil && in.CostBasis == nil {
		return ledger.Money{}, nil
	}
	if in.Cost == nil {
		return in.costFromBasis()
	}
	if in.Cost.Amount.Sign() < 0 || !in.Cost.Amount.InRange() {
		return ledger.Money{}, Invalid("cost.amount", "must not be negative")
	}
	if in.CostBasis == nil {
		return *in.Cost, nil
	}
	total, err := in.costByBasis()
	if err != nil {
		return ledger.Money{}, err
	}
	digits := amount.MinorDigits(in.Cost.Currency)
	if total.Round(digits) != in.Cost.Amount.Round(digits) {
		return ledger.Money{}, Unprocessable("CostMismatch", "costBasis",
			fmt.Sprintf("costBasis × amount is %s, but cost is %s", total.Round(digits), in.Cost.Amount))
	}
	return *in.Cost, nil
}

// costByBasis is costBasis × amount, not rounded to money yet.
func (in *NewGrant) costByBasis() (amount.Amount, error) {
	total, ok := in.Amount.Mul(*in.CostBasis)
	if in.CostBasis.Sign() < 0 || !ok {
		return total, Invalid("costBasis", "must not be negative, and costBasis × amount must stay in range")
	}
	return total, nil
}

// costFromBasis is the whole price when only that of one credit is given, in the default currency.
func (in *NewGrant) costFromBasis() (ledger.Money, error) {
	total, err := in.costByBasis()
	if err != nil {
		return ledger.Money{}, err
	}
	if total = total.Round(amount.MinorDigits(currencyDefault)); total.IsZero() {
		return ledger.Money{}, nil
	}
	return ledger.Money{Amount: total, Currency: currencyDefault}, nil
}
