package credits

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// ThresholdRef names what thresholds are for: one pool, or with all members empty the environment.
type ThresholdRef struct {
	Customer string
	Currency string
	Resource string
}

// whole tells whether the environment is meant.
func (r ThresholdRef) whole() bool { return r == ThresholdRef{} }

// ThresholdSet is what pools are watched for (semantics 16.2).
type ThresholdSet struct {
	ThresholdRef
	Remaining []amount.Amount // percent of the alert base that remain, highest first
	Amounts   []amount.Amount // balances in credits, highest first
	Consumed  []amount.Amount // percent of a grant that are consumed, highest first
	UpdatedAt ledger.Time     // 0 when nobody has set them
}

// thresholdsDefault is what pools of an environment are watched for until somebody sets something else: 80, 50 and 20
// percent of the balance, and 80 percent of a grant (semantics 16.2).
func thresholdsDefault() *ThresholdSet {
	percents := func(list ...int64) (amounts []amount.Amount) {
		for _, n := range list {
			amounts = append(amounts, amount.FromInt(n))
		}
		return amounts
	}
	return &ThresholdSet{Remaining: percents(80, 50, 20), Amounts: []amount.Amount{}, Consumed: percents(80)}
}

// compiled makes of a set what the ledger compares with. The error names the member of the request.
func (set *ThresholdSet) compiled() (*ledger.Thresholds, error) {
	t, err := ledger.NewThresholds(set.Remaining, set.Amounts, set.Consumed)
	var bad *ledger.FieldError
	if errors.As(err, &bad) {
		names := map[string]string{"Percents": "remainingPercentages", "Amounts": "remainingAmounts", "Grants": "consumedPercentages"}
		return nil, Invalid(names[bad.Field], bad.Message)
	}
	return t, err
}

// Watch tells what each pool is watched for. The engine asks it for every operation; it takes no lock. The zero Watch knows
// no environment, and pools of those are watched for nothing.
type Watch struct {
	environments atomic.Pointer[map[string]*watchList]
	mu           sync.Mutex // of writers
}

// watchList is what the pools of one environment are watched for. It is replaced, never changed.
type watchList struct {
	common *ledger.Thresholds
	pools  map[ThresholdRef]*ledger.Thresholds
	sets   map[ThresholdRef]*ThresholdSet // as they were set
}

// Of is what a pool is watched for now.
func (w *Watch) Of(pool ledger.Key) *ledger.Thresholds {
	list := w.list(pool.Environment)
	if list == nil {
		return nil
	}
	if len(list.pools) > 0 {
		if own, set := list.pools[ThresholdRef{pool.Customer, pool.Currency, pool.Resource}]; set {
			return own
		}
	}
	return list.common
}

func (w *Watch) list(env string) *watchList {
	if environments := w.environments.Load(); environments != nil {
		return (*environments)[env]
	}
	return nil
}

// know begins to watch an environment that is new, for the default.
func (w *Watch) know(env string) {
	if w.list(env) == nil {
		_ = w.adopt(env, nil) // the default is valid
	}
}

// adopt replaces what is known of an environment.
func (w *Watch) adopt(env string, sets []*ThresholdSet) error {
	list := &watchList{pools: map[ThresholdRef]*ledger.Thresholds{}, sets: map[ThresholdRef]*ThresholdSet{{}: thresholdsDefault()}}
	for _, set := range sets {
		list.sets[set.ThresholdRef] = set
	}
	for ref, set := range list.sets {
		t, err := set.compiled()
		if err != nil {
			return fmt.Errorf("stored thresholds of %+v: %w", ref, err)
		}
		if ref.whole() {
			list.common = t
		} else {
			list.pools[ref] = t
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	next := map[string]*watchList{}
	if environments := w.environments.Load(); environments != nil {
		next = maps.Clone(*environments)
	}
	next[env] = list
	w.environments.Store(&next)
	return nil
}

// thresholdActions is how the actions of the audit trail begin that change thresholds.
const thresholdActions = "thresholds."

// readThresholds reads what an environment's pools are watched for. The last to read sees the last change, since reading
// and adopting are one step.
func (s *Service) readThresholds(ctx context.Context, env string) error {
	s.watchMu.Lock()
	defer s.watchMu.Unlock()
	var sets []*ThresholdSet
	err := s.store.View(ctx, func(tx Tx) (err error) {
		sets, err = tx.Thresholds(ctx, env)
		return err
	})
	if err != nil {
		return err
	}
	return s.watch.adopt(env, sets)
}

// followThresholds reads the thresholds again of the environments in which somebody has changed them.
func (s *Service) followThresholds(ctx context.Context, changes []Change) error {
	read := map[string]bool{}
	for _, c := range changes {
		if read[c.Environment] || c.No != 0 && !strings.HasPrefix(c.Action, thresholdActions) {
			continue
		}
		read[c.Environment] = true
		if err := s.readThresholds(ctx, c.Environment); err != nil {
			return err
		}
	}
	return nil
}

// Thresholds returns what a pool is watched for, or the environment's own set, and whether it was set for just that.
func (s *Service) Thresholds(ctx context.Context, env string, of ThresholdRef) (set *ThresholdSet, own bool, err error) {
	if err := s.checkThresholdRef(ctx, env, of); err != nil {
		return nil, false, err
	}
	list := s.watch.list(env)
	if set, own := list.sets[of]; own {
		return set, set.UpdatedAt != 0, nil
	}
	return list.sets[ThresholdRef{}], false, nil
}

// SetThresholds stores what a pool is watched for, or what all pools of the environment are that have no set of their own.
// It takes effect with the next transaction of each pool: what is new there is armed by it at the earliest.
func (s *Service) SetThresholds(ctx context.Context, env string, actor ledger.Actor, set ThresholdSet) (*ThresholdSet, error) {
	if err := s.checkThresholdRef(ctx, env, set.ThresholdRef); err != nil {
		return nil, err
	}
	t, err := set.compiled()
	if err != nil {
		return nil, err
	}
	set.Remaining, set.Amounts, set.Consumed = t.Percents(), t.Amounts(), t.Grants() // in order
	set.UpdatedAt = s.clock(env)
	err = s.changeThresholds(ctx, env, Audit{Actor: actor, Action: thresholdActions + "changed", Object: set.object()}, func(tx Tx) error {
		return tx.PutThresholds(ctx, env, &set)
	})
	return orNil(&set, err)
}

// RemoveThresholds makes a pool follow its environment again. It fails with ThresholdsNotFound when it does.
func (s *Service) RemoveThresholds(ctx context.Context, env string, actor ledger.Actor, of ThresholdRef) error {
	if err := s.checkThresholdRef(ctx, env, of); err != nil {
		return err
	}
	return s.changeThresholds(ctx, env, Audit{Actor: actor, Action: thresholdActions + "removed", Object: of.object()}, func(tx Tx) error {
		err := tx.DeleteThresholds(ctx, env, of)
		if errors.Is(err, ErrMissing) {
			return NotFound("ThresholdsNotFound", "no thresholds were set for this")
		}
		return err
	})
}

func (s *Service) changeThresholds(ctx context.Context, env string, audit Audit, change func(Tx) error) error {
	err := s.store.Update(ctx, func(tx Tx) error {
		return errors.Join(s.audit(ctx, tx, env, audit), change(tx))
	})
	if err != nil {
		return fmt.Errorf("change thresholds: %w", err)
	}
	return s.readThresholds(ctx, env)
}

// object is the name in the audit trail.
func (r ThresholdRef) object() string {
	return strings.TrimSpace(strings.Join([]string{r.Customer, r.Currency, r.Resource}, " "))
}

// checkThresholdRef refuses what is neither the environment nor a pool that there may be.
func (s *Service) checkThresholdRef(ctx context.Context, env string, of ThresholdRef) error {
	switch {
	case of.whole():
		return nil
	case of.Customer == "":
		return Invalid("customerId", "is needed with currencyId and resourceId")
	case of.Currency == "":
		return Invalid("currencyId", "is needed with customerId")
	}
	if of.Resource != "" {
		if err := validID("resourceId", of.Resource); err != nil {
			return err
		}
	}
	if _, err := s.CustomerState(ctx, env, of.Customer); err != nil {
		return err
	}
	_, err := s.CreditType(env, of.Currency)
	return err
}
