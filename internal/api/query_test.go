package api

import (
	"net/http/httptest"
	"testing"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func FuzzQuery(f *testing.F) {
	// Whatever the query string is, reading it ends with values within their bounds or with an error that names a field.
	f.Add("status=ACTIVE%2CNEW&createdAt[gte]=2026-01-01T00:00:00Z&limit=5&dimensions[a]=b&reserveAmount=1e-9&after=x")
	f.Add("status=&limit=0&name=%00")
	s := &server{cursors: cursorKey("0123456789abcdef0123456789abcdef")}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = raw
		q := (&call{server: s, request: r}).query()
		statuses := enums[wire.FeatureStatus, credits.FeatureStatus](q, "status")
		name, page, amount := q.text("name"), q.page(), q.amount("reserveAmount")
		q.during("createdAt")
		q.object("dimensions")
		if q.done() != nil {
			return
		}
		for _, status := range statuses {
			if !wire.FeatureStatus(status).Valid() {
				t.Errorf("%q was accepted as a status", status)
			}
		}
		if len([]rune(name)) > queryTextMax || page.Limit < 0 || page.Limit > pageLimitMax || amount != nil && !amount.InRange() {
			t.Errorf("out of bounds: %q, %+v, %v", name, page, amount)
		}
		if page.After != 0 || page.Before != 0 {
			t.Errorf("a forged cursor was accepted: %+v", page)
		}
	})
}
