package ide

import (
	"regexp"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Link is a place that leads to a file or a URL.
type Link struct {
	Span syntax.Span
	Path string // absolute; or
	URL  string
}

var urlPattern = regexp.MustCompile(`https?://[^\s"'<>\\)\]}]+`)

// DocumentLinks returns the loads, paths and URLs of a file that lead
// somewhere, in the order of the text.
func DocumentLinks(s *Analysis, f *resolve.File) []Link {
	in := infer.New(s.loaded)
	modules := map[*syntax.Literal]*resolve.Load{}
	for _, l := range f.Loads {
		modules[l.Module] = l
	}
	var list []Link
	files := map[*syntax.Literal]string{}
	syntax.Walk(f.File, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			fileArgs(s, in, f, n, files)
		case *syntax.Literal:
			if l := modules[n]; l != nil {
				if m := s.module(f, l); m.State == Found {
					list = append(list, Link{Span: n.Inner(), Path: m.Path})
				}
			} else if path := files[n]; path != "" {
				list = append(list, Link{Span: n.Inner(), Path: path})
			} else if n.Kind == syntax.STRING {
				list = append(list, urls(f, n.Inner())...)
			}
		}
		return true
	})
	for _, c := range f.Comments {
		list = append(list, urls(f, syntax.Span{Start: c.Start, End: c.End})...)
	}
	return list
}

func urls(f *resolve.File, s syntax.Span) []Link {
	if !strings.Contains(f.Src[s.Start:s.End], "://") {
		return nil
	}
	var list []Link
	for _, m := range urlPattern.FindAllStringIndex(f.Src[s.Start:s.End], -1) {
		span := syntax.Span{Start: s.Start + m[0], End: s.Start + m[1]}
		url := strings.TrimRight(f.Src[span.Start:span.End], ".,;:")
		span.End = span.Start + len(url)
		list = append(list, Link{Span: span, URL: url})
	}
	return list
}

// fileArgs notes the strings of a call that name files which exist.
func fileArgs(s *Analysis, in *infer.Inference, f *resolve.File, call *syntax.CallExpr, files map[*syntax.Literal]string) {
	sig := in.Signature(f, call.Fn)
	if sig == nil || sig.Entry == nil {
		return
	}
	for i, p := range sig.Bind(call) {
		if p < 0 {
			continue
		}
		for _, role := range sig.Params[p].Type.Roles() {
			if role != decl.RoleFile && role != decl.RolePath && role != decl.RoleDir {
				continue
			}
			for _, x := range elements(call.Args[i].X) {
				if lit, ok := x.(*syntax.Literal); ok && lit.Kind == syntax.STRING {
					if path, ok := s.existing(baseFolder(f, sig, &sig.Params[p], call), lit.Value); ok {
						files[lit] = path
					}
				}
			}
		}
	}
}
