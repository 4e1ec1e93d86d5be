package ide

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/resolve"
)

// fileFeatures are the features that look at a whole file.
var fileFeatures = map[string]func(*Snapshot, *resolve.File) string{
	"diagnostics": func(s *Snapshot, f *resolve.File) string {
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
}

// placeFeatures are the features that look at a place. The text after " -> " in
// the marker is handed to them.
var placeFeatures = map[string]func(s *Snapshot, f *resolve.File, off int, arg string) string{
	"hover": func(s *Snapshot, f *resolve.File, off int, _ string) string {
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
	"complete": func(s *Snapshot, f *resolve.File, off int, arg string) string {
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
}
