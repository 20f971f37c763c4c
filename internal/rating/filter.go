package rating

import (
	"slices"
	"strings"
)

const (
	// GroupsMax bounds the groups of a filter: matching may look at every condition of every group for every event.
	GroupsMax = 50
	// ConditionsMax bounds the conditions of one group, for the same reason.
	ConditionsMax = 50
	// ValuesMax bounds the values of one IN condition.
	ValuesMax = 500

	nameField      = "eventName"
	nameFieldAlias = "event_name"
)

// Condition compares one field with values. The field eventName, or event_name, is the name of the event; a dimension
// of that name cannot be asked for. Every other field is a dimension.
type Condition struct {
	Field    string
	Operator Operator
	// Values holds what to compare with: one value, at least one for IN, and whatever for IS_NULL and IS_NOT_NULL, which
	// ignore it.
	Values []string
}

// Group is a set of conditions that must all hold. A group must name the events it is about, see Meter.Validate.
type Group []Condition

func (c *Condition) onName() bool { return c.Field == nameField || c.Field == nameFieldAlias }

// matchesName reports whether the conditions on the event's name hold.
func (g Group) matchesName(name string) bool {
	event := Dim{Kind: String, Text: name}
	for i := range g {
		if c := &g[i]; c.onName() && !c.holds(event) {
			return false
		}
	}
	return true
}

// matchesDims reports whether the conditions on dimensions hold.
func (g Group) matchesDims(d Dims) bool {
	for i := range g {
		c := &g[i]
		if c.onName() {
			continue
		}
		dim, ok := d.find(c.Field)
		if ok && !c.holds(dim) || !ok && !c.holdsMissing() {
			return false
		}
	}
	return true
}

// holdsMissing is the condition on a dimension that the event does not carry.
func (c *Condition) holdsMissing() bool { return c.Operator == IsNull || c.Operator == NotEquals }

// holds is the condition on a value that is there. A condition that Validate would refuse does not hold.
func (c *Condition) holds(d Dim) bool {
	switch c.Operator {
	case IsNotNull:
		return true
	case In:
		return slices.ContainsFunc(c.Values, d.equals)
	}
	if len(c.Values) == 0 {
		return false
	}
	value := c.Values[0]
	switch c.Operator {
	case Equals:
		return d.equals(value)
	case NotEquals:
		return !d.equals(value)
	case Contains:
		return strings.Contains(d.Text, value)
	case StartsWith:
		return strings.HasPrefix(d.Text, value)
	case EndsWith:
		return strings.HasSuffix(d.Text, value)
	case GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual:
		return c.comparesTo(d, value)
	}
	return false
}

// equals compares numbers by value, so that 5.0 equals "5", and everything else by its text, case included.
func (d Dim) equals(value string) bool {
	if d.Text == value {
		return true
	}
	if d.Kind != Number {
		return false
	}
	a, ok := parseNumber(d.Text)
	if !ok {
		return false
	}
	b, ok := parseNumber(value)
	return ok && a.cmp(b) == 0
}

// comparesTo is the numeric operators. Texts that are numbers count as numbers; a boolean never does.
func (c *Condition) comparesTo(d Dim, value string) bool {
	if d.Kind == Bool {
		return false
	}
	a, ok := parseNumber(d.Text)
	if !ok {
		return false
	}
	b, ok := parseNumber(value)
	if !ok {
		return false
	}
	order := a.cmp(b)
	switch c.Operator {
	case GreaterThan:
		return order > 0
	case GreaterThanOrEqual:
		return order >= 0
	case LessThan:
		return order < 0
	}
	return order <= 0
}

func (c *Condition) validate(path string) *FieldError {
	switch {
	case c.Field == "":
		return fieldErrorf(path+".field", "is required: a dimension, or eventName")
	case c.Operator.String() == "":
		return fieldErrorf(path+".operation", "is not an operation")
	case c.Operator == IsNull || c.Operator == IsNotNull:
		return nil
	case c.Operator == In && (len(c.Values) == 0 || len(c.Values) > ValuesMax):
		return fieldErrorf(path+".values", "needs 1 to %d values for IN", ValuesMax)
	case c.Operator == In:
		return nil
	case len(c.Values) != 1:
		return fieldErrorf(path+".value", "needs exactly one value for %s", c.Operator)
	}
	if _, ok := parseNumber(c.Values[0]); c.Operator.numeric() && !ok {
		return fieldErrorf(path+".value", "must be a number for %s", c.Operator)
	}
	return nil
}
