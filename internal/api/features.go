package api

import (
	"fmt"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listFeatures(c *call) (any, error) {
	q := c.query()
	filter := credits.FeatureFilter{
		ID:         q.text("id"),
		Statuses:   enums[wire.FeatureStatus, credits.FeatureStatus](q, "status"),
		Types:      enums[wire.FeatureType, credits.FeatureType](q, "featureType"),
		MeterTypes: enums[wire.MeterType, credits.MeterType](q, "meterType"),
		Created:    q.during("createdAt"),
	}
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	data, pagination := paged(q, s.credits.Features(c.env, filter, page), featureOut)
	return wire.FeaturePage{Data: data, Pagination: pagination}, nil
}

func (s *server) createFeature(c *call) (any, error) {
	var in wire.FeatureCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return featureData(s.credits.CreateFeature(c.ctx, c.env, c.actor(), credits.NewFeature{
		ID: in.ID, DisplayName: in.DisplayName, Description: value(in.Description),
		Type: credits.FeatureType(in.FeatureType), Status: enumIn[credits.FeatureStatus](in.FeatureStatus),
		MeterType: enumIn[credits.MeterType](in.MeterType),
		Units:     value(in.FeatureUnits), UnitsPlural: value(in.FeatureUnitsPlural),
		Enum: listIn(in.EnumConfiguration, enumValueIn), Transformation: transformationIn(in.UnitTransformation), Metadata: in.Metadata,
	}))
}

func (s *server) getFeature(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return featureData(s.credits.Feature(c.env, c.path("id")))
}

func (s *server) updateFeature(c *call) (any, error) {
	var in wire.FeatureUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.FeatureUpdate{
		DisplayName: patch(in.DisplayName), Description: patch(in.Description), Units: patch(in.FeatureUnits),
		UnitsPlural: patch(in.FeatureUnitsPlural), Enum: patchList(in.EnumConfiguration, enumValueIn),
		Transformation: patchVia(in.UnitTransformation, transformationIn), Metadata: patchMetadata(in.Metadata),
	}
	if in.Meter != nil {
		rule, err := meterIn(in.Meter)
		if err != nil {
			return nil, err
		}
		update.Meter = credits.Set(rule)
	}
	return featureData(s.credits.UpdateFeature(c.ctx, c.env, c.actor(), c.path("id"), update))
}

func (s *server) archiveFeature(c *call) (any, error) {
	return featureData(s.credits.ArchiveFeature(c.ctx, c.env, c.actor(), c.path("id")))
}

func (s *server) unarchiveFeature(c *call) (any, error) {
	return featureData(s.credits.UnarchiveFeature(c.ctx, c.env, c.actor(), c.path("id")))
}

// featureData answers with a feature.
func featureData(f *credits.Feature, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.FeatureData{Data: featureOut(f)}, nil
}

func featureOut(f *credits.Feature) wire.Feature {
	out := wire.Feature{
		ID: f.ID, DisplayName: f.DisplayName, Description: orNull(f.Description), FeatureType: wire.FeatureType(f.Type),
		FeatureStatus: wire.FeatureStatus(f.Status), MeterType: wire.MeterType(f.MeterType), FeatureUnits: orNull(f.Units),
		FeatureUnitsPlural: orNull(f.UnitsPlural), Metadata: f.Metadata, Meter: ruleOut(f.MeterRule),
		CreatedAt: timeOut(f.CreatedAt), UpdatedAt: timeOut(f.UpdatedAt),
	}
	if f.Type == credits.FeatureEnum {
		out.EnumConfiguration = listOut(f.Enum, func(e credits.EnumValue) wire.EnumValue { return wire.EnumValue(e) })
	}
	if t := f.Transformation; t != nil {
		out.UnitTransformation = &wire.UnitTransformation{Divide: int(t.Divide), Round: wire.RoundMode(t.Round),
			FeatureUnits: orNull(t.Units), FeatureUnitsPlural: orNull(t.UnitsPlural)}
	}
	return out
}

func enumValueIn(e *wire.EnumValue) credits.EnumValue { return credits.EnumValue(*e) }

func transformationIn(t *wire.UnitTransformationInput) *credits.UnitTransformation {
	if t == nil {
		return nil
	}
	return &credits.UnitTransformation{Divide: int64(t.Divide), Round: string(value(t.Round)),
		Units: value(t.FeatureUnits), UnitsPlural: value(t.FeatureUnitsPlural)}
}

// meterIn reads a meter. A condition has one value or several, under two names.
func meterIn(m *wire.Meter) (*credits.MeterRule, error) {
	rule := &credits.MeterRule{Function: string(m.Aggregation.Function), Field: value(m.Aggregation.Field)}
	for i := range m.Filters {
		var filter credits.MeterFilter
		for j := range m.Filters[i].Conditions {
			condition := &m.Filters[i].Conditions[j]
			values := condition.Values
			if condition.Value != nil {
				if values != nil {
					return nil, credits.Invalid(fmt.Sprintf("meter.filters[%d].conditions[%d].value", i, j), "must not be given together with values")
				}
				values = []string{*condition.Value}
			}
			filter.Conditions = append(filter.Conditions, credits.MeterCondition{
				Field: condition.Field, Operation: string(condition.Operation), Values: values,
			})
		}
		rule.Filters = append(rule.Filters, filter)
	}
	return rule, nil
}

// ruleOut writes a meter as it was written: the operation IN has values, others have a value or none.
func ruleOut(rule *credits.MeterRule) *wire.Meter {
	if rule == nil {
		return nil
	}
	return &wire.Meter{
		Aggregation: wire.MeterAggregation{Function: wire.MeterFunction(rule.Function), Field: orNull(rule.Field)},
		Filters: listOut(rule.Filters, func(f credits.MeterFilter) wire.MeterFilter {
			return wire.MeterFilter{Conditions: listOut(f.Conditions, conditionOut)}
		}),
	}
}

func conditionOut(c credits.MeterCondition) wire.MeterCondition {
	out := wire.MeterCondition{Field: c.Field, Operation: wire.MeterOperation(c.Operation)}
	if len(c.Values) == 1 && out.Operation != wire.MeterOperationIN {
		out.Value = &c.Values[0]
	} else {
		out.Values = c.Values
	}
	return out
}
