package credits

import (
	"context"
	"time"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

// UsageWindow is the period in which usage of a feature adds up before it starts from zero again. The zero window never
// ends: there is no entitlement that resets.
type UsageWindow struct {
	From, To ledger.Time
	Anchor   ledger.Time // of a subscription, from which the periods are counted
	Reset    Reset
}

// Resets tells whether the window ends.
func (w UsageWindow) Resets() bool { return w.To != 0 }

// entitled is what a subscription in force gives of a feature.
type entitled struct {
	Subscription *Subscription
	UsageLimit   *int64
	Unlimited    bool
	SoftLimit    bool
	Granted      bool
	EnumValues   []string
	Reset        Reset
	UpdatedAt    ledger.Time
}

// entitledTo lists what the subscriptions in force give of a feature, the oldest first.
func (c *Catalog) entitledTo(cs *CustomerState, resource, featureID string, now ledger.Time) []entitled {
	ref := EntitlementRef{Type: EntitlementFeature, ID: featureID}
	var found []entitled
	for _, sub := range cs.Subscriptions {
		if sub.ResourceID != resource || !sub.InForce(now) {
			continue
		}
		for _, p := range c.entitlementsOf(sub, now) {
			if p.EntitlementRef == ref {
				found = append(found, entitled{
					Subscription: sub, UsageLimit: p.UsageLimit, Unlimited: p.Unlimited != nil && *p.Unlimited,
					SoftLimit: p.HasSoftLimit != nil && *p.HasSoftLimit, Granted: p.IsGranted,
					EnumValues: p.EnumValues, Reset: p.Reset, UpdatedAt: p.UpdatedAt,
				})
			}
		}
	}
	return found
}

// entitlementsOf lists what a subscription gives at an instant: its plan, its add-ons, and its own overrides in their place.
func (c *Catalog) entitlementsOf(sub *Subscription, now ledger.Time) []PackageEntitlement {
	terms := c.TermsAt(sub, now)
	versions := []VersionRef{{PlanRef(terms.PlanID), terms.Version}}
	for _, addon := range terms.Addons {
		versions = append(versions, VersionRef{AddonRef(addon.ID), addon.Version})
	}
	var list []PackageEntitlement
	for _, ref := range versions {
		if v, ok := c.versions[ref]; ok {
			list = append(list, c.Entitlements(v)...)
		}
	}
	for _, o := range terms.Entitlements {
		own := PackageEntitlement{
			EntitlementRef: o.EntitlementRef, UsageLimit: o.UsageLimit, HasSoftLimit: o.HasSoftLimit, Unlimited: o.Unlimited,
			Reset: o.Reset, Amount: o.Amount, Cadence: o.Cadence, IsGranted: true, UpdatedAt: sub.UpdatedAt,
		}
		kept := list[:0]
		for _, p := range list {
			if p.EntitlementRef != o.EntitlementRef {
				kept = append(kept, p)
			}
		}
		list = append(kept, own)
	}
	return list
}

// usageWindow is the period of a feature's counter around an instant.
func (c *Catalog) usageWindow(cs *CustomerState, resource, featureID string, at ledger.Time) UsageWindow {
	for _, e := range c.entitledTo(cs, resource, featureID, at) {
		if w := windowOf(e.Reset, e.Subscription.AnchorAt(at), at); w.Resets() {
			return w
		}
	}
	return UsageWindow{}
}

// windowOf is the reset period around an instant. Periods are counted from the start of the subscription, or begin with
// the month or a day of the week.
func windowOf(reset Reset, start, at ledger.Time) UsageWindow {
	w := UsageWindow{Anchor: start, Reset: reset}
	switch reset.Period {
	case "YEAR":
		w.From, w.To = PeriodAround(start, 12, at)
	case "MONTH":
		if reset.Anchor == "StartOfTheMonth" {
			w.Anchor = ledger.Time(monthOf(time.UnixMicro(int64(start)).UTC()).UnixMicro())
		}
		w.From, w.To = PeriodAround(w.Anchor, 1, at)
	case "WEEK":
		w.Anchor = weekStart(reset.Anchor, start)
		w.From, w.To = every(7*24*time.Hour, w.Anchor, at)
	case "DAY":
		w.From, w.To = every(24*time.Hour, start, at)
	case "HOUR":
		w.From, w.To = every(time.Hour, start, at)
	}
	return w
}

// weekStart is the last such day of the week at or before the start, at midnight UTC; without a day it is the start.
func weekStart(anchor string, start ledger.Time) ledger.Time {
	day := dayOf(time.UnixMicro(int64(start)).UTC())
	for range 7 {
		if anchor == "Every"+day.Weekday().String() {
			return ledger.Time(day.UnixMicro())
		}
		day = day.AddDate(0, 0, -1)
	}
	return start
}

// every is the period of a fixed length, counted from an anchor, that holds an instant.
func every(length time.Duration, anchor, at ledger.Time) (from, to ledger.Time) {
	step := ledger.Time(length / time.Microsecond)
	n := (at - anchor) / step
	if (at-anchor)%step < 0 {
		n--
	}
	return anchor + n*step, anchor + (n+1)*step
}

// usedUnit is a number of units of a feature that one event or measurement added.
type usedUnit struct {
	at    ledger.Time
	units amount.Amount
	dims  rating.Dims
}

// unitsUsed calls visit with the usage of a feature since an instant, in no order. It reads the customer's events back to
// that instant: events arrive after they happen, but for a clock's error that is allowed.
func (s *Service) unitsUsed(ctx context.Context, env, customer, resource string, f *Feature, since ledger.Time, visit func(usedUnit)) error {
	count := func(e *engine.Entry) {
		if units, ok := unitsOf(e, f); ok && !units.IsZero() {
			visit(usedUnit{at: e.Event.At, units: units, dims: e.Event.Dims})
		}
	}
	var waited []engine.Position // in quarantine, and perhaps released since
	q := engine.EventQuery{Environment: env, Customer: customer, Limit: 1}
	q.Match = func(e *engine.Entry) bool {
		if e.At < since-eventAheadMax {
			return true // enough: two of these end the reading
		}
		switch ev := e.Event; {
		case ev.Resource != resource || ev.At < since || e.Kind != engine.EventEntry:
		case ev.Status == engine.EventQuarantined:
			waited = append(waited, e.Position)
		default:
			count(e)
		}
		return false
	}
	if _, _, err := s.engine.Events(ctx, q); err != nil {
		return err
	}
	for _, at := range waited {
		record, _, err := s.engine.Event(ctx, at)
		if err != nil {
			return err
		}
		if record.Resolved != nil {
			count(record.Resolved)
		}
	}
	return nil
}

// unitsOf are the units of a feature that an event added: as they were priced, or, when no mapping priced them, as the
// meter has them now.
func unitsOf(e *engine.Entry, f *Feature) (amount.Amount, bool) {
	for i := range e.Event.Charges {
		if charge := &e.Event.Charges[i]; charge.Feature == f.ID {
			return charge.Units, true
		}
	}
	if e.Event.Status != engine.EventUnmapped || f.Meter == nil || !f.Meter.Stateless() || !f.Meter.Matches(e.Event.Name, e.Event.Dims) {
		return amount.Zero, false
	}
	measure, _ := f.Meter.Measure(e.Event.Dims)
	return measure.Units, true
}

// usageIn adds up the usage of a feature in a window.
func (s *Service) usageIn(ctx context.Context, env, customer, resource string, f *Feature, w UsageWindow) (amount.Amount, error) {
	total := amount.Zero
	err := s.unitsUsed(ctx, env, customer, resource, f, w.From, func(u usedUnit) {
		if !w.Resets() || u.at < w.To {
			total = total.Add(u.units)
		}
	})
	return total, err
}

// HistoryQuery asks how a usage counter went.
type HistoryQuery struct {
	Customer string
	Feature  string
	Resource string
	From     ledger.Time  // moved down to the start of its day
	Through  *ledger.Time // excluded; now when nil
	GroupBy  string       // a dimension, or empty
}

// History is a usage counter day by day. At the end of a usage period it starts from zero again.
type History struct {
	Resets []ledger.Time
	Series []HistorySeries
}

// HistorySeries is the counter, or the part of it with one value of a dimension.
type HistorySeries struct {
	Tags   []Tag
	Points []HistoryPoint
}

// HistoryPoint is the counter at the end of a day.
type HistoryPoint struct {
	At    ledger.Time // the day's start
	Value amount.Amount
	Reset bool // a usage period began on this day
}

// UsageHistory returns a counter's history. It fails with CustomerNotFound or FeatureNotFound.
func (s *Service) UsageHistory(ctx context.Context, env string, q HistoryQuery) (*History, error) {
	cs, err := s.CustomerState(ctx, env, q.Customer)
	if err != nil {
		return nil, err
	}
	catalog := s.Catalog(env)
	f, ok := catalog.Feature(q.Feature)
	if !ok {
		return nil, missing("FeatureNotFound", "feature", clip(q.Feature))
	}
	through := s.clock(env) + 1 // what happens now counts
	if q.Through != nil {
		through = *q.Through
	}
	days, err := daysBetween(q.From, through)
	if err != nil {
		return nil, err
	}
	window := func(at ledger.Time) UsageWindow { return catalog.usageWindow(cs, q.Resource, q.Feature, at) }
	h := newHistoryChart(days, window)
	err = s.unitsUsed(ctx, env, q.Customer, q.Resource, f, window(days[0]).From, func(u usedUnit) {
		if u.at < through {
			h.add(u, tagsOfDims(u.dims, q.GroupBy))
		}
	})
	return h.history(q.GroupBy == ""), err
}

// daysBetween lists the starts of the days of a window and its end.
func daysBetween(from, through ledger.Time) ([]ledger.Time, error) {
	if through <= from {
		return nil, Invalid("endDate", "must be after startDate")
	}
	start := dayOf(time.UnixMicro(int64(from)).UTC())
	days := []ledger.Time{ledger.Time(start.UnixMicro())}
	for n := 1; days[len(days)-1] < through; n++ {
		if n > bucketsMax {
			return nil, invalidf("startDate", "the window has more than %d days", bucketsMax)
		}
		days = append(days, ledger.Time(stepDay(start, n).UnixMicro()))
	}
	return days, nil
}

func tagsOfDims(dims rating.Dims, key string) []Tag {
	if key == "" {
		return []Tag{}
	}
	tag := Tag{Key: key, Value: noValue}
	if d, ok := dims.Get(key); ok {
		tag.Value = d.Text
	}
	return []Tag{tag}
}
