package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// GrantFilter selects grants of one customer. Without AnyResource only those of Resource are listed, which may be empty:
// the customer-wide ones (wire reference 15.1 G3).
type GrantFilter struct {
	Customer    string
	CreditType  string
	Resource    string
	AnyResource bool
	Created     TimeRange
}

// Grants lists grants, the newest first. Page numbers are grant ids.
func (s *Service) Grants(ctx context.Context, env string, filter GrantFilter, page Page) (List[*Grant], error) {
	if _, err := s.CustomerState(ctx, env, filter.Customer); err != nil {
		return List[*Grant]{}, err
	}
	rows, err := s.grantRows(ctx, env, filter, page)
	if err != nil {
		return List[*Grant]{}, err
	}
	return MakeList(page, rows), nil
}

// grantRows reads as many grants as MakeList wants. Reading backwards walks from the newest, because a customer has few.
func (s *Service) grantRows(ctx context.Context, env string, filter GrantFilter, page Page) ([]*Grant, error) {
	now := s.clock(env)
	query := engine.GrantQuery{
		Environment: env, Customer: filter.Customer, Currency: filter.CreditType,
		Resource: filter.Resource, AnyResource: filter.AnyResource, Limit: pageLimitMax,
	}
	if page.Before == 0 {
		query.Before = ledger.GrantID(page.After)
	}
	var rows []*Grant
	for {
		var records []engine.GrantRecord
		var more bool
		err := s.inTime(ctx, env, filter.Customer, func(before ledger.Time) (err error) {
			query.Due = before
			records, more, err = s.engine.GrantList(ctx, query)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if page.Before != 0 && int64(r.ID) <= page.Before {
				return rows, nil
			}
			if !filter.Created.Contains(r.CreatedAt) {
				continue
			}
			rows = append(rows, &Grant{GrantRecord: r, Status: r.Grant.Status(now)})
			if page.Before != 0 && len(rows) > page.Size()+1 {
				rows = rows[1:]
			}
			if page.Before == 0 && len(rows) > page.Size() {
				return rows, nil
			}
		}
		if !more {
			return rows, nil
		}
		query.Before = records[len(records)-1].ID
	}
}

// RowNumber orders grants by creation.
func (g *Grant) RowNumber() int64 { return int64(g.ID) }
