package strictjson

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// planner makes readers of types and keeps them.
type planner struct {
	nullables Nullables
	made      sync.Map // reflect.Type → reader
}

// of returns the reader of a type. It panics for a type that no request body has.
func (p *planner) of(t reflect.Type) reader {
	if r, ok := p.made.Load(t); ok {
		return r.(reader)
	}
	r := p.make(t)
	p.made.Store(t, r)
	return r
}

func (p *planner) make(t reflect.Type) reader {
	switch t {
	case amountType:
		return readAmount
	case timeType:
		return readTime
	case rawType:
		return readScalar
	}
	switch t.Kind() {
	case reflect.Struct:
		return p.structReader(t)
	case reflect.Pointer:
		return p.pointerReader(t)
	case reflect.Slice:
		return p.listReader(t)
	case reflect.Map:
		if t.Key().Kind() == reflect.Bool {
			return p.nullableReader(t)
		}
		return p.mapReader(t)
	case reflect.String:
		return stringReader(t)
	case reflect.Bool:
		return readBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		return readInt
	}
	panic(fmt.Sprintf("strictjson: cannot read a %s", t))
}

// valid is an enumeration, as the wire types have it.
type valid interface{ Valid() bool }

// stringReader reads a text; an enumeration refuses values that it does not list.
func stringReader(t reflect.Type) reader {
	if !t.Implements(reflect.TypeFor[valid]()) {
		return readString
	}
	return func(s *Scanner, target reflect.Value) {
		readString(s, target)
		if s.err == nil && !target.Interface().(valid).Valid() {
			s.Failf("is not one of the values that are allowed here")
		}
	}
}

func (p *planner) pointerReader(t reflect.Type) reader {
	elem := p.of(t.Elem())
	return func(s *Scanner, target reflect.Value) {
		v := reflect.New(t.Elem())
		elem(s, v.Elem())
		target.Set(v)
	}
}

func (p *planner) listReader(t reflect.Type) reader {
	elem := p.of(t.Elem())
	return func(s *Scanner, target reflect.Value) {
		if !s.BeginArray() {
			return
		}
		list := reflect.MakeSlice(t, 0, 4)
		for s.More() {
			list = reflect.Append(list, reflect.Zero(t.Elem()))
			elem(s, list.Index(list.Len()-1))
		}
		target.Set(list)
	}
}

// mapReader reads an object whose members are chosen by the caller.
func (p *planner) mapReader(t reflect.Type) reader {
	elem := p.of(t.Elem())
	return func(s *Scanner, target reflect.Value) {
		if !s.BeginObject() {
			return
		}
		m := reflect.MakeMap(t)
		for s.More() {
			key := reflect.ValueOf(string(s.Key())).Convert(t.Key())
			if s.err == nil && m.MapIndex(key).IsValid() {
				s.Failf("appears twice")
			}
			v := reflect.New(t.Elem()).Elem()
			elem(s, v)
			m.SetMapIndex(key, v)
		}
		target.Set(m)
	}
}

// nullableReader fills a nullable.Nullable, which is a map from "has a value" to the value.
func (p *planner) nullableReader(t reflect.Type) reader {
	elem := p.of(t.Elem())
	return func(s *Scanner, target reflect.Value) {
		v := reflect.New(t.Elem()).Elem()
		null := s.Null()
		if !null {
			elem(s, v)
		}
		m := reflect.MakeMap(t)
		m.SetMapIndex(reflect.ValueOf(!null), v)
		target.Set(m)
	}
}

// member is one field of a struct.
type member struct {
	index    int
	name     string
	read     reader
	required bool
	nullable bool // null counts as absent
}

// structReader reads an object with known members.
func (p *planner) structReader(t reflect.Type) reader {
	members := p.members(t)
	byName := make(map[string]int, len(members))
	for i, m := range members {
		byName[m.name] = i
	}
	return func(s *Scanner, target reflect.Value) {
		if !s.BeginObject() {
			return
		}
		var seen uint64
		for s.More() {
			key := s.Key()
			i, known := byName[string(key)]
			switch {
			case s.err != nil:
				return
			case !known:
				s.Failf("%s", unknown(string(key), members))
				return
			case seen&(1<<i) != 0:
				s.Failf("appears twice")
				return
			}
			seen |= 1 << i
			if members[i].nullable && s.Null() {
				continue
			}
			members[i].read(s, target.Field(members[i].index))
		}
		requireMembers(s, members, seen)
	}
}

func requireMembers(s *Scanner, members []member, seen uint64) {
	for i := range members {
		if members[i].required && seen&(1<<i) == 0 {
			s.failMember(members[i].name, "is required")
			return
		}
	}
}

// unknown helps with a name that differs only in case.
func unknown(key string, members []member) string {
	for i := range members {
		if strings.EqualFold(members[i].name, key) {
			return "is not known; it is spelled " + members[i].name
		}
	}
	return "is not known here"
}

// members lists the fields of a struct that are on the wire.
func (p *planner) members(t reflect.Type) []member {
	var members []member
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		optional := strings.Contains(options, "omitempty")
		members = append(members, member{
			index: i, name: name, read: p.of(field.Type), required: !optional,
			nullable: !optional && field.Type.Kind() == reflect.Pointer || slices.Contains(p.nullables[t.Name()], name),
		})
	}
	if len(members) > 64 {
		panic(fmt.Sprintf("strictjson: %s has more than 64 members", t))
	}
	return members
}
