package rating

import (
	"fmt"
	"slices"
)

// Aggregation says how events become units (semantics 8.2). The zero value is none of them. Journals keep
// the numbers: they never change.
type Aggregation uint8

// The aggregations.
const (
	Count  Aggregation = iota + 1 // 1 per event
	Sum                           // the field's value
	Unique                        // 1 per value of the field not seen before in the usage period
	Max                           // what the field's value exceeds the period's maximum by
	Min                           // known, but usage cannot be counted with it
	Avg                           // known, but usage cannot be counted with it
)

var aggregationNames = []string{Count: "COUNT", Sum: "SUM", Unique: "UNIQUE", Max: "MAX", Min: "MIN", Avg: "AVG"}

// ParseAggregation reads a wire name such as "COUNT".
func ParseAggregation(name string) (Aggregation, bool) {
	i := indexOfName(aggregationNames, name)
	return Aggregation(i), i > 0
}

// String returns the wire name, or "" for values that are no aggregation.
func (a Aggregation) String() string { return nameAt(aggregationNames, int(a)) }

// CreditsAllowed reports whether features with this aggregation may be mapped to credits. MIN and AVG may not: later
// events would have to give credits back.
func (a Aggregation) CreditsAllowed() bool { return a >= Count && a <= Max }

// MarshalText writes the wire name.
func (a Aggregation) MarshalText() ([]byte, error) { return marshalName(aggregationNames, int(a)) }

// UnmarshalText reads the wire name.
func (a *Aggregation) UnmarshalText(text []byte) error {
	i, err := unmarshalName(aggregationNames, text)
	*a = Aggregation(i)
	return err
}

// Operator is what a condition does with its field (semantics 8.1). The zero value is none of them.
type Operator uint8

// The operators.
const (
	Equals Operator = iota + 1
	NotEquals
	GreaterThan
	GreaterThanOrEqual
	LessThan
	LessThanOrEqual
	IsNull
	IsNotNull
	Contains
	StartsWith
	EndsWith
	In
)

var operatorNames = []string{
	Equals: "EQUALS", NotEquals: "NOT_EQUALS", GreaterThan: "GREATER_THAN", GreaterThanOrEqual: "GREATER_THAN_OR_EQUAL",
	LessThan: "LESS_THAN", LessThanOrEqual: "LESS_THAN_OR_EQUAL", IsNull: "IS_NULL", IsNotNull: "IS_NOT_NULL",
	Contains: "CONTAINS", StartsWith: "STARTS_WITH", EndsWith: "ENDS_WITH", In: "IN",
}

// ParseOperator reads a wire name such as "GREATER_THAN".
func ParseOperator(name string) (Operator, bool) {
	i := indexOfName(operatorNames, name)
	return Operator(i), i > 0
}

// String returns the wire name, or "" for values that are no operator.
func (o Operator) String() string { return nameAt(operatorNames, int(o)) }

// MarshalText writes the wire name.
func (o Operator) MarshalText() ([]byte, error) { return marshalName(operatorNames, int(o)) }

// UnmarshalText reads the wire name.
func (o *Operator) UnmarshalText(text []byte) error {
	i, err := unmarshalName(operatorNames, text)
	*o = Operator(i)
	return err
}

// numeric reports whether the operator compares sizes.
func (o Operator) numeric() bool { return o >= GreaterThan && o <= LessThanOrEqual }

// Rounding says what becomes of a begun block of a Transform. The zero value is none of them. Journals keep the numbers:
// they never change.
type Rounding uint8

// The roundings.
const (
	RoundUp   Rounding = iota + 1 // a begun block counts
	RoundDown                     // only full blocks count
)

var roundingNames = []string{RoundUp: "UP", RoundDown: "DOWN"}

// ParseRounding reads a wire name, "UP" or "DOWN".
func ParseRounding(name string) (Rounding, bool) {
	i := indexOfName(roundingNames, name)
	return Rounding(i), i > 0
}

// String returns the wire name, or "" for values that are no rounding.
func (r Rounding) String() string { return nameAt(roundingNames, int(r)) }

// MarshalText writes the wire name.
func (r Rounding) MarshalText() ([]byte, error) { return marshalName(roundingNames, int(r)) }

// UnmarshalText reads the wire name.
func (r *Rounding) UnmarshalText(text []byte) error {
	i, err := unmarshalName(roundingNames, text)
	*r = Rounding(i)
	return err
}

// indexOfName returns where name stands in names, or 0. Index 0 of names is empty and means no value.
func indexOfName(names []string, name string) int {
	return max(slices.Index(names, name), 0) // the empty name is at 0 as well
}

func nameAt(names []string, i int) string {
	if i >= len(names) {
		return ""
	}
	return names[i]
}

func marshalName(names []string, i int) ([]byte, error) {
	name := nameAt(names, i)
	if name == "" {
		return nil, fmt.Errorf("value %d has no name", i)
	}
	return []byte(name), nil
}

func unmarshalName(names []string, text []byte) (int, error) {
	i := indexOfName(names, string(text))
	if i == 0 {
		return 0, fmt.Errorf("unknown name %q", text)
	}
	return i, nil
}
