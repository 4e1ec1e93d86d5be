package infer

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A Signature is what can be called, a built-in or a def.
type Signature struct {
	Name    string
	Params  []decl.Param
	Returns string
	result  decl.Type // of a def: what it says that it returns
	Entry   *decl.Entry
	Doc     Docstring

	roles [][]decl.Role // of the parameters of an entry; nil until they are asked for
}

// RolesOf returns the roles of the strings that a parameter of an entry takes.
func (sig *Signature) RolesOf(param int) []decl.Role {
	if sig.roles == nil {
		sig.roles = make([][]decl.Role, len(sig.Params))
		for i := range sig.Params {
			sig.roles[i] = sig.Params[i].Type.Roles()
		}
	}
	return sig.roles[param]
}

// SignatureOf returns the signature of a value, nil when it is unknown.
func (in *Inference) SignatureOf(v Value) *Signature {
	switch {
	case v.Entry != nil && v.Entry.Kind == decl.Function:
		sig := in.entries[v.Entry]
		if sig == nil {
			sig = &Signature{Name: v.Entry.Name, Params: v.Entry.Params, Entry: v.Entry}
			if !v.Entry.Type.IsNone() {
				sig.Returns = v.Entry.Type.String()
			}
			in.entries[v.Entry] = sig
		}
		return sig
	case v.Def != nil:
		return in.DefSignature(v)
	}
	return nil
}

// Signature returns the signature of what an expression calls, nil when it is
// unknown.
func (in *Inference) Signature(f *resolve.File, fn syntax.Expr) *Signature {
	return in.SignatureOf(in.Expr(f, fn))
}

// DefSignature returns the signature of a def, with the types that its
// docstring and comments name.
func (in *Inference) DefSignature(v Value) *Signature {
	sig := in.defs[v.Def]
	if sig == nil {
		sig = keptSignature(v)
		in.defs[v.Def] = sig
	}
	return sig
}

// signatureFact is the key of a def's signature among the facts of its piece.
type signatureFact struct{}

// keptSignature is newSignature, which is kept with the text of a def of the
// top level: most of a file's are the same after an edit.
func keptSignature(v Value) *Signature {
	part := v.From.Parts[v.From.PartAt(v.Def.Start)]
	if len(part.Stmts()) != 1 || part.Stmts()[0] != syntax.Stmt(v.Def) {
		return NewSignature(v)
	}
	return part.Fact(signatureFact{}, func() any { return NewSignature(v) }).(*Signature)
}

// NewSignature returns the signature of a def.
func NewSignature(v Value) *Signature {
	sig := &Signature{Name: v.Def.Name.Name, Doc: ParseDocstring(DocOf(v.Def.Body))}
	types, result := defComment(v.From, v.Def)
	sig.result = result
	if result.Name == "any" {
		sig.result = sig.Doc.result
	}
	if sig.result.Name != "any" {
		sig.Returns = sig.result.String()
	}
	keyword := false
	for i, p := range v.Def.Params {
		if p.Name == nil {
			keyword = true
			continue
		}
		q := decl.Param{Name: p.Name.Name, Type: sig.Doc.typeOf(p.Name.Name), Doc: sig.Doc.Args[p.Name.Name]}
		if i < len(types) {
			q.Type = types[i]
		} else if text := typeComment(v.From, p.End); text != "" && !strings.HasPrefix(text, "(") {
			q.Type = parseType(text)
		}
		switch {
		case p.Star == syntax.STAR:
			q.Kind, keyword = decl.VarArgs, true
		case p.Star == syntax.STARSTAR:
			q.Kind = decl.VarKwargs
		default:
			if keyword {
				q.Kind = decl.Keyword
			}
			if p.Default != nil {
				q.Default = strings.Clone(v.From.Text(p.Default))
			} else {
				q.Required = true
			}
		}
		sig.Params = append(sig.Params, q)
	}
	return sig
}

// Text returns the signature as Python would write it.
func (sig *Signature) Text() string {
	if sig.Entry != nil {
		return sig.Entry.Signature()
	}
	e := decl.Entry{Name: sig.Name, Params: sig.Params, Type: decl.Type{Name: "None"}}
	if sig.Returns != "" {
		e.Type = sig.result
	}
	return "def " + e.SignatureLines()
}

// Bind returns the index of the parameter of each argument, -1 where it is
// unknown or there is none.
func (sig *Signature) Bind(call *syntax.CallExpr) []int {
	bound := make([]int, len(call.Args))
	next, starred := 0, false
	for i, a := range call.Args {
		bound[i] = -1
		switch {
		case a.Star != syntax.ILLEGAL:
			starred = true
		case a.Name != nil:
			bound[i] = sig.Named(a.Name.Name)
		case !starred:
			if bound[i] = sig.Positional(next); bound[i] >= 0 {
				next++
			}
		}
	}
	return bound
}

// Arg returns the parameter that takes the i-th argument of a call, which may
// be one behind its last; -1 when that is unknown or there is none.
func (sig *Signature) Arg(call *syntax.CallExpr, i int) int {
	if i < len(call.Args) {
		return sig.Bind(call)[i]
	}
	for _, a := range call.Args {
		if a.Name != nil || a.Star != syntax.ILLEGAL {
			return -1
		}
	}
	return sig.Positional(len(call.Args))
}

// Named returns the parameter that takes a keyword, -1 when none does.
func (sig *Signature) Named(name string) int {
	rest := -1
	for i := range sig.Params {
		switch p := &sig.Params[i]; {
		case p.Kind == decl.VarKwargs:
			rest = i
		case p.Name == name && (p.Kind == decl.Normal || p.Kind == decl.Keyword):
			return i
		}
	}
	return rest
}

// Positional returns the parameter that takes the n-th argument, -1 when none
// does.
func (sig *Signature) Positional(n int) int {
	for i := range sig.Params {
		switch sig.Params[i].Kind {
		case decl.Normal, decl.Positional:
			if n == 0 {
				return i
			}
			n--
		case decl.VarArgs:
			return i
		}
	}
	return -1
}

func (sig *Signature) MaxPositional() int {
	n := 0
	for _, p := range sig.Params {
		if p.Kind == decl.Normal || p.Kind == decl.Positional {
			n++
		}
	}
	return n
}
