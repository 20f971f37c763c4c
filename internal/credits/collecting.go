package credits

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// attemptLease is how long whoever has claimed an attempt may work on it. It is longer than a call of a provider may take;
// after it another one takes over, and the first one's writes are refused by the fence.
const attemptLease ledger.Time = 60 * 1e6

// attemptsMax bounds how often the money of one order is tried to be collected.
const attemptsMax = 20

// restAfterNews is when an attempt is looked at again after a provider or a person has said something that settles nothing.
const restAfterNews = 10 * time.Minute

// ErrFenced is returned for a write of somebody whose claim was taken over.
var ErrFenced = errors.New("another worker has taken this attempt over")

// Work is an attempt that the caller has claimed, with all that a provider needs of it.
type Work struct {
	Attempt  *PaymentAttempt
	Order    *Order
	Customer *Customer
	Others   []*PaymentAttempt // earlier and later ones of the same order
}

// ClaimAttempts claims up to most attempts of an environment on which work is due, the longest due first.
func (s *Service) ClaimAttempts(ctx context.Context, env string, most int) ([]*Work, error) {
	return s.claim(ctx, env, "", most)
}

// ClaimAttempt claims one attempt; nil when nothing is due on it or somebody else works on it.
func (s *Service) ClaimAttempt(ctx context.Context, env, id string) (*Work, error) {
	work, err := s.claim(ctx, env, id, 1)
	if err != nil || len(work) == 0 {
		return nil, err
	}
	return work[0], nil
}

func (s *Service) claim(ctx context.Context, env, id string, most int) (work []*Work, err error) {
	err = s.store.Update(ctx, func(tx Tx) error {
		now := s.now()
		claimed, err := tx.ClaimAttempts(ctx, env, id, now, now+attemptLease, most)
		slices.SortFunc(claimed, func(a, b *PaymentAttempt) int { return cmp.Compare(a.NextAt, b.NextAt) })
		work = nil
		for _, a := range claimed {
			w, err := workOn(ctx, tx, env, a)
			if err != nil {
				return err
			}
			work = append(work, w)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim payment attempts: %w", err)
	}
	return work, nil
}

// workOn reads what belongs to an attempt.
func workOn(ctx context.Context, tx Tx, env string, a *PaymentAttempt) (*Work, error) {
	w := &Work{Attempt: a}
	var err error
	if w.Order, err = tx.Order(ctx, env, a.OrderID); err != nil {
		return nil, err
	}
	if w.Customer, err = tx.Customer(ctx, env, a.Customer); err != nil {
		return nil, err
	}
	all, err := tx.AttemptsOf(ctx, env, a.OrderID)
	for _, other := range all {
		if other.ID != a.ID {
			w.Others = append(w.Others, other)
		}
	}
	return w, err
}

// NextAttempt is when there is work on payments again, by the environment's clock: now for an attempt that is due, else
// when the next order lapses; ledger.Never if neither.
func (s *Service) NextAttempt(ctx context.Context, env string) (ledger.Time, error) {
	next := ledger.Never
	err := s.store.View(ctx, func(tx Tx) error {
		due, err := tx.NextAttempt(ctx, env)
		if err != nil {
			return err
		}
		if next, err = tx.NextUnpaid(ctx, env); due <= s.now() {
			next = min(next, s.clock(env))
		}
		return err
	})
	return next, err
}

// BeginCall notes, before a provider is called, that it may know of the attempt from now on. It fails with ErrFenced.
func (s *Service) BeginCall(ctx context.Context, env string, w *Work) error {
	return s.changeAttempt(ctx, env, w, func(a *PaymentAttempt) {
		a.Tries++
		if a.CalledAt == 0 {
			a.CalledAt = s.now()
		}
	})
}

// CloseAttempt notes that the provider was told that no money shall move any more.
func (s *Service) CloseAttempt(ctx context.Context, env string, w *Work) error {
	return s.changeAttempt(ctx, env, w, func(a *PaymentAttempt) { a.Closed = true })
}

// PutOff ends work without a result: it is tried again after a wait.
func (s *Service) PutOff(ctx context.Context, env string, w *Work, wait time.Duration) error {
	return s.changeAttempt(ctx, env, w, func(a *PaymentAttempt) { a.NextAt, a.LeaseUntil = s.now()+ledger.Time(wait.Microseconds()), 0 })
}

// Rest ends work whose result has reached the grant. An attempt that is unsettled is looked at again after a wait, or only
// when somebody says something if the wait is 0.
func (s *Service) Rest(ctx context.Context, env string, w *Work, wait time.Duration) error {
	return s.changeAttempt(ctx, env, w, func(a *PaymentAttempt) {
		a.LeaseUntil, a.NextAt = 0, ledger.Never
		switch {
		case a.State.Unsettled() && a.State != AttemptParked && wait != 0:
			a.NextAt = s.now() + ledger.Time(wait.Microseconds())
		case a.State == AttemptCanceled && !a.Closed:
			a.NextAt = s.now() // as long as the provider does not know
		}
	})
}

func (s *Service) changeAttempt(ctx context.Context, env string, w *Work, change func(*PaymentAttempt)) error {
	err := s.store.Update(ctx, func(tx Tx) error {
		a, err := tx.LockAttempt(ctx, env, w.Attempt.ID, w.Attempt.Fence)
		if err != nil {
			return fenced(err)
		}
		change(a)
		w.Attempt = a
		return tx.UpdateAttempt(ctx, env, a)
	})
	if err != nil {
		return fmt.Errorf("payment attempt %s: %w", w.Attempt.ID, err)
	}
	return nil
}

func fenced(err error) error {
	if errors.Is(err, ErrMissing) {
		return ErrFenced
	}
	return err
}

// RecordOutcome stores what a provider has answered to the work on an attempt. It fails with ErrFenced when another one has
// taken over.
func (s *Service) RecordOutcome(ctx context.Context, env string, w *Work, o Outcome) error {
	return s.settle(ctx, env, w, func(t *settlement) { t.decide(o) })
}

// RecordMoneyBack stores what a provider says about paid money that went back.
func (s *Service) RecordMoneyBack(ctx context.Context, env string, w *Work, r MoneyBack) error {
	return s.settle(ctx, env, w, func(t *settlement) { t.reverse(r) })
}

// settle runs a decision about an attempt on its rows, under the lock of its order. A Work with the fence 0 is not of
// a worker but of somebody who says something: it takes the attempt over, so that no worker overwrites it.
func (s *Service) settle(ctx context.Context, env string, w *Work, decide func(*settlement)) error {
	err := s.store.Update(ctx, func(tx Tx) error {
		p, err := tx.LockOrder(ctx, env, w.Order.ID)
		if err != nil {
			return err
		}
		a, err := tx.LockAttempt(ctx, env, w.Attempt.ID, w.Attempt.Fence)
		if err != nil {
			return fenced(err)
		}
		t := &settlement{order: p, attempt: a, policy: s.paymentPolicy(env), now: s.clock(env)}
		if t.others, err = lockOthers(ctx, tx, env, a); err != nil {
			return err
		}
		decide(t)
		a.NextAt = s.now() // until it has reached the grant
		a.LeaseUntil = a.NextAt + attemptLease
		w.Order, w.Attempt, w.Others = p, a, t.others
		return s.storeSettlement(ctx, tx, env, t)
	})
	if err != nil {
		return fmt.Errorf("settle payment attempt %s: %w", w.Attempt.ID, err)
	}
	return nil
}

// lockOthers takes over the other attempts of the order that are unsettled, and reads the rest.
func lockOthers(ctx context.Context, tx Tx, env string, a *PaymentAttempt) ([]*PaymentAttempt, error) {
	all, err := tx.AttemptsOf(ctx, env, a.OrderID)
	var others []*PaymentAttempt
	for _, other := range all {
		if other.ID != a.ID {
			others = append(others, other)
		}
	}
	return others, err
}

func (s *Service) storeSettlement(ctx context.Context, tx Tx, env string, t *settlement) error {
	t.order.UpdatedAt = t.now
	if err := tx.UpdateAttempt(ctx, env, t.attempt); err != nil {
		return err
	}
	for _, other := range t.others {
		if other.NextAt == 0 {
			if err := s.giveUp(ctx, tx, env, other); err != nil {
				return err
			}
		}
	}
	if err := s.followInvoice(ctx, tx, env, t); err != nil {
		return err
	}
	return tx.UpdateOrder(ctx, env, t.order)
}

// giveUp stores that an attempt was canceled, whoever works on it.
func (s *Service) giveUp(ctx context.Context, tx Tx, env string, a *PaymentAttempt) error {
	locked, err := tx.LockAttempt(ctx, env, a.ID, 0)
	if err != nil {
		return err
	}
	locked.State, locked.UpdatedAt, locked.ActionURL = AttemptCanceled, a.UpdatedAt, ""
	locked.NextAt, locked.LeaseUntil = s.now(), 0
	return tx.UpdateAttempt(ctx, env, locked)
}

// ConfirmPayment takes in what a provider, or a person, says about an attempt by itself, at any time, in any order and as
// often as it likes, and lets it reach the grant. It fails with PaymentAttemptNotFound.
func (s *Service) ConfirmPayment(ctx context.Context, env, attemptID string, o Outcome) (*PaymentAttempt, error) {
	a, err := s.PaymentAttempt(ctx, env, attemptID)
	if err != nil || a.knows(o) {
		return a, err
	}
	return s.confirm(ctx, env, attemptID, func(t *settlement) { t.decide(o) })
}

// ConfirmMoneyBack takes in that money went back.
func (s *Service) ConfirmMoneyBack(ctx context.Context, env, attemptID string, r MoneyBack) error {
	_, err := s.confirm(ctx, env, attemptID, func(t *settlement) { t.reverse(r) })
	return err
}

func (s *Service) confirm(ctx context.Context, env, attemptID string, decide func(*settlement)) (*PaymentAttempt, error) {
	a, err := s.PaymentAttempt(ctx, env, attemptID)
	if err != nil {
		return nil, err
	}
	w := &Work{Attempt: &PaymentAttempt{ID: a.ID}, Order: &Order{ID: a.OrderID}}
	if err := s.settle(ctx, env, w, decide); err != nil {
		return nil, err
	}
	if _, err := s.ApplyPayment(ctx, env, a.OrderID); err != nil && !refuses(err) {
		return nil, err
	}
	err = s.Rest(ctx, env, w, restAfterNews)
	if errors.Is(err, ErrFenced) { // somebody said more meanwhile, and rests after that
		return s.PaymentAttempt(ctx, env, attemptID)
	}
	return w.Attempt, err
}

// LapseUnpaid gives up orders that were not paid in time, up to most of them, and says how many (semantics 11.3).
func (s *Service) LapseUnpaid(ctx context.Context, env string, most int) (int, error) {
	var ids []string
	err := s.store.View(ctx, func(tx Tx) (err error) {
		ids, err = tx.UnpaidOrders(ctx, env, s.clock(env), most)
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = s.lapse(ctx, env, id)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("give up unpaid orders: %w", err)
	}
	return len(ids), nil
}

func (s *Service) lapse(ctx context.Context, env, id string) error {
	err := s.store.Update(ctx, func(tx Tx) error {
		p, err := tx.LockOrder(ctx, env, id)
		if err != nil {
			return err
		}
		if p.UnpaidAt == 0 || p.UnpaidAt > s.clock(env) {
			return nil // paid or tried again meanwhile
		}
		attempts, err := tx.AttemptsOf(ctx, env, id)
		if err != nil {
			return err
		}
		t := &settlement{order: p, attempt: attempts[0], others: attempts, policy: s.paymentPolicy(env), now: s.clock(env)}
		t.lapse()
		for _, a := range attempts {
			if a.NextAt == 0 {
				if err := s.giveUp(ctx, tx, env, a); err != nil {
					return err
				}
			}
		}
		p.UpdatedAt = t.now
		if err := s.cancelInvoice(ctx, tx, env, p); err != nil {
			return err
		}
		if err := s.wakeAttempt(ctx, tx, env, attempts[len(attempts)-1]); err != nil {
			return err
		}
		return tx.UpdateOrder(ctx, env, p)
	})
	if err != nil {
		return err
	}
	_, err = s.ApplyPayment(ctx, env, id)
	return err
}

// wakeAttempt lets a worker finish what a crash may leave between the rows and the grant.
func (s *Service) wakeAttempt(ctx context.Context, tx Tx, env string, a *PaymentAttempt) error {
	locked, err := tx.LockAttempt(ctx, env, a.ID, 0)
	if err != nil {
		return err
	}
	locked.NextAt, locked.LeaseUntil = s.now(), 0
	return tx.UpdateAttempt(ctx, env, locked)
}

// MinorUnits is money as providers count it: in the currency's smallest unit. It fails for what is out of their range or
// finer than that unit.
func MinorUnits(m ledger.Money) (int64, error) {
	shifted, ok := m.Amount.Mul(tenTo(amount.MinorDigits(m.Currency)))
	if !ok || shifted != shifted.Floor() {
		return 0, fmt.Errorf("%s %s is no number of minor units", m.Amount, m.Currency)
	}
	var n int64
	if _, err := fmt.Sscan(shifted.String(), &n); err != nil {
		return 0, fmt.Errorf("%s %s is out of range", m.Amount, m.Currency)
	}
	return n, nil
}

// MoneyOf is the money that a provider counts in the currency's smallest unit.
func MoneyOf(minor int64, currency string) ledger.Money {
	digits := amount.MinorDigits(currency)
	whole, _ := amount.MulDiv(amount.FromInt(minor), amount.FromInt(1), tenTo(digits), amount.FractionDigits)
	return ledger.Money{Amount: whole, Currency: currency}
}

func tenTo(digits int) amount.Amount {
	n := int64(1)
	for range digits {
		n *= 10
	}
	return amount.FromInt(n)
}
