package credits

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// rechargeActions begins what the audit trail calls a change of an automatic top-up.
const rechargeActions = "auto_recharge."

// How long what an automatic top-up buys can be used (semantics 12.1). NONE is ours.
const (
	RechargeLifeMonth = "1_MONTH"
	RechargeLifeYear  = "1_YEAR"
	RechargeLifeNone  = "NONE"
)

// rechargeLives are the spans of those names.
var rechargeLives = map[string]Span{RechargeLifeMonth: {Months: 1}, RechargeLifeYear: {Months: 12}, RechargeLifeNone: {}}

// AutoRecharge is the automatic top-up of one pool as it is stored.
type AutoRecharge struct {
	No         int64
	ID         string
	Customer   string
	CreditType string
	Resource   string
	Recharge
	Currency  string // of the limit and of what was spent; empty before a price was known
	OrderID   string // what is under way, or empty
	CreatedAt ledger.Time
	UpdatedAt ledger.Time

	Version int64 `json:"-"` // raised by every change
}

// RowNumber orders automatic top-ups by creation.
func (a *AutoRecharge) RowNumber() int64 { return a.No }

// Pool is the pool that is filled.
func (a *AutoRecharge) Pool(env string) ledger.Key {
	return ledger.Key{Environment: env, Customer: a.Customer, Currency: a.CreditType, Resource: a.Resource}
}

// NextAt is from when on the balance is compared with the threshold: 0 while that is always so, the 1st of the next month in a
// pause for the limit, and never while a purchase is under way or a person must act.
func (a *AutoRecharge) NextAt() ledger.Time {
	switch a.State {
	case RechargeActive:
		return 0
	case RechargePausedSpendLimit:
		return monthStart(a.Month, 1)
	}
	return ledger.Never
}

// LifeName is what the rule's Life is called.
func (a *AutoRecharge) LifeName() string {
	for name, life := range rechargeLives {
		if life == a.Rule.Life {
			return name
		}
	}
	return RechargeLifeNone
}

// clone is a copy that can be changed.
func (a *AutoRecharge) clone() *AutoRecharge {
	c := *a
	c.Announced, c.Started = slices.Clone(a.Announced), slices.Clone(a.Started)
	return &c
}

// autoRecharge is the automatic top-up of a pool as it is stored, or nil.
func (s *Service) autoRecharge(ctx context.Context, pool ledger.Key) (found *AutoRecharge, err error) {
	err = s.store.View(ctx, func(tx Tx) error {
		list, err := tx.RechargesOf(ctx, pool.Environment, pool.Customer)
		found = nil
		for _, a := range list {
			if a.Pool(pool.Environment) == pool {
				found = a
			}
		}
		return err
	})
	return found, err
}

// AutoRecharge returns the automatic top-up of a pool, with the spending of the present month; without one the defaults, which
// have no ID. It fails with CustomerNotFound or CurrencyNotFound.
func (s *Service) AutoRecharge(ctx context.Context, pool ledger.Key) (*AutoRecharge, error) {
	if _, err := s.Pool(ctx, pool); err != nil {
		return nil, err
	}
	a, err := s.autoRecharge(ctx, pool)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return &AutoRecharge{Customer: pool.Customer, CreditType: pool.Currency, Resource: pool.Resource, Recharge: Recharge{
			State: RechargeDisabled, Rule: RechargeRule{ThresholdType: ThresholdCredits, Life: rechargeLives[RechargeLifeYear]}}}, nil
	}
	if monthStart(s.clock(pool.Environment), 0) > a.Month {
		state := a.State
		a.turnMonth(s.clock(pool.Environment))
		a.State = state // until it is evaluated
	}
	return a, nil
}

// NewRecharge is what a person wants of the automatic top-up of a pool.
type NewRecharge struct {
	Rule RechargeRule
	Life string // RechargeLifeMonth, RechargeLifeYear or RechargeLifeNone
}

// SetAutoRecharge saves the automatic top-up of a pool, which also resumes one that is paused and switches on one that was
// switched off by the system, and evaluates it at once. While it is on, it needs a price for the credits in one of the
// customer's subscriptions, and a payment method unless a person says what became of charges. It fails with CustomerNotFound,
// CustomerIsArchived, CurrencyNotFound, TopUpNotOffered, PaymentMethodNotFound, or an invalid member.
func (s *Service) SetAutoRecharge(ctx context.Context, by Caller, pool ledger.Key, in NewRecharge) (*AutoRecharge, error) {
	env := pool.Environment
	cs, err := s.openCustomer(ctx, env, pool.Customer)
	if err != nil {
		return nil, err
	}
	if _, err := s.Pool(ctx, pool); err != nil {
		return nil, err
	}
	life, known := rechargeLives[in.Life]
	if !known {
		return nil, oneOf("grantExpirationPeriod", in.Life, RechargeLifeMonth, RechargeLifeYear, RechargeLifeNone)
	}
	in.Rule.Life = life
	offer, err := s.checkRecharge(cs, pool, &in.Rule)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(ctx, func(tx Tx) error { return s.saveRecharge(ctx, tx, by, pool, in.Rule, offer) })
	s.customers.drop(customerKey{env, pool.Customer})
	if err != nil {
		return nil, fmt.Errorf("save automatic top-up: %w", err)
	}
	s.Told()
	s.recharge(ctx, env, pool.Customer)
	return s.AutoRecharge(ctx, pool)
}

// checkRecharge checks a rule by the offer under which it would buy; one that is off is checked as far as it goes.
func (s *Service) checkRecharge(cs *CustomerState, pool ledger.Key, rule *RechargeRule) (*TopUp, error) {
	if rule.PaymentMethod != "" {
		if err := validName("paymentMethodId", rule.PaymentMethod, nameLengthMax); err != nil {
			return nil, err
		}
	}
	offer, err := s.Catalog(pool.Environment).topUpFor(cs, pool.Currency, pool.Resource, s.clock(pool.Environment))
	switch {
	case err == nil:
		err = rule.check(offer)
	case refuses(err) && !rule.Enabled:
		return nil, rule.check(nil)
	}
	if err != nil || !rule.Enabled || s.provider(pool.Environment) == ProviderManual {
		return offer, err
	}
	if rule.PaymentMethod == "" && cs.Customer.PaymentMethod == nil {
		return nil, Unprocessable("PaymentMethodNotFound", "paymentMethodId", "the customer has no payment method; attach one first")
	}
	return offer, nil
}

// saveRecharge stores a rule.
func (s *Service) saveRecharge(ctx context.Context, tx Tx, by Caller, pool ledger.Key, rule RechargeRule, offer *TopUp) error {
	env := pool.Environment
	if _, err := tx.LockCustomer(ctx, env, pool.Customer); err != nil {
		return err
	}
	method := &PaymentAttempt{Customer: pool.Customer, PaymentMethod: rule.PaymentMethod, Provider: s.provider(env)}
	if err := ownMethod(ctx, tx, env, method); err != nil {
		return err
	}
	before, err := tx.LockRecharge(ctx, env, pool)
	change := rechargeChange{before: before, by: &by}
	switch {
	case errors.Is(err, ErrMissing):
		change.before = nil
		change.after = &AutoRecharge{
			ID: "rec_" + s.newID(), Customer: pool.Customer, CreditType: pool.Currency, Resource: pool.Resource,
			Recharge: Recharge{State: RechargeDisabled}, CreatedAt: s.clock(env),
		}
	case err != nil:
		return err
	default:
		change.after = before.clone()
	}
	change.after.turnMonth(s.clock(env))
	change.after.set(rule)
	if offer != nil {
		change.after.Currency = offer.UnitPrice.Currency
	}
	return s.writeRecharge(ctx, tx, env, change)
}

// rechargeChange is one change of an automatic top-up, with what is told of it.
type rechargeChange struct {
	before, after *AutoRecharge // before is nil for a new one
	by            *Caller       // nil for the system
	notices       []RechargeNotice
	attempt       *PaymentAttempt // one that has ended, or nil
	paid          bool
}

// action is what the audit trail calls the change.
func (c *rechargeChange) action() string {
	switch {
	case c.by != nil:
		return rechargeActions + "configured"
	case c.attempt != nil && c.paid:
		return rechargeActions + "paid"
	case c.attempt != nil:
		return rechargeActions + "failed"
	case c.after.State == RechargeInProgress:
		return rechargeActions + "started"
	}
	return rechargeActions + "state_changed"
}

// writeRecharge stores a change with its row of the audit trail, by which other nodes learn of it, and its messages. It fails
// with errOvertaken when the row is not as it was.
func (s *Service) writeRecharge(ctx context.Context, tx Tx, env string, c rechargeChange) error {
	a := c.after
	a.UpdatedAt = s.clock(env)
	if c.before == nil {
		no, err := tx.NextNo(ctx, env)
		if err != nil {
			return err
		}
		a.No = no
		if err := tx.InsertRecharge(ctx, env, a); err != nil {
			return err
		}
	} else if err := tx.UpdateRecharge(ctx, env, a); errors.Is(err, ErrMissing) {
		return errOvertaken
	} else if err != nil {
		return err
	}
	audit := Audit{Action: c.action(), Object: a.ID, Customer: a.Customer}
	if c.by != nil {
		audit.Actor = c.by.Actor
	}
	if err := s.audit(ctx, tx, env, audit); err != nil {
		return err
	}
	customer, err := tx.Customer(ctx, env, a.Customer)
	if err != nil {
		return err
	}
	if list := c.messages(env, customer, a.UpdatedAt, RequestID(ctx)); len(list) > 0 {
		return s.AppendMessages(ctx, tx, env, list...)
	}
	return nil
}

// messages are what the change is told by, each with a cause of its own.
func (c *rechargeChange) messages(env string, customer *Customer, at ledger.Time, trace string) []NewMessage {
	a := c.after
	var list []NewMessage
	add := func(t MessageType, cause string, data any) {
		list = append(list, NewMessage{Type: t, Cause: "recharge " + cause, At: at, Stream: PoolStream(a.Pool(env)), TraceID: trace, Data: data})
	}
	if c.attempt != nil {
		add(RechargeAttempted, "attempt "+c.attempt.ID, RechargeAttemptedData(c.attempted(customer)))
	}
	for _, n := range c.notices {
		if n.Percent > 0 {
			add(RechargeLimitExceeded, fmt.Sprintf("limit %s %d %d", a.ID, a.Month, n.Percent), RechargeLimitData(RechargeLimit{
				ConfigurationID: a.ID, Customer: customer, CreditType: a.CreditType, MaxSpend: a.money(a.Rule.SpendMax), Spent: a.money(&a.Spent),
				Threshold: n.Percent, PeriodEnd: monthStart(a.Month, 1), BlockedAttempt: n.Blocked,
			}))
			continue
		}
		add(RechargeConfigured, c.change(), RechargeConfigurationData(customer, c.before.shown(), a.shown(), true, n.Reason))
	}
	if c.by != nil {
		add(RechargeConfigured, c.change(), RechargeConfigurationData(customer, c.before.shown(), a.shown(), false, ""))
	}
	return list
}

// change names a change of the configuration: the version that it replaced.
func (c *rechargeChange) change() string {
	if c.before == nil {
		return c.after.ID + " new"
	}
	return fmt.Sprintf("%s after %d", c.after.ID, c.before.Version)
}

// attempted is the attempt as messages show it.
func (c *rechargeChange) attempted(customer *Customer) RechargeAttempt {
	t := RechargeAttempt{
		ConfigurationID: c.after.ID, OperationID: c.attempt.ID, Customer: customer, CreditType: c.after.CreditType,
		Amount: c.attempt.Credits, Cost: c.attempt.Cost,
	}
	switch {
	case c.paid:
		t.GrantID = engine.GrantText(c.attempt.GrantID)
	case c.attempt.FailureCode != "":
		t.Failure = c.attempt.FailureCode
	default:
		t.Failure = string(c.attempt.State)
	}
	return t
}

// shown is the configuration as messages show it; nil for none.
func (a *AutoRecharge) shown() *RechargeConfiguration {
	if a == nil {
		return nil
	}
	out := &RechargeConfiguration{
		ConfigurationID: a.ID, CurrencyID: a.CreditType, IsEnabled: a.Rule.Enabled, ThresholdType: a.Rule.ThresholdType,
		ThresholdValue: a.Rule.Threshold, TargetBalance: a.Rule.Target,
	}
	if a.Rule.SpendMax != nil {
		most := moneyPayload(a.money(a.Rule.SpendMax))
		out.MaxSpend = &most
	}
	return out
}

// RechargeOperations lists what the automatic top-up of a pool has tried, the newest first. It fails with CustomerNotFound or
// CurrencyNotFound.
func (s *Service) RechargeOperations(ctx context.Context, pool ledger.Key, page Page) (List[*PaymentAttempt], error) {
	if _, err := s.Pool(ctx, pool); err != nil {
		return List[*PaymentAttempt]{}, err
	}
	return s.PaymentAttempts(ctx, pool.Environment, AttemptFilter{Recharges: &pool}, page)
}

// money is an amount in the currency of the price.
func (a *AutoRecharge) money(n *amount.Amount) ledger.Money {
	return ledger.Money{Amount: *n, Currency: a.Currency}
}
