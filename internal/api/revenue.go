package api

import (
	"bytes"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/revenue"
)

func (s *server) listRevenueMonths(c *call) (any, error) {
	q := c.query()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.RevenueMonths(c.ctx, c.env, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, revenueMonthOut)
	return wire.RevenueMonthPage{Data: data, Pagination: pagination}, nil
}

// month reads the month of the path.
func (c *call) month() (revenue.Month, error) {
	month, err := revenue.ParseMonth(c.path("month"))
	if err != nil {
		return 0, credits.Invalid("month", "must be a month such as 2026-11")
	}
	return month, nil
}

func (s *server) getRevenueMonth(c *call) (any, error) {
	r, err := s.revenueOf(c)
	if err != nil {
		return nil, err
	}
	return wire.RevenueReportData{Data: revenueOut(r)}, nil
}

// revenueOf reads the report that the path names; the operation has no parameters.
func (s *server) revenueOf(c *call) (*credits.RevenueReport, error) {
	month, err := c.month()
	if err == nil {
		err = c.query().done()
	}
	if err != nil {
		return nil, err
	}
	return s.credits.Revenue(c.ctx, c.env, month)
}

func (s *server) closeRevenueMonth(c *call) (any, error) {
	month, err := c.month()
	if err != nil {
		return nil, err
	}
	r, err := s.credits.CloseRevenue(c.ctx, c.env, c.caller(), month)
	if err != nil {
		return nil, err
	}
	return wire.RevenueReportData{Data: revenueOut(r)}, nil
}

func (s *server) getRevenueJournal(c *call) (any, error) {
	r, err := s.revenueOf(c)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := revenue.WriteJournal(&text, r.Month, r.Lines, r.From, r.Until); err != nil {
		return nil, err
	}
	return file{name: "journal-" + r.Month.String() + ".csv", kind: "text/csv; charset=utf-8", body: text.Bytes()}, nil
}

func (s *server) listRevenueGrants(c *call) (any, error) {
	month, err := c.month()
	if err != nil {
		return nil, err
	}
	q := c.query()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.DeferredGrants(c.ctx, c.env, month, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, deferredGrantOut)
	return wire.RevenueGrantPage{Data: data, Pagination: pagination}, nil
}

func revenueStatus(r *credits.RevenueReport) wire.RevenueMonthStatus {
	if r.Closed() {
		return wire.RevenueMonthStatusCLOSED
	}
	return wire.RevenueMonthStatusOPEN
}

func revenueMonthOut(r *credits.RevenueReport) wire.RevenueMonth {
	return wire.RevenueMonth{
		Month: r.Month.String(), Status: revenueStatus(r), ClosedAt: timeOrNull(r.ClosedAt), ClosedBy: orNull(r.ClosedBy),
	}
}

func revenueOut(r *credits.RevenueReport) wire.RevenueReport {
	out := wire.RevenueReport{
		Month: r.Month.String(), Status: revenueStatus(r), ClosedAt: timeOrNull(r.ClosedAt), ClosedBy: orNull(r.ClosedBy),
		Lines: listOut(r.Lines, revenueLineOut), Positions: []wire.RevenuePositions{},
	}
	for i, end := range r.Until {
		first := engine.NewPosition(end.Shard(), 1)
		if i < len(r.From) {
			first = r.From[i]
		}
		out.Positions = append(out.Positions, wire.RevenuePositions{
			Shard: int(end.Shard()), First: int64(first.Ordinal()), Last: int64(end.Ordinal()) - 1,
		})
	}
	return out
}

func revenueLineOut(l revenue.Line) wire.RevenueLine {
	f := &l.Figures
	return wire.RevenueLine{
		Currency: wire.Currency(l.Currency), CurrencyID: l.CreditType, OpeningDeferred: l.Opening(), Granted: f.Granted(), Recognised: f.Recognised,
		Breakage: f.Breakage, Voided: f.Voided(), ClosingDeferred: l.Closing(),
		GrantedReceivable: f.Receivable, VoidedReceivable: f.WrittenOff,
	}
}

// deferredGrantOut shows a grant as if alone in the world: what came from a parent was granted, what went to a child was
// taken away.
func deferredGrantOut(d credits.DeferredGrant) wire.RevenueGrant {
	f := d.Figures
	granted, voided := f.Granted(), f.Voided()
	if f.Rolled.Sign() < 0 {
		granted, voided = granted.Sub(f.Rolled), voided.Sub(f.Rolled)
	}
	return wire.RevenueGrant{
		GrantID: engine.GrantText(d.Grant), CustomerID: d.Customer, CurrencyID: d.CreditType, ResourceID: orNull(d.Resource),
		Currency: wire.Currency(d.Currency), Deferred: d.Deferred(), Granted: granted, Recognised: f.Recognised,
		Breakage: f.Breakage, Voided: voided,
	}
}
