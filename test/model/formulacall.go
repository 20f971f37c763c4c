package model

import "math/big"

// call evaluates a function whose opening parenthesis was read. if, coalesce and lookup evaluate only what they need.
func (f *formula) call(name string) value {
	switch name {
	case "if":
		return f.callIf()
	case "coalesce":
		return f.callCoalesce()
	case "lookup":
		return f.callLookup()
	}
	return f.callNumeric(name)
}

func (f *formula) callIf() value {
	taken := f.is(f.or())
	f.expect(",")
	a := f.either(taken)
	f.expect(",")
	b := f.either(!taken)
	f.expect(")")
	if taken {
		return a
	}
	return b
}

// either evaluates the next expression if it is wanted and reads over it if not.
func (f *formula) either(wanted bool) value {
	if wanted {
		return f.or()
	}
	f.skip++
	defer func() { f.skip-- }()
	return f.or()
}

// callCoalesce is the first argument that is not a missing dimension, the last one if all are missing.
func (f *formula) callCoalesce() value {
	before := len(f.warnings)
	v := f.or()
	for f.accept(",") != "" {
		if v.missing {
			f.warnings = f.warnings[:before]
			v = f.or()
			continue
		}
		f.either(false)
	}
	f.expect(")")
	return v
}

func (f *formula) callLookup() value {
	key := f.or()
	var found *value
	for {
		f.expect(",")
		v := f.either(found == nil)
		if f.accept(",") == "" { // the default
			f.expect(")")
			if found == nil {
				found = &v
			}
			return *found
		}
		hit := found == nil && f.skip == 0 && !key.missing && f.same(key, v)
		result := f.either(hit)
		if hit {
			found = &result
		}
		if f.peek() != "," {
			panic("lookup without a default")
		}
	}
}

// same says whether two values are equal: of one kind and the same, or a text that is that number.
func (f *formula) same(a, b value) bool {
	if a.kind == Text && b.kind == Number {
		a, b = b, a
	}
	switch {
	case a.kind == Number && b.kind == Text:
		x, ok := new(big.Rat).SetString(b.text)
		return ok && a.num.Cmp(x) == 0
	case a.kind != b.kind:
		return false
	case a.kind == Number:
		return a.num.Cmp(b.num) == 0
	case a.kind == Text:
		return a.text == b.text
	}
	return a.truth == b.truth
}

func (f *formula) callNumeric(name string) value {
	var args []*big.Rat
	for {
		args = append(args, f.num(f.or()))
		if f.accept(",") == "" {
			break
		}
	}
	f.expect(")")
	x := args[0]
	switch name {
	case "min":
		for _, a := range args[1:] {
			x = least(x, a)
		}
	case "max":
		for _, a := range args[1:] {
			x = neg(least(neg(x), neg(a)))
		}
	case "abs":
		x = new(big.Rat).Abs(x)
	case "ceil":
		x = ceiled(x)
	case "floor":
		x = floored(x)
	case "round":
		digits := 0
		if len(args) > 1 {
			digits = int(args[1].Num().Int64())
		}
		x = rounded(x, digits)
	default:
		panic("unknown function " + name)
	}
	return num(x)
}
