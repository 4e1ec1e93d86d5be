package limit

import (
	"strings"

	"go.starlark.net/starlark"
)

// method returns a value; in the place of a method whose result may be large, one
// that is guarded wherever it is called.
func (m *Meter) method(v starlark.Value) starlark.Value {
	b, ok := v.(*starlark.Builtin)
	if !ok || b.Receiver() == nil || !guardedMethods[b.Name()] {
		return v
	}
	return starlark.NewBuiltin(b.Name(), func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return m.callGuarded(t, append(starlark.Tuple{b}, args...), kwargs)
	}).BindReceiver(b.Receiver())
}

// callGuarded calls a method whose result may be large.
func (m *Meter) callGuarded(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	method, args := args[0], args[1:]
	if b, ok := method.(*starlark.Builtin); ok {
		if n := methodSize(b, args, kwargs, m.limit.Load()); n >= largeValue {
			if err := m.Allow(n); err != nil {
				return nil, err
			}
		}
		switch b.Receiver().(type) {
		case *starlark.List, *starlark.Set:
			if err := CheckNested(append(starlark.Tuple{b.Receiver()}, args...)); err != nil {
				return nil, err
			}
		}
		v, err := b.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		if b.Name() == "items" || b.Name() == "popitem" { // which make tuples
			if err := CheckNested(v); err != nil {
				return nil, err
			}
		}
		return v, m.Took(Size(v))
	}
	return starlark.Call(t, method, args, kwargs)
}

// pieces is how many strings a text can be split in.
func pieces(text string, args starlark.Tuple) uint64 {
	if len(text) < largeValue {
		return 0
	}
	if len(args) > 0 {
		if sep, ok := args[0].(starlark.String); ok && sep != "" {
			return uint64(strings.Count(text, string(sep))) + 1
		}
	}
	n := uint64(1)
	for _, c := range []byte(text) {
		if c == ' ' || c >= '\t' && c <= '\r' {
			n++
		}
	}
	return n
}

// allowElements reports whether the elements of some values are within the limit.
func (m *Meter) allowElements(args starlark.Tuple) error {
	var total uint64
	for _, v := range args {
		if n := starlark.Len(v); n > 0 {
			total += perElement * uint64(n)
		}
		switch v.(type) {
		case *starlark.List, starlark.Tuple, *starlark.Dict:
			if err := CheckNested(v); err != nil {
				return err
			}
		}
	}
	if total < largeValue {
		return nil
	}
	return m.Allow(total)
}

// bitsOf is how long a number is.
func bitsOf(n starlark.Int) int {
	if _, ok := n.Int64(); ok {
		return 64
	}
	return n.BigInt().BitLen()
}

// methodSize is how large the result of a method can become, at most budget
// and a little.
func methodSize(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, budget uint64) uint64 {
	var total uint64
	add := func(v starlark.Value) {
		if total < budget {
			n, _ := textSize(v, budget-total)
			total += n
		}
	}
	receiver, isText := b.Receiver().(starlark.String)
	switch {
	case b.Name() == "extend" && len(args) == 1:
		return perElement * uint64(max(starlark.Len(args[0]), 0))
	case b.Name() == "items" || b.Name() == "keys" || b.Name() == "values":
		return perElement * uint64(max(starlark.Len(b.Receiver()), 0))
	case !isText:
		return 0
	case b.Name() == "split" || b.Name() == "rsplit" || b.Name() == "splitlines":
		return perElement * pieces(string(receiver), args)
	case len(args) == 0:
		return uint64(len(receiver))
	case b.Name() == "join" && len(args) == 1:
		add(args[0])
		return total + uint64(len(receiver))*uint64(max(starlark.Len(args[0]), 0))
	case b.Name() == "replace" && len(args) >= 2:
		old, _ := args[0].(starlark.String)
		by, _ := args[1].(starlark.String)
		times := uint64(len(receiver))/uint64(max(len(old), 1)) + 1
		return uint64(len(receiver)) + times*uint64(len(by))
	case b.Name() == "format":
		for _, a := range args {
			add(a)
		}
		for _, kw := range kwargs {
			add(kw[1])
		}
		return uint64(len(receiver)) + total*uint64(strings.Count(string(receiver), "{"))
	}
	return 0
}
