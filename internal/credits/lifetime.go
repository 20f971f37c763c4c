package credits

import "github.com/scrip-dev/scrip/internal/ledger"

// begins is the instant of the first boundary: the start, or for a subscription whose start lies before it was made the
// instant at which it was made, because nothing is issued for the past.
func (s *Subscription) begins() ledger.Time {
	if s.StartAt < wholeSecond(s.CreatedAt) {
		return s.CreatedAt
	}
	return s.StartAt
}

// ended tells whether the subscription has ended at an instant.
func (s *Subscription) ended(at ledger.Time) bool { return s.EndAt != 0 && at >= s.EndAt }

// inTrial tells whether an instant after the start lies in the trial.
func (s *Subscription) inTrial(at ledger.Time) bool { return s.Trial != nil && at < s.Trial.EndAt }

// PauseAt is the pause around an instant, if there is one.
func (s *Subscription) PauseAt(at ledger.Time) (Pause, bool) {
	for _, p := range s.Pauses {
		if p.From <= at && (p.To == 0 || at < p.To) {
			return p, true
		}
	}
	return Pause{}, false
}

// pausedAt tells whether the subscription is paused at an instant.
func (s *Subscription) pausedAt(at ledger.Time) bool {
	_, paused := s.PauseAt(at)
	return paused
}

// AnchorAt is the instant from which the periods around an instant are counted: the start, the end of the trial, or the
// instant at which the anchor was set anew.
func (s *Subscription) AnchorAt(at ledger.Time) ledger.Time {
	anchor := s.StartAt
	if s.Trial != nil && at >= s.Trial.EndAt {
		anchor = s.Trial.EndAt
	}
	for i := range s.Versions {
		if span := &s.Versions[i]; span.From <= at {
			anchor = max(anchor, span.Anchor)
		}
	}
	return anchor
}

// nextAnchor is the first instant after another at which periods are counted anew, or ledger.Never.
func (s *Subscription) nextAnchor(at ledger.Time) ledger.Time {
	next := ledger.Never
	if s.inTrial(at) {
		next = s.Trial.EndAt
	}
	for i := range s.Versions {
		if span := &s.Versions[i]; span.Anchor > at {
			next = min(next, span.Anchor)
		}
	}
	return next
}

// BillingPeriodAt is the billing period around an instant: months or years counted from the anchor, each computed from the
// original day and clamped to the end of the month (semantics 10.2). A trial is one period. A period that a new anchor cuts
// short ends there.
func (s *Subscription) BillingPeriodAt(at ledger.Time) (from, to ledger.Time) {
	if s.Trial != nil && s.StartAt <= at && at < s.Trial.EndAt {
		return s.StartAt, s.Trial.EndAt
	}
	p := CadencePeriod(periodCadence(s.terms(at).BillingPeriod), s.AnchorAt(at), at)
	return p.From, min(p.To, s.nextAnchor(at))
}
