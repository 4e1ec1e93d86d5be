package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// SymbolKind says what a symbol is.
type SymbolKind uint8

// The kinds of symbols.
const (
	SymbolFunction SymbolKind = iota
	SymbolVariable
	SymbolResource
	SymbolImage
)

// Symbol is something that a file declares.
type Symbol struct {
	Name      string
	Detail    string
	Kind      SymbolKind
	Span      syntax.Span // all of it
	Selection syntax.Span // its name
	Children  []Symbol
}

// DocumentSymbols returns what a file declares: functions, global variables,
// resources and images, in the order of the text.
func DocumentSymbols(s *Analysis, f *resolve.File) []Symbol {
	b := newSymbols(s, f)
	return b.stmts(f.Stmts())
}

// Declared returns the resources and images among a file's symbols that no
// function holds.
func Declared(s *Analysis, f *resolve.File) []Symbol {
	b := newSymbols(s, f)
	b.only = true
	return b.stmts(f.Stmts())
}

type symbols struct {
	f    *resolve.File
	in   *infer.Inference
	refs []stringRef // of one call
	seen map[*resolve.Binding]bool
	only bool // see Declared
}

func newSymbols(s *Analysis, f *resolve.File) *symbols {
	return &symbols{f: f, in: infer.New(s.loaded), seen: map[*resolve.Binding]bool{}}
}

func (b *symbols) stmts(list []syntax.Stmt) []Symbol {
	var out []Symbol
	for _, st := range list {
		switch st := st.(type) {
		case *syntax.DefStmt:
			if st.Name.Name != "" && !b.only {
				sig := b.in.DefSignature(infer.Value{Def: st, From: b.f})
				out = append(out, Symbol{st.Name.Name, strings.TrimPrefix(sig.Text(), "def "+st.Name.Name), SymbolFunction, st.Span(), st.Name.Span(), b.stmts(st.Body)})
			}
		case *syntax.AssignStmt:
			out = append(out, b.calls(st.RHS)...)
			if !b.only {
				out = b.variable(out, st)
			}
		case *syntax.IfStmt:
			for _, c := range st.Clauses {
				out = append(out, b.stmts(c.Body)...)
			}
			if st.Else != nil {
				out = append(out, b.stmts(st.Else.Body)...)
			}
		case *syntax.ForStmt:
			out = append(out, b.stmts(st.Body)...)
		case *syntax.WhileStmt:
			out = append(out, b.stmts(st.Body)...)
		default:
			out = append(out, b.calls(st)...)
		}
	}
	return out
}

// variable adds the first assignment of a global.
func (b *symbols) variable(out []Symbol, st *syntax.AssignStmt) []Symbol {
	id, ok := st.LHS.(*syntax.Ident)
	if !ok {
		return out
	}
	bind := b.f.Binding(id)
	if bind == nil || bind.Kind != resolve.Global || b.seen[bind] {
		return out
	}
	b.seen[bind] = true
	return append(out, Symbol{Name: id.Name, Kind: SymbolVariable, Span: st.Span(), Selection: id.Span()})
}

// calls returns the resources and images that the calls below a node declare.
func (b *symbols) calls(n syntax.Node) []Symbol {
	var out []Symbol
	syntax.Walk(n, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		if t, ok := b.declaredBy(call); ok {
			kind := SymbolResource
			if groupOf(t.role) == imageGroup {
				kind = SymbolImage
			}
			out = append(out, Symbol{t.lit.Value, t.fn.Name, kind, call.Span(), t.lit.Span(), nil})
		}
		return true
	})
	return out
}

// declaredBy returns what a call declares: the new name, if it gives one.
func (b *symbols) declaredBy(call *syntax.CallExpr) (out stringRef, ok bool) {
	b.refs = appendRefs(b.refs[:0], b.in, b.f, call)
	for _, t := range b.refs {
		if groupOf(t.role) != noGroup && declares(t) && (!ok || t.role == decl.RoleNewName) {
			out, ok = t, true
		}
	}
	return out, ok
}

// WorkspaceSymbol is a symbol and its file.
type WorkspaceSymbol struct {
	Symbol
	Path string
}

// WorkspaceSymbols returns the symbols of all files whose names have the
// query's letters in their order, and the resources of the last evaluation that
// no text names.
func WorkspaceSymbols(s *Analysis, query string) []WorkspaceSymbol {
	query = strings.ToLower(query)
	var out []WorkspaceSymbol
	resources := map[string]bool{}
	var add func(path string, list []Symbol)
	add = func(path string, list []Symbol) {
		for _, sym := range list {
			resources[sym.Name] = resources[sym.Name] || sym.Kind == SymbolResource
			if subsequence(query, strings.ToLower(sym.Name)) {
				out = append(out, WorkspaceSymbol{sym, path})
			}
			add(path, sym.Children)
		}
	}
	for _, path := range s.Files {
		if f := s.file(path); f != nil {
			add(path, DocumentSymbols(s, f))
		}
	}
	if s.Project == nil {
		return out
	}
	for _, r := range s.Project.Resources {
		if resources[r.Name] || !subsequence(query, strings.ToLower(r.Name)) {
			continue
		}
		for _, l := range s.position(r.Pos) {
			out = append(out, WorkspaceSymbol{Symbol{Name: r.Name, Detail: string(r.Kind), Kind: SymbolResource, Span: l.Span, Selection: l.Span}, l.Path})
		}
	}
	return out
}
