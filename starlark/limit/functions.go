package limit

import (
	"fmt"
	"math/bits"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// function is what a Tiltfile calls.
type function func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)

// Functions are the functions behind the guards' names, and those of Starlark's
// own functions that make large values of small ones.
func (m *Meter) Functions() starlark.StringDict {
	names := starlark.StringDict{}
	for _, functions := range []map[string]function{m.guards(), m.universe()} {
		for name, f := range functions {
			names[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				return f(t, args, kwargs)
			})
		}
	}
	return names
}

// guards are the functions behind the guards' names.
func (m *Meter) guards() map[string]function {
	return map[string]function{
		guardTimes:  ofTwo(m.times),
		guardFormat: ofTwo(m.format),
		guardSum:    ofOne(func(x starlark.Value) (starlark.Value, error) { return x, m.Took(Size(x)) }),
		guardMore:   ofTwo(func(x, y starlark.Value) (starlark.Value, error) { return y, m.Took(Size(x) + Size(y)) }),
		guardTuple:  ofOne(nested),
		guardCheck:  ofOne(nested),
		guardMember: ofOne(member),
		guardCall:   m.callGuarded,
		guardMethod: ofOne(func(x starlark.Value) (starlark.Value, error) { return m.method(x), nil }),
		guardLoop:   ofOne(func(x starlark.Value) (starlark.Value, error) { return x, nil }),
	}
}

func ofOne(f func(x starlark.Value) (starlark.Value, error)) function {
	return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return f(args[0])
	}
}

func ofTwo(f func(x, y starlark.Value) (starlark.Value, error)) function {
	return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return f(args[0], args[1])
	}
}

// nested is x, unless too much is reached from it to be compared or hashed.
func nested(x starlark.Value) (starlark.Value, error) { return x, CheckNested(x) }

// member is nested for a value in which something is looked for.
func member(x starlark.Value) (starlark.Value, error) {
	switch x.(type) {
	case *starlark.List, starlark.Tuple:
		return nested(x)
	}
	return x, nil // what is found by its hash, or a text
}

// format is x % y.
func (m *Meter) format(x, y starlark.Value) (starlark.Value, error) {
	if _, ok := x.(starlark.String); ok {
		if err := m.AllowText(x, y); err != nil {
			return nil, err
		}
	}
	return starlark.Binary(syntax.PERCENT, x, y)
}

// universe are the functions that take the place of Starlark's own.
func (m *Meter) universe() map[string]function {
	functions := map[string]function{"int": intOf, "range": rangeOf, "getattr": m.getattr}
	for _, name := range []string{"str", "repr", "print"} {
		functions[name] = m.measured(name, func(args starlark.Tuple) error { return m.AllowText(args...) })
	}
	for _, name := range []string{"list", "tuple", "set", "dict", "sorted", "reversed", "enumerate", "zip", "bytes", "min", "max"} {
		functions[name] = m.measured(name, m.allowElements)
	}
	return functions
}

// original is a function of Starlark's own.
func original(name string) *starlark.Builtin { return starlark.Universe[name].(*starlark.Builtin) }

func intOf(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if len(args) > 0 {
		if text, ok := args[0].(starlark.String); ok && len(text) > maxDigits {
			return nil, errDigits
		}
	}
	return original("int").CallInternal(t, args, kwargs)
}

func rangeOf(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := original("range").CallInternal(t, args, kwargs)
	if n := starlark.Len(v); err == nil && n > maxRange {
		return nil, fmt.Errorf("range: %d numbers are more than the %d that a range may have", n, maxRange)
	}
	return v, err
}

func (m *Meter) getattr(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := original("getattr").CallInternal(t, args, kwargs)
	if err != nil {
		return nil, err
	}
	return m.method(v), nil
}

// measured is a function of Starlark's own that asks before its result is made,
// and measures it.
func (m *Meter) measured(name string, before func(starlark.Tuple) error) function {
	f := original(name)
	return func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if err := before(args); err != nil {
			return nil, err
		}
		v, err := f.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(starlark.Tuple); ok {
			if err := CheckNested(v); err != nil {
				return nil, err
			}
		}
		return v, m.Took(Size(v))
	}
}

// times is x * y.
func (m *Meter) times(x, y starlark.Value) (starlark.Value, error) {
	if a, ok := x.(starlark.Int); ok {
		if b, ok := y.(starlark.Int); ok && bitsOf(a)+bitsOf(b) > maxBits {
			return nil, errDigits
		}
	}
	count, isInt := y.(starlark.Int)
	size := Size(x)
	if !isInt {
		count, isInt = x.(starlark.Int)
		size = Size(y)
	}
	if isInt && size > 0 {
		if n, ok := count.Uint64(); ok && n > 0 {
			high, total := bits.Mul64(size, n)
			if high == 0 && total >= largeValue && total < 1<<34 { // a larger one is refused by Starlark
				if err := m.Allow(total); err != nil {
					return nil, err
				}
			}
		}
	}
	return starlark.Binary(syntax.STAR, x, y)
}
