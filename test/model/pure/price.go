package pure

import (
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/test/model"
)

// Price is model.Price on internal/rating. err is a formula that cannot be read at all.
func Price(m model.Mapping, units string, list []model.Dim) (cost string, warnings []string, ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	found, failed := rate(m).Price(credits(units), dims(list))
	if failed != nil {
		return "", nil, false, nil
	}
	pr := &priced{}
	pr.warn(found.Warnings)
	slices.Sort(pr.warnings)
	return found.Cost.String(), slices.Compact(pr.warnings), true, nil
}

// Matches is model.DefineFeature.Matches on internal/rating.
func Matches(c model.DefineFeature, eventName string, list []model.Dim) bool {
	w := New(false)
	w.define(c)
	m := w.meters[c.Feature]
	return m.MatchesName(eventName) && m.Matches(eventName, dims(list))
}
