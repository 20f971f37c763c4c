package credits

import (
	"strconv"
	"time"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// TrialWish is what a request says of the trial of a new subscription. Without one the plan's own configuration holds.
type TrialWish struct {
	IsTrial     bool
	EndBehavior string       // empty means that of the plan, else CONVERT_TO_PAID
	EndAt       *ledger.Time // nil means after the plan's duration
}

// beginTrial gives a new subscription its trial (semantics 10.5). One that only the plan's configuration wants is for a
// customer's first subscription of a product; whoever asks for a trial by name gets it.
func (s *Subscription) beginTrial(wish *TrialWish, plan *PackageVersion, hadOne bool, now ledger.Time) error {
	config := plan.DefaultTrial
	switch {
	case wish == nil && (config == nil || hadOne), wish != nil && !wish.IsTrial:
		return nil
	case wish == nil:
		wish = &TrialWish{}
	}
	trial := Trial{EndBehavior: wish.EndBehavior}
	switch {
	case wish.EndAt != nil:
		trial.EndAt = *wish.EndAt
	case config != nil:
		trial.EndAt = config.end(s.StartAt)
	default:
		return Invalid("trialOverrideConfiguration.trialEndDate", "is required, for the plan does not say how long a trial lasts")
	}
	if trial.EndBehavior == "" && config != nil {
		trial.EndBehavior = config.EndBehavior
	}
	if trial.EndBehavior == "" {
		trial.EndBehavior = TrialConverts
	}
	if trial.EndAt <= max(now, s.StartAt) {
		return Invalid("trialOverrideConfiguration.trialEndDate", "must lie in the future and after the start")
	}
	if err := oneOf("trialOverrideConfiguration.trialEndBehavior", trial.EndBehavior, TrialConverts, TrialCancels); err != nil {
		return err
	}
	s.Trial = &trial
	if s.EndAt == 0 {
		s.endWithTrial()
	}
	return nil
}

// end is when a trial ends that starts at an instant.
func (t *TrialConfig) end(start ledger.Time) ledger.Time {
	n, err := strconv.Atoi(t.Duration.Floor().String())
	if err != nil {
		return start
	}
	if t.Units == "MONTH" {
		return addMonths(time.UnixMicro(int64(start)).UTC(), n)
	}
	return start + ledger.Time(n)*day
}

// hadTrial tells whether a customer had a trial of a product before.
func hadTrial(existing []*Subscription, productID string) bool {
	for _, sub := range existing {
		if sub.ProductID == productID && sub.Trial != nil {
			return true
		}
	}
	return false
}
