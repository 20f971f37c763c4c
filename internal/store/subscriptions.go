package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// InsertSubscription implements credits.Tx.
func (t *transaction) InsertSubscription(ctx context.Context, env string, s *credits.Subscription) error {
	return t.put(ctx, `INSERT INTO subscriptions (environment, id, no, customer_id, resource_id, plan_id, pricing_type,
		start_at, end_at, canceled_at, created_at, next_due, trial_end_at, format, document)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		s, env, s.ID, s.No, s.CustomerID, s.ResourceID, s.PlanID, string(s.PricingType), s.StartAt, s.EndAt, s.CanceledAt, s.CreatedAt,
		s.NextDue, trialEnd(s))
}

// trialEnd is when the trial of a subscription ends, 0 when it has none.
func trialEnd(s *credits.Subscription) ledger.Time {
	if s.Trial == nil {
		return 0
	}
	return s.Trial.EndAt
}

// UpdateSubscription implements credits.Tx.
func (t *transaction) UpdateSubscription(ctx context.Context, env string, s *credits.Subscription) error {
	text, err := encode(s)
	if err != nil {
		return err
	}
	return t.change(ctx, `UPDATE subscriptions SET pricing_type = $3, start_at = $4, end_at = $5, canceled_at = $6, plan_id = $7,
		resource_id = $8, next_due = $9, trial_end_at = $10, format = $11, document = $12 WHERE environment = $1 AND id = $2`,
		env, s.ID, string(s.PricingType), s.StartAt, s.EndAt, s.CanceledAt, s.PlanID, s.ResourceID, s.NextDue, trialEnd(s),
		documentFormat, text)
}

// DueSubscriptions implements credits.Tx.
func (t *transaction) DueSubscriptions(ctx context.Context, env string, until ledger.Time, after credits.DueSubscription, limit int) ([]credits.DueSubscription, error) {
	return rows(ctx, t, func(r *sql.Rows) (d credits.DueSubscription, err error) {
		err = r.Scan(&d.No, &d.CustomerID, &d.At)
		return d, err
	}, `SELECT no, customer_id, next_due FROM subscriptions WHERE environment = $1 AND next_due < 9223372036854775807 AND next_due <= $2
		AND (next_due, no) > ($3, $4) ORDER BY next_due, no LIMIT $5`, env, until, after.At, after.No, limit)
}

// BringForward implements credits.Tx.
func (t *transaction) BringForward(ctx context.Context, env string, planID string, at ledger.Time) error {
	return t.exec(ctx, `UPDATE subscriptions SET next_due = $3 WHERE environment = $1 AND ($2 = '' OR plan_id = $2) AND next_due > $3
		AND (end_at = 0 OR end_at > $3)`, env, planID, at)
}

// Subscription implements credits.Tx.
func (t *transaction) Subscription(ctx context.Context, env, id string) (*credits.Subscription, error) {
	var format int64
	var text string
	if err := t.row(ctx, `SELECT format, document FROM subscriptions WHERE environment = $1 AND id = $2`, []any{env, id}, &format, &text); err != nil {
		return nil, err
	}
	return decode[credits.Subscription](format, text)
}

// SubscriptionsOf implements credits.Tx.
func (t *transaction) SubscriptionsOf(ctx context.Context, env, customerID string) ([]*credits.Subscription, error) {
	return rows(ctx, t, document[credits.Subscription],
		`SELECT format, document FROM subscriptions WHERE environment = $1 AND customer_id = $2 ORDER BY no`, env, customerID)
}

// Subscriptions implements credits.Tx.
func (t *transaction) Subscriptions(ctx context.Context, env string, filter credits.SubscriptionFilter, now ledger.Time, page credits.Page) ([]*credits.Subscription, error) {
	var q query
	q.and("environment = ?", env)
	q.equal("customer_id", filter.CustomerID)
	q.equal("plan_id", filter.PlanID)
	q.equal("resource_id", filter.ResourceID)
	q.during("created_at", filter.Created)
	if len(filter.PricingTypes) > 0 {
		marks, args := []string{}, []any{}
		for _, p := range filter.PricingTypes {
			marks, args = append(marks, "?"), append(args, string(p))
		}
		q.and(fmt.Sprintf("pricing_type IN (%s)", strings.Join(marks, ", ")), args...)
	}
	q.statuses(filter.Statuses, now)
	return pageRows(ctx, t, document[credits.Subscription], "subscriptions", &q, page)
}

// statuses selects by status, which follows from the stored instants: see credits.Subscription.Status.
func (q *query) statuses(wanted []credits.SubscriptionStatus, now ledger.Time) {
	const ended = "(end_at <> 0 AND end_at <= ?)"
	var either []string
	var args []any
	add := func(condition string, times int) {
		either = append(either, condition)
		for range times {
			args = append(args, now)
		}
	}
	for _, status := range wanted {
		switch status {
		case credits.SubscriptionCanceled:
			add("("+ended+" AND canceled_at <> 0)", 1)
		case credits.SubscriptionExpired:
			add("("+ended+" AND canceled_at = 0)", 1)
		case credits.SubscriptionNotStarted:
			add("(NOT "+ended+" AND start_at > ?)", 2)
		case credits.SubscriptionActive:
			add("(NOT "+ended+" AND start_at <= ? AND trial_end_at <= ?)", 3)
		case credits.SubscriptionInTrial:
			add("(NOT "+ended+" AND start_at <= ? AND trial_end_at > ?)", 3)
		default:
			add("1 = 0", 0)
		}
	}
	if len(either) > 0 {
		q.and("("+strings.Join(either, " OR ")+")", args...)
	}
}
