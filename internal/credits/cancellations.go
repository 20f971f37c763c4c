package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Cancellation says when and how to end a subscription; an empty Time means IMMEDIATE.
type Cancellation struct {
	Time   string       // END_OF_BILLING_PERIOD, IMMEDIATE or SPECIFIC_DATE
	EndAt  *ledger.Time // with SPECIFIC_DATE
	Action string       // DEFAULT or REVOKE_ENTITLEMENTS, which takes the blocks of entitlements away at the end
}

// CancelSubscription ends a subscription: events from its end on no longer belong to it, earlier ones that arrive late do.
// At once it takes away what is left of the blocks that entitlements issued (W29); at the end of the billing period or at a
// date it takes nothing, unless it is asked to. What was bought stays. It fails with SubscriptionNotActive.
func (s *Service) CancelSubscription(ctx context.Context, env string, actor ledger.Actor, id string, in Cancellation) (*Subscription, error) {
	if err := firstError(
		oneOf("cancellationTime", in.Time, "", "END_OF_BILLING_PERIOD", "IMMEDIATE", "SPECIFIC_DATE"),
		oneOf("cancellationAction", in.Action, "", "DEFAULT", "REVOKE_ENTITLEMENTS"),
	); err != nil {
		return nil, err
	}
	if (in.EndAt != nil) != (in.Time == "SPECIFIC_DATE") {
		return nil, Invalid("endDate", "is for SPECIFIC_DATE, which needs it")
	}
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.canceled", Object: id}, func(_ *Catalog, sub *Subscription, now ledger.Time) error {
		switch in.Time {
		case "END_OF_BILLING_PERIOD":
			_, end := sub.BillingPeriodAt(max(now, sub.StartAt))
			sub.cancelLater(end, now)
		case "SPECIFIC_DATE":
			if *in.EndAt <= now {
				return Invalid("endDate", "must lie in the future")
			}
			sub.cancelLater(*in.EndAt, now)
		default:
			sub.cancel(now, "Immediate")
		}
		sub.RevokesAtEnd = sub.RevokesAtEnd || in.Action == "REVOKE_ENTITLEMENTS"
		return nil
	})
}

// cancelLater schedules the end of a live subscription.
func (s *Subscription) cancelLater(end, now ledger.Time) {
	s.EndAt, s.CanceledAt, s.CancelReason, s.RevokesAtEnd = end, now, "ScheduledCancellation", false
}

// reschedule moves the end of a subscription, or takes a scheduled one back.
func (s *Subscription) reschedule(to Patch[*ledger.Time], now ledger.Time) error {
	switch {
	case !to.Sent:
	case to.To == nil:
		s.EndAt, s.CanceledAt, s.CancelReason, s.RevokesAtEnd = 0, 0, "", false
		s.endWithTrial()
	case *to.To <= max(now, s.StartAt):
		return Invalid("cancellationDate", "must lie in the future and after the start")
	default:
		s.cancelLater(*to.To, now)
	}
	return nil
}

// endWithTrial ends a subscription at the end of its trial, if it is to end there.
func (s *Subscription) endWithTrial() {
	if s.Trial != nil && s.Trial.EndBehavior == TrialCancels {
		s.EndAt, s.CancelReason = s.Trial.EndAt, "TRIAL_ENDED"
	}
}

// moveTrial ends a running trial at another instant, now at the earliest.
func (s *Subscription) moveTrial(to *ledger.Time, now ledger.Time) error {
	switch {
	case to == nil:
		return nil
	case s.Trial == nil || !s.inTrial(now):
		return Invalid("trialEndDate", "can only be changed in a trial")
	case *to <= s.StartAt:
		return Invalid("trialEndDate", "must lie after the start")
	}
	trial := *s.Trial
	trial.EndAt = max(*to, now)
	s.Trial = &trial
	if s.CancelReason == "TRIAL_ENDED" {
		s.endWithTrial()
	}
	if now > s.StartAt {
		span := *s.terms(now)
		span.From, span.Anchor = now, 0
		s.insertTerms(span) // a boundary now, which moves the end of the block of the trial
		s.touch(now)
	}
	return nil
}

// PauseSubscription stops a subscription from issuing, at once, until an instant or until it is resumed. What it has issued
// lives to its own end, and its usage is priced as before (semantics 10.4). It fails with SubscriptionNotActive, or with
// SubscriptionPaused.
func (s *Service) PauseSubscription(ctx context.Context, env string, actor ledger.Actor, id string, until *ledger.Time) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.paused", Object: id}, func(_ *Catalog, sub *Subscription, now ledger.Time) error {
		switch {
		case now < sub.StartAt:
			return Conflict("SubscriptionNotStarted", "the subscription has not started; move its start or cancel it instead")
		case sub.pausedAt(now):
			return Conflict("SubscriptionPaused", "the subscription is paused; resume it first")
		case len(sub.Pauses) >= spansMax:
			return Limited("the subscription was paused too often")
		}
		pause := Pause{From: now}
		if until != nil {
			if *until <= now {
				return Invalid("until", "must lie in the future")
			}
			pause.To = *until
		}
		sub.Pauses = append(sub.Pauses, pause)
		sub.touch(now)
		return nil
	})
}

// ResumeSubscription ends a pause at once. Within a period it brings what the change of terms would: nothing of what was
// issued before the pause comes twice. It fails with SubscriptionNotActive or SubscriptionNotPaused.
func (s *Service) ResumeSubscription(ctx context.Context, env string, actor ledger.Actor, id string) (*Subscription, error) {
	return s.changeSubscription(ctx, env, Audit{Actor: actor, Action: "subscription.resumed", Object: id}, func(_ *Catalog, sub *Subscription, now ledger.Time) error {
		if !sub.pausedAt(now) {
			return Conflict("SubscriptionNotPaused", "the subscription is not paused")
		}
		last := &sub.Pauses[len(sub.Pauses)-1]
		if last.To = now; last.From == now {
			sub.Pauses = sub.Pauses[:len(sub.Pauses)-1]
		}
		sub.touch(now)
		return nil
	})
}
