package years

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/scrip-dev/scrip/internal/credits"
)

func (c *customer) sub() string { return fmt.Sprintf("%s-%d", c.id, c.count) }

// change changes the terms of a contract, now or later.
func (l *life) change(c *customer) {
	l.t.Helper()
	k := c.contract
	in, patch := l.anyChange(k)
	from := l.now
	if from.Before(k.start) {
		from = k.start
	}
	switch l.random.IntN(5) {
	case 0:
		if k.end.IsZero() {
			in.Strategy, from = credits.SchedulePeriodEnd, k.billingEnd(from)
			l.seen.add("change at the period's end", 1)
		}
	case 1:
		if k.end.IsZero() {
			from = from.Add(time.Duration(l.between(1, 50*86400)) * time.Second)
			at := instant(from)
			in.ScheduledAt = &at
			l.seen.add("scheduled change", 1)
		}
	case 2:
		if in.ResetAnchor = !k.inTrial(from); in.ResetAnchor {
			l.seen.add("anchor moved", 1)
		}
	}
	_, err := l.node.UpdateSubscription(l.t.Context(), env, caller.Actor, c.sub(), in)
	must(l.t, err)
	k.change(from, patch, in.ResetAnchor)
	c.visit(l.now, l.seen)
}

// anyChange is a change of one thing, for the service and for the model.
func (l *life) anyChange(k *contract) (in credits.SubscriptionUpdate, patch func(*span)) {
	next := *k.terms(l.now)
	next.addons = maps.Clone(next.addons)
	switch l.random.IntN(4) {
	case 0:
		next.plan = map[string]string{"p": "q", "q": "p"}[next.plan]
		in.PlanID = credits.Set(next.plan)
		if k.shop.packages[next.plan].amount(l.now) > k.shop.packages[k.terms(l.now).plan].amount(l.now) {
			l.seen.add("upgrade", 1)
		} else {
			l.seen.add("downgrade", 1)
		}
		return in, func(s *span) { s.plan = next.plan }
	case 1:
		id := pick(l, "x", "x", "o")
		if next.addons[id] > 0 && (l.chance(60) || k.shop.packages[id].cadence == "DAY") {
			delete(next.addons, id)
			l.seen.add("add-on removed", 1)
		} else {
			next.addons[id] = l.between(1, 3)
			l.seen.add("add-on "+id, 1)
		}
		in.Addons = credits.Set(next.list())
		return in, func(s *span) { s.addons = maps.Clone(next.addons) }
	case 2:
		next.seats = l.between(1, 9)
	default:
		next.quantity = l.between(buyLeast, buyMost) * int64(l.random.IntN(2))
	}
	in.Charges = credits.Set(next.charges())
	return in, func(s *span) { s.seats, s.quantity = next.seats, next.quantity }
}

// cancel ends a contract in one of all ways, or takes a planned end back.
func (l *life) cancel(c *customer) {
	l.t.Helper()
	k := c.contract
	from := l.now
	if from.Before(k.start) {
		from = k.start
	}
	if !k.end.IsZero() && !k.trialStops {
		_, err := l.node.UpdateSubscription(l.t.Context(), env, caller.Actor, c.sub(), credits.SubscriptionUpdate{CancellationAt: credits.Set[*ledgerTime](nil)})
		must(l.t, err)
		k.end, k.revokes = time.Time{}, false
		l.seen.add("end taken back", 1)
		return
	}
	var in credits.Cancellation
	switch l.random.IntN(3) {
	case 0:
		in.Time, k.end, k.revokes = "IMMEDIATE", l.now, true
	case 1:
		in.Time, k.end, k.revokes = "END_OF_BILLING_PERIOD", k.billingEnd(from), false
	default:
		k.end, k.revokes = from.Add(time.Duration(l.between(1, 60*86400))*time.Second), false
		at := instant(k.end)
		in.Time, in.EndAt = "SPECIFIC_DATE", &at
	}
	l.seen.add("cancel "+in.Time, 1)
	if l.chance(30) {
		in.Action, k.revokes = "REVOKE_ENTITLEMENTS", true
	}
	k.trialStops = false
	_, err := l.node.CancelSubscription(l.t.Context(), env, caller.Actor, c.sub(), in)
	must(l.t, err)
	c.visit(l.now, l.seen)
}

// rest pauses a contract, or resumes it.
func (l *life) rest(c *customer) {
	l.t.Helper()
	k, ctx := c.contract, l.t.Context()
	if k.paused(l.now) {
		_, err := l.node.ResumeSubscription(ctx, env, caller.Actor, c.sub())
		must(l.t, err)
		k.pauses[len(k.pauses)-1].to = l.now
		l.seen.add("resumed", 1)
	} else if !l.now.Before(k.start) {
		p, until := pause{from: l.now}, (*ledgerTime)(nil)
		if l.chance(60) {
			p.to = l.now.Add(time.Duration(l.between(1, 80*86400)) * time.Second)
			at := instant(p.to)
			until = &at
		}
		_, err := l.node.PauseSubscription(ctx, env, caller.Actor, c.sub(), until)
		must(l.t, err)
		k.pauses = append(k.pauses, p)
		l.seen.add("paused", 1)
	}
	c.visit(l.now, l.seen)
}

// buy tops up within the bounds, after a try outside of them.
func (l *life) buy(c *customer) {
	l.t.Helper()
	k, ctx := c.contract, l.t.Context()
	if l.now.Before(k.start) {
		return
	}
	in := credits.NewTopUp{Customer: c.id, CreditType: "tokens", Amount: exact(credit(pick[int64](l, buyLeast-1, buyMost+1)))}
	var refused *credits.Error
	if _, err := l.node.BuyCredits(ctx, env, caller, in); !errors.As(err, &refused) || refused.Code != credits.CodeOutOfRange {
		l.t.Fatalf("%s credits: %v", in.Amount, err)
	}
	g := &lot{source: "PRICE", given: credit(l.between(buyLeast, buyMost/8)), category: paid}
	in.Amount = exact(g.given)
	bought, err := l.node.BuyCredits(ctx, env, caller, in)
	must(l.t, err)
	_, err = l.node.SayOutcome(ctx, env, caller, bought.Attempt.ID, credits.Outcome{State: credits.AttemptPaid})
	must(l.t, err)
	if l.shop.life > 0 {
		g.ends = l.now.AddDate(0, 0, l.shop.life)
	}
	c.account.add(l.now, "GRANTED", g)
	c.account.settle()
	l.seen.add("top-up", 1)
}

// publish changes what a plan includes for everybody who has it.
func (l *life) publish() {
	l.t.Helper()
	id := pick(l, "p", "q")
	ref, ctx, by := credits.PlanRef(id), l.t.Context(), caller.Actor
	_, err := l.node.DraftPackage(ctx, env, by, ref)
	must(l.t, err)
	n := l.between(20, 900)
	a := exact(credit(n))
	_, err = l.node.UpdateEntitlement(ctx, env, by, ref, credits.EntitlementRef{Type: credits.EntitlementCredit, ID: "tokens"},
		credits.EntitlementUpdate{Amount: credits.Set(&a)})
	must(l.t, err)
	_, err = l.node.PublishPackage(ctx, env, by, ref, credits.MigrateAll)
	must(l.t, err)
	r := l.shop.packages[id]
	r.amounts = append(r.amounts, amountFrom{l.now, n})
	for _, c := range l.customers {
		c.visit(l.now, l.seen)
	}
	l.seen.add("published for all", 1)
}
