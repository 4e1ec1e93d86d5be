package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// SignatureInfo describes the function that is being called.
type SignatureInfo struct {
	Label  string
	Doc    string // Markdown
	Params []ParamInfo
	Active int // index in Params, -1 for none
}

// ParamInfo describes a parameter. Label is its place in the signature's label.
type ParamInfo struct {
	Label syntax.Span
	Doc   string
}

// SignatureHelp describes the call around an offset and the parameter that is
// being given, nil when there is none or it is unknown what is called.
func SignatureHelp(s *Snapshot, f *resolve.File, off int) *SignatureInfo {
	site := callAt(f, off)
	if site == nil {
		return nil
	}
	sig := newInference(s.loaded).signature(f, site.call.Fn)
	if sig == nil {
		return nil
	}
	info := &SignatureInfo{Label: sig.name + "(", Active: sig.active(site)}
	e := decl.Entry{Params: sig.params}
	texts := e.ParamTexts()
	for i, text := range texts {
		if i > 0 {
			info.Label += ", "
		}
		start := len(info.Label)
		info.Label += text
		if text != "*" && text != "/" {
			p := sig.params[len(info.Params)]
			info.Params = append(info.Params, ParamInfo{syntax.Span{Start: start, End: len(info.Label)}, p.Doc})
		}
	}
	info.Label += ")"
	if sig.returns != "" {
		info.Label += " -> " + sig.returns
	}
	info.Doc = sig.doc.text
	if sig.entry != nil {
		info.Doc = strings.TrimSpace(sig.entry.Purpose + "\n\n" + sig.entry.Doc)
	}
	return info
}

// active returns the parameter of the argument at a call site.
func (sig *signature) active(site *callSite) int {
	args := site.call.Args
	if site.arg < len(args) {
		return sig.bind(site.call)[site.arg]
	}
	n := 0
	for _, a := range args {
		if a.Name != nil || a.Star != syntax.ILLEGAL {
			return -1
		}
		n++
	}
	return sig.positional(n)
}
