package ide

import (
	"sort"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// paramAt returns the signature and parameter of the argument that a path of
// nodes leads into, through lists and parentheses only.
func paramAt(in *infer.Inference, f *resolve.File, path []syntax.Node) (*infer.Signature, *decl.Param) {
	for i := len(path) - 1; i > 0; i-- {
		switch n := path[i].(type) {
		case *syntax.Arg:
			call, ok := path[i-1].(*syntax.CallExpr)
			if !ok {
				return nil, nil
			}
			sig := in.Signature(f, call.Fn)
			if sig == nil {
				return nil, nil
			}
			bound := sig.Bind(call)
			for j, a := range call.Args {
				if a == n && bound[j] >= 0 {
					return sig, &sig.Params[bound[j]]
				}
			}
			return sig, nil
		case *syntax.Literal, *syntax.Ident, *syntax.ListExpr, *syntax.ParenExpr, *syntax.TupleExpr:
		case *syntax.DictEntry, *syntax.DictExpr:
			return nil, nil
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// A callSite is a call around an offset.
type callSite struct {
	call   *syntax.CallExpr
	direct bool // no other bracket is open between the call's and the offset
	arg    int  // index of the argument at the offset; len(Args) for a new one
}

// callAt returns the innermost call whose parentheses are open at an offset,
// nil when there is none. It looks at tokens, since the tree of a half-written
// call may end before the offset.
func callAt(f *resolve.File, off int) *callSite {
	i := sort.Search(f.NumTokens(), func(i int) bool { return f.Token(i).Start >= off }) - 1
	nest, direct := 0, true
	for ; i >= 0; i-- {
		t := f.Token(i)
		switch t.Kind {
		case syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
			if t.End <= off {
				nest++
			}
		case syntax.NEWLINE:
			if nest == 0 {
				return nil
			}
		case syntax.LPAREN, syntax.LBRACK, syntax.LBRACE:
			if nest > 0 {
				nest--
				continue
			}
			if t.Kind == syntax.LPAREN {
				if call := callWith(f, t.Start); call != nil {
					return &callSite{call, direct, argAt(f, call, off)}
				}
			}
			direct = false
		}
	}
	return nil
}

// callWith returns the call with the opening parenthesis at an offset.
func callWith(f *resolve.File, lparen int) *syntax.CallExpr {
	path := syntax.PathAt(f.File, lparen)
	for i := len(path) - 1; i >= 0; i-- {
		if c, ok := path[i].(*syntax.CallExpr); ok && c.Lparen == lparen {
			return c
		}
	}
	return nil
}

// argAt returns the index of the argument at an offset.
func argAt(f *resolve.File, call *syntax.CallExpr, off int) int {
	for i, a := range call.Args {
		if off <= a.End {
			return i
		}
		// Behind the argument, but before its comma?
		next := len(f.Src)
		if i+1 < len(call.Args) {
			next = call.Args[i+1].Start
		}
		if comma := commaAfter(f, a.End); comma >= off && comma < next {
			return i
		}
	}
	n := len(call.Args)
	if n > 0 {
		if c := commaAfter(f, call.Args[n-1].End); c < 0 || c >= off {
			return n - 1
		}
	}
	return n
}

// commaAfter returns where the comma stands that is the next token from off on,
// -1 when the next token is something else.
func commaAfter(f *resolve.File, off int) int {
	i := sort.Search(f.NumTokens(), func(i int) bool { return f.Token(i).Start >= off })
	if i < f.NumTokens() && f.Token(i).Kind == syntax.COMMA {
		return f.Token(i).Start
	}
	return -1
}

// callOfStmt returns the call that a statement consists of, nil when it is
// another.
func callOfStmt(st syntax.Stmt) *syntax.CallExpr {
	if x, ok := st.(*syntax.ExprStmt); ok {
		call, _ := x.X.(*syntax.CallExpr)
		return call
	}
	return nil
}
