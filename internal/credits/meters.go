package credits

import (
	"errors"

	"github.com/scrip-dev/scrip/internal/rating"
)

// compile makes the feature's meter ready, from its rule and its unit transformation. Fields of errors are those of the
// update body.
func (f *Feature) compile() error {
	f.Meter = nil
	if f.MeterRule == nil {
		return nil
	}
	m, err := f.MeterRule.meter()
	if err != nil {
		return err
	}
	if t := f.Transformation; t != nil {
		round, _ := rating.ParseRounding(t.Round)
		m.Transform = &rating.Transform{DivideBy: t.Divide, Round: round}
	}
	var field *rating.FieldError
	switch err := m.Validate(); {
	case errors.As(err, &field):
		return Invalid(field.Field, field.Message)
	case err != nil:
		return err
	}
	f.Meter = m
	return nil
}

func (r *MeterRule) meter() (*rating.Meter, error) {
	aggregation, ok := rating.ParseAggregation(r.Function)
	if !ok {
		return nil, invalidf("meter.aggregation.function", "%q is not one of COUNT, SUM, UNIQUE, MAX, MIN, AVG", clip(r.Function))
	}
	m := &rating.Meter{Aggregation: aggregation, Field: r.Field}
	for i, filter := range r.Filters {
		group, err := filter.group()
		if err != nil {
			return nil, at(item("meter.filters", i), err)
		}
		m.Groups = append(m.Groups, group)
	}
	return m, nil
}

func (f *MeterFilter) group() (rating.Group, error) {
	var group rating.Group
	for i, c := range f.Conditions {
		operator, ok := rating.ParseOperator(c.Operation)
		if !ok {
			return nil, invalidf(item("conditions", i)+".operation", "%q is not an operation", clip(c.Operation))
		}
		group = append(group, rating.Condition{Field: c.Field, Operator: operator, Values: c.Values})
	}
	return group, nil
}
