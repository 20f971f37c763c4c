package credits

import (
	"context"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// Resource is one instance of a product that a customer has subscribed for, such as a workspace.
type Resource struct {
	No        int64
	ID        string
	CreatedAt ledger.Time // of its first subscription
	UpdatedAt ledger.Time // of its last changed subscription
}

// RowNumber orders resources by first appearance.
func (r Resource) RowNumber() int64 { return r.No }

// Resources lists the resources of a customer's subscriptions, the newest first.
func (s *Service) Resources(ctx context.Context, env, customerID string, page Page) (List[Resource], error) {
	cs, err := s.CustomerState(ctx, env, customerID)
	if err != nil {
		return List[Resource]{}, err
	}
	byID := map[string]Resource{}
	for _, sub := range cs.Subscriptions {
		r, known := byID[sub.ResourceID]
		if !known || sub.No < r.No {
			r.No, r.ID, r.CreatedAt = sub.No, sub.ResourceID, sub.CreatedAt
		}
		r.UpdatedAt = max(r.UpdatedAt, sub.UpdatedAt)
		byID[sub.ResourceID] = r
	}
	delete(byID, "")
	rows := make([]Resource, 0, len(byID))
	for _, r := range byID {
		rows = append(rows, r)
	}
	return pageOf(newestFirst(rows), page), nil
}
