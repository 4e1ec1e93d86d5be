package ide

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// fileFeatures are the features that look at a whole file.
var fileFeatures = map[string]func(*Analysis, *resolve.File) string{
	"diagnostics": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		for _, d := range Diagnostics(s, f) {
			fmt.Fprintf(&b, "%s %s [%s] %s\n", where(f, d.Span), d.Severity, d.Code, strings.ReplaceAll(d.Message, "\n", " / "))
			for _, r := range d.Related {
				fmt.Fprintf(&b, "  %s %s\n", where(s.file(r.Path), r.Span), r.Message)
			}
			for _, x := range d.Fixes {
				fmt.Fprintf(&b, "  fix: %s: %s", x.Title, edits(s, x.Edits))
			}
		}
		return b.String()
	},
	"symbols": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		var print func(list []Symbol, depth string)
		print = func(list []Symbol, depth string) {
			for _, y := range list {
				fmt.Fprintf(&b, "%s%s %d %s %s %s\n", depth, y.Name, y.Kind, y.Detail, where(f, y.Span), where(f, y.Selection))
				print(y.Children, depth+"  ")
			}
		}
		print(DocumentSymbols(s, f), "")
		return b.String()
	},
	"folding": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		for _, r := range FoldingRanges(f) {
			fmt.Fprintf(&b, "%d-%d %d\n", r.Start+1, r.End+1, r.Kind)
		}
		return b.String()
	},
	"tokens": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		for _, t := range SemanticTokens(s, f, f.Span()) {
			fmt.Fprintf(&b, "%s %s %s", where(f, t.Span), f.Src[t.Span.Start:t.Span.End], TokenTypes[t.Type])
			for i, m := range TokenModifiers {
				if t.Mods&(1<<i) != 0 {
					b.WriteString(" " + m)
				}
			}
			b.WriteByte('\n')
		}
		return b.String()
	},
	"links": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		for _, l := range DocumentLinks(s, f) {
			fmt.Fprintf(&b, "%s %s%s\n", where(f, l.Span), l.Path, l.URL)
		}
		return b.String()
	},
	"hints": func(s *Analysis, f *resolve.File) string {
		var b strings.Builder
		for _, h := range InlayHints(s, f, f.Span()) {
			fmt.Fprintf(&b, "%s %s\n", where(f, syntax.Span{Start: h.Off, End: h.Off}), h.Label)
		}
		return b.String()
	},
}

// placeFeatures are the features that look at a place. The text after " -> " in
// the marker is handed to them.
var placeFeatures = map[string]func(s *Analysis, f *resolve.File, off int, arg string) string{
	"hover": func(s *Analysis, f *resolve.File, off int, _ string) string {
		h := Hover(s, f, off)
		if h == nil {
			return ""
		}
		text := where(f, h.Span) + "\n" + h.Markdown
		if h.Resource != "" {
			text += "\nresource: " + h.Resource
		}
		return text
	},
	"complete": func(s *Analysis, f *resolve.File, off int, arg string) string {
		c := Complete(s, f, off)
		var b strings.Builder
		fmt.Fprintf(&b, "%s\n", where(f, c.Replace))
		n := 0
		for _, i := range c.Items {
			if arg != "" && !strings.HasPrefix(i.Label, arg) {
				continue
			}
			if n++; n > 12 {
				fmt.Fprintf(&b, "…\n")
				break
			}
			fmt.Fprintf(&b, "%s %q %s", i.Label, i.Insert, i.Detail)
			if len(i.Extra) > 0 {
				fmt.Fprintf(&b, "  with %s", strings.TrimSpace(edits(s, i.Extra)))
			}
			b.WriteByte('\n')
		}
		return b.String()
	},
	"signature": func(s *Analysis, f *resolve.File, off int, _ string) string {
		info := SignatureHelp(s, f, off)
		if info == nil {
			return ""
		}
		if info.Active < 0 {
			return info.Label
		}
		p := info.Params[info.Active]
		return fmt.Sprintf("%s\n[%s] %s", info.Label, info.Label[p.Label.Start:p.Label.End], p.Doc)
	},
	"definition": func(s *Analysis, f *resolve.File, off int, _ string) string {
		return locations(s, Definition(s, f, off))
	},
	"declaration": func(s *Analysis, f *resolve.File, off int, _ string) string {
		return locations(s, Declaration(s, f, off))
	},
	"references": func(s *Analysis, f *resolve.File, off int, _ string) string {
		return locations(s, References(s, f, off, true))
	},
	"highlight": func(s *Analysis, f *resolve.File, off int, _ string) string {
		var b strings.Builder
		for _, h := range DocumentHighlight(s, f, off) {
			fmt.Fprintf(&b, "%s %v\n", where(f, h.Span), h.Write)
		}
		return b.String()
	},
	"rename": func(s *Analysis, f *resolve.File, off int, name string) string {
		list, err := Rename(s, f, off, name)
		if err != nil {
			return "refused: " + err.Error()
		}
		return edits(s, list)
	},
	"select": func(s *Analysis, f *resolve.File, off int, _ string) string {
		var b strings.Builder
		for _, span := range SelectionRanges(f, off) {
			fmt.Fprintf(&b, "%s %s\n", where(f, span), firstLine(f.Src[span.Start:span.End]))
		}
		return b.String()
	},
	"actions": func(s *Analysis, f *resolve.File, off int, _ string) string {
		var b strings.Builder
		for _, a := range CodeActions(s, f, syntax.Span{Start: off, End: off}) {
			fmt.Fprintf(&b, "%s: %s\n", a.Kind, a.Title)
			for _, l := range strings.Split(strings.TrimSpace(edits(s, a.Edits)), "\n") {
				fmt.Fprintf(&b, "  %s\n", l)
			}
		}
		return b.String()
	},
	"calls": func(s *Analysis, f *resolve.File, off int, _ string) string {
		item := PrepareCallHierarchy(s, f, off)
		if item == nil {
			return ""
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s in %s\n", item.Name, item.Path)
		for _, c := range IncomingCalls(s, *item) {
			fmt.Fprintf(&b, "from %s in %s: %d\n", c.Item.Name, c.Item.Path, len(c.Places))
		}
		for _, c := range OutgoingCalls(s, *item) {
			fmt.Fprintf(&b, "to %s in %s: %d\n", c.Item.Name, c.Item.Path, len(c.Places))
		}
		return b.String()
	},
	"workspace": func(s *Analysis, f *resolve.File, off int, query string) string {
		var b strings.Builder
		for _, y := range WorkspaceSymbols(s, query) {
			fmt.Fprintf(&b, "%s %s %s\n", y.Name, y.Path, where(s.file(y.Path), y.Selection))
		}
		return b.String()
	},
}
