package credits

import (
	"context"
	"fmt"
	"slices"

	"github.com/scrip-dev/scrip/internal/ledger"
	"github.com/scrip-dev/scrip/internal/rating"
)

const enumValuesMax = 1000

// FeatureType is what kind of thing a feature is.
type FeatureType string

// The feature types.
const (
	FeatureBoolean FeatureType = "BOOLEAN"
	FeatureNumber  FeatureType = "NUMBER"
	FeatureEnum    FeatureType = "ENUM"
)

// FeatureStatus is whether a feature is in use. Archiving suspends it.
type FeatureStatus string

// The feature statuses.
const (
	FeatureNew       FeatureStatus = "NEW"
	FeatureActive    FeatureStatus = "ACTIVE"
	FeatureSuspended FeatureStatus = "SUSPENDED"
)

// MeterType says how usage of a feature accumulates. The mixed casing is the wire's.
type MeterType string

// The meter types.
const (
	MeterNone        MeterType = "None"
	MeterFluctuating MeterType = "FLUCTUATING"
	MeterIncremental MeterType = "INCREMENTAL"
)

// Feature is something a product offers and may measure.
type Feature struct {
	No             int64
	ID             string
	DisplayName    string
	Description    string
	Type           FeatureType
	Status         FeatureStatus
	MeterType      MeterType
	Units          string
	UnitsPlural    string
	Enum           []EnumValue
	Transformation *UnitTransformation
	MeterRule      *MeterRule // nil until a meter was written
	Metadata       map[string]string
	CreatedAt      ledger.Time
	UpdatedAt      ledger.Time

	// Meter is MeterRule with the transformation, ready to measure; nil when there is no meter.
	Meter *rating.Meter `json:"-"`
}

// EnumValue is one value of an ENUM feature.
type EnumValue struct{ DisplayName, Value string }

// UnitTransformation turns reported into billed units: cumulative units divided by Divide and rounded (semantics 8.3).
type UnitTransformation struct {
	Divide      int64
	Round       string // UP or DOWN
	Units       string
	UnitsPlural string
}

// MeterRule says which events count towards a feature and how (semantics 8). Filters are an OR of groups.
type MeterRule struct {
	Function string // COUNT, SUM, MAX, UNIQUE; MIN and AVG cannot be mapped to credits
	Field    string
	Filters  []MeterFilter
}

// MeterFilter is a group of conditions that must all hold.
type MeterFilter struct{ Conditions []MeterCondition }

// MeterCondition compares one dimension, or the event's name under the field eventName.
type MeterCondition struct {
	Field     string
	Operation string
	Values    []string
}

// RowNumber orders features by creation.
func (f *Feature) RowNumber() int64 { return f.No }

// cumulative tells whether the units that an event adds depend on earlier events of its usage period (semantics 8.2, 8.3).
func (f *Feature) cumulative() bool { return f.Meter != nil && !f.Meter.Stateless() }

// Metered tells whether usage of the feature can be measured.
func (f *Feature) Metered() bool { return f.MeterType != MeterNone }

// NewFeature is the body of CreateFeature. An empty Status means ACTIVE and an empty MeterType None.
type NewFeature struct {
	ID             string
	DisplayName    string
	Description    string
	Type           FeatureType
	Status         FeatureStatus
	MeterType      MeterType
	Units          string
	UnitsPlural    string
	Enum           []EnumValue
	Transformation *UnitTransformation
	Metadata       map[string]string
}

// FeatureUpdate changes the members that were sent. Writing a meter to a NUMBER feature without one makes it INCREMENTAL.
type FeatureUpdate struct {
	DisplayName    Patch[string]
	Description    Patch[string]
	Units          Patch[string]
	UnitsPlural    Patch[string]
	Enum           Patch[[]EnumValue]
	Transformation Patch[*UnitTransformation]
	Meter          Patch[*MeterRule]
	Metadata       Patch[map[string]string]
}

// FeatureFilter selects features; empty members select all.
type FeatureFilter struct {
	ID         string
	Statuses   []FeatureStatus
	Types      []FeatureType
	MeterTypes []MeterType
	Created    TimeRange
}

func (f *Feature) check() error {
	return firstError(
		validID("id", f.ID),
		validName("displayName", f.DisplayName, nameLengthMax),
		validText("description", f.Description, descriptionLengthMax),
		oneOf("featureType", string(f.Type), string(FeatureBoolean), string(FeatureNumber), string(FeatureEnum)),
		oneOf("featureStatus", string(f.Status), string(FeatureNew), string(FeatureActive), string(FeatureSuspended)),
		oneOf("meterType", string(f.MeterType), string(MeterNone), string(MeterFluctuating), string(MeterIncremental)),
		validText("featureUnits", f.Units, nameLengthMax),
		validText("featureUnitsPlural", f.UnitsPlural, nameLengthMax),
		validMetadata("metadata", f.Metadata),
		f.checkEnum(),
		f.checkMeasuring(),
	)
}

func (f *Feature) checkEnum() error {
	if f.Type != FeatureEnum {
		if len(f.Enum) > 0 {
			return Invalid("enumConfiguration", "only an ENUM feature has values")
		}
		return nil
	}
	if len(f.Enum) > enumValuesMax {
		return invalidf("enumConfiguration", "at most %d values are allowed", enumValuesMax)
	}
	seen := map[string]bool{}
	for i, v := range f.Enum {
		path := item("enumConfiguration", i)
		if seen[v.Value] {
			return invalidf(path+".value", "%q appears twice", clip(v.Value))
		}
		seen[v.Value] = true
		if err := firstError(validName(path+".displayName", v.DisplayName, nameLengthMax), validName(path+".value", v.Value, nameLengthMax)); err != nil {
			return err
		}
	}
	return nil
}

// checkMeasuring checks what belongs to metering and compiles the meter.
func (f *Feature) checkMeasuring() error {
	if f.Type != FeatureNumber && (f.MeterType != MeterNone || f.Transformation != nil || f.MeterRule != nil) {
		return invalidf("featureType", "a %s feature cannot be metered; use NUMBER", f.Type)
	}
	if t := f.Transformation; t != nil {
		if t.Divide < 1 {
			return Invalid("unitTransformation.divide", "must be at least 1")
		}
		if err := oneOf("unitTransformation.round", t.Round, "UP", "DOWN"); err != nil {
			return err
		}
	}
	return f.compile()
}

// CreateFeature adds a feature. The meter is written afterwards, by UpdateFeature.
func (s *Service) CreateFeature(ctx context.Context, env string, actor ledger.Actor, in NewFeature) (*Feature, error) {
	f := &Feature{ID: in.ID, DisplayName: in.DisplayName, Description: in.Description, Type: in.Type, Status: in.Status,
		MeterType: in.MeterType, Units: in.Units, UnitsPlural: in.UnitsPlural, Enum: in.Enum,
		Transformation: in.Transformation, Metadata: in.Metadata}
	if f.Status == "" {
		f.Status = FeatureActive
	}
	if f.MeterType == "" {
		f.MeterType = MeterNone
	}
	f.defaultRounding()
	if err := f.check(); err != nil {
		return nil, err
	}
	err := s.editCatalog(ctx, env, Audit{Actor: actor, Action: "feature.created", Object: in.ID}, func(e *catalogEdit) error {
		if _, taken := e.features[f.ID]; taken {
			return duplicate("feature", f.ID)
		}
		f.CreatedAt = e.now
		return e.putFeature(f)
	})
	return orNil(f, err)
}

// Feature returns one feature.
func (s *Service) Feature(env, id string) (*Feature, error) {
	if f, ok := s.Catalog(env).Feature(id); ok {
		return f, nil
	}
	return nil, missing("FeatureNotFound", "feature", id)
}

// Features lists features, the newest first.
func (s *Service) Features(env string, filter FeatureFilter, page Page) List[*Feature] {
	var found []*Feature
	for _, f := range s.Catalog(env).features {
		if filter.matches(f) {
			found = append(found, f)
		}
	}
	return pageOf(newestFirst(found), page)
}

func (q *FeatureFilter) matches(f *Feature) bool {
	return (q.ID == "" || q.ID == f.ID) && selects(q.Statuses, f.Status) && selects(q.Types, f.Type) &&
		selects(q.MeterTypes, f.MeterType) && q.Created.Contains(f.CreatedAt)
}

// selects tells whether a list of wanted values is empty or holds v.
func selects[T comparable](wanted []T, v T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, v)
}

// UpdateFeature changes a feature. A change of its meter that its mappings to credits cannot follow is refused with
// UnsupportedAggregation or InvalidFormula.
func (s *Service) UpdateFeature(ctx context.Context, env string, actor ledger.Actor, id string, in FeatureUpdate) (*Feature, error) {
	return s.changeFeature(ctx, env, Audit{Actor: actor, Action: "feature.updated", Object: id}, func(e *catalogEdit, f *Feature) error {
		in.apply(f)
		if err := f.check(); err != nil {
			return err
		}
		return e.checkMappingsOf(f)
	})
}

func (in *FeatureUpdate) apply(f *Feature) {
	in.DisplayName.apply(&f.DisplayName)
	in.Description.apply(&f.Description)
	in.Units.apply(&f.Units)
	in.UnitsPlural.apply(&f.UnitsPlural)
	in.Enum.apply(&f.Enum)
	in.Transformation.apply(&f.Transformation)
	in.Meter.apply(&f.MeterRule)
	in.Metadata.apply(&f.Metadata)
	if f.MeterRule != nil && f.Type == FeatureNumber && f.MeterType == MeterNone {
		f.MeterType = MeterIncremental
	}
	f.defaultRounding()
}

// defaultRounding rounds up where the caller did not choose, so that a started block is paid for.
func (f *Feature) defaultRounding() {
	if f.Transformation != nil && f.Transformation.Round == "" {
		t := *f.Transformation
		t.Round = "UP"
		f.Transformation = &t
	}
}

// ArchiveFeature suspends a feature: events no longer count towards it. It fails with FeatureInUse while an active plan
// or add-on maps it to credits, because its usage would silently become free.
func (s *Service) ArchiveFeature(ctx context.Context, env string, actor ledger.Actor, id string) (*Feature, error) {
	return s.changeFeature(ctx, env, Audit{Actor: actor, Action: "feature.archived", Object: id}, func(e *catalogEdit, f *Feature) error {
		if users := e.mapping(id); len(users) > 0 {
			return Conflict("FeatureInUse", fmt.Sprintf("feature %q is still mapped to credits by %s; archive or change these first", id, names(users)))
		}
		f.Status = FeatureSuspended
		return nil
	})
}

// UnarchiveFeature takes a feature into use again.
func (s *Service) UnarchiveFeature(ctx context.Context, env string, actor ledger.Actor, id string) (*Feature, error) {
	return s.changeFeature(ctx, env, Audit{Actor: actor, Action: "feature.unarchived", Object: id}, func(_ *catalogEdit, f *Feature) error {
		f.Status = FeatureActive
		return nil
	})
}

func (s *Service) changeFeature(ctx context.Context, env string, audit Audit, change func(*catalogEdit, *Feature) error) (*Feature, error) {
	var changed Feature
	err := s.editCatalog(ctx, env, audit, func(e *catalogEdit) error {
		f, ok := e.features[audit.Object]
		if !ok {
			return missing("FeatureNotFound", "feature", audit.Object)
		}
		changed = *f
		if err := change(e, &changed); err != nil {
			return err
		}
		return e.putFeature(&changed)
	})
	return orNil(&changed, err)
}
