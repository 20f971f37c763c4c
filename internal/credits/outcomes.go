package credits

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// settlement is the decision about one outcome: what becomes of the attempt and of the order. It is pure, so that the
// order and number of the provider's messages can be tried out.
type settlement struct {
	order   *Order
	attempt *PaymentAttempt
	others  []*PaymentAttempt // of the same order
	policy  PaymentPolicy
	now     ledger.Time // of the environment
}

// knows tells whether an outcome says nothing new about an attempt, as repeated and overtaken ones do.
func (a *PaymentAttempt) knows(o Outcome) bool {
	switch {
	case a.State == AttemptPaid || a.State == AttemptParked:
		return true
	case !a.State.Unsettled():
		return o.State != AttemptPaid
	}
	return a.State == o.State && a.ActionURL == o.ActionURL && (o.Reference == "" || o.Reference == a.Reference)
}

// decide takes an outcome in. Outcomes may come twice, late and in any order: what is final stays, except that money that
// did arrive is always taken note of.
func (s *settlement) decide(o Outcome) {
	a := s.attempt
	if a.knows(o) {
		return
	}
	if o.Reference != "" {
		a.Reference = o.Reference
	}
	a.UpdatedAt = s.now
	switch o.State {
	case AttemptPaid:
		s.paid(o)
	case AttemptFailed, AttemptCanceled:
		s.failed(o)
	case AttemptActionRequired:
		s.waits(o, ledger.PaymentActionRequired)
	case AttemptProcessing:
		s.waits(o, ledger.PaymentProcessing)
	}
}

// paid compares what was paid with what was asked before anything becomes usable. What does not fit is parked.
func (s *settlement) paid(o Outcome) {
	a, p := s.attempt, s.order
	if o.Money != a.Cost {
		a.State, a.ParkedReason = AttemptParked, fmt.Sprintf("%s %s were paid instead of %s %s",
			o.Money.Amount, o.Money.Currency, a.Cost.Amount, a.Cost.Currency)
		return
	}
	a.State, a.FailureCode, a.FailureMessage, a.ActionURL = AttemptPaid, "", "", ""
	switch p.State {
	case OrderPaid:
		p.flag(FlagPaidTwice)
		return
	case OrderLapsed, OrderRefused:
		p.flag(FlagPaidAfterExpiry)
	default:
		p.State = OrderPaid
	}
	p.UnpaidAt, p.ActionURL = 0, ""
	p.step(PaymentStep{Payment: ledger.PaymentPaid, Usable: true})
	for _, other := range s.others {
		if other.State.Unsettled() && other.State != AttemptParked {
			other.State, other.UpdatedAt, other.NextAt = AttemptCanceled, s.now, 0
		}
	}
}

func (s *settlement) failed(o Outcome) {
	a, p := s.attempt, s.order
	a.State, a.FailureCode, a.FailureMessage, a.ActionURL = AttemptFailed, o.FailureCode, o.FailureMessage, ""
	if a.FailureCode == "" {
		a.FailureCode = string(o.State)
	}
	if p.State != OrderOpen {
		return
	}
	p.ActionURL = ""
	p.step(PaymentStep{Payment: ledger.PaymentFailed})
	if p.awaitsPayment() {
		p.UnpaidAt = s.now + s.policy.UnpaidAfter
		return
	}
	p.flag(FlagInvoiceCanceled)
	s.void()
}

func (s *settlement) waits(o Outcome, payment ledger.Payment) {
	a, p := s.attempt, s.order
	if a.State != o.State && p.State == OrderOpen && (payment != ledger.PaymentProcessing || a.State == AttemptActionRequired) {
		p.step(PaymentStep{Payment: payment})
	}
	a.State, a.ActionURL = o.State, o.ActionURL
	if p.State != OrderOpen {
		return
	}
	p.UnpaidAt, p.ActionURL = 0, o.ActionURL
	if payment == ledger.PaymentActionRequired && p.awaitsPayment() {
		p.UnpaidAt = s.now + s.policy.UnpaidAfter
	}
}

// reverse takes note of money that went back. Amounts are totals, so that repeats and any order do no harm.
func (s *settlement) reverse(r MoneyBack) {
	p := s.order
	p.Refunded = amount.Max(p.Refunded, r.Refunded.Amount)
	whole := !p.Refunded.Less(p.Cost().Amount)
	switch {
	case whole:
		p.flag(FlagRefunded)
	case p.Refunded.Sign() > 0:
		p.flag(FlagPartiallyRefunded)
	}
	if r.Disputed {
		p.flag(FlagDisputed)
	}
	if whole || r.Disputed {
		s.void()
	}
}

// void takes the rest of the grant away, once, if that is the policy.
func (s *settlement) void() {
	if !s.policy.VoidReversed {
		return
	}
	for _, step := range s.order.Steps {
		if step.Void {
			return
		}
	}
	s.order.step(PaymentStep{Payment: ledger.PaymentPaid, Void: true})
}

// lapse gives an order up that was not paid in time: its grant becomes void, and no money shall move for it any more.
func (s *settlement) lapse() {
	p := s.order
	p.State, p.UnpaidAt, p.ActionURL = OrderLapsed, 0, ""
	p.step(PaymentStep{Payment: ledger.PaymentFailed, Void: true})
	for _, a := range s.others {
		if a.State.Unsettled() && a.State != AttemptParked {
			a.State, a.UpdatedAt, a.NextAt = AttemptCanceled, s.now, 0
		}
	}
}
