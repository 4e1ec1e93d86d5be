package ide

import (
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
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
func SignatureHelp(s *Analysis, f *resolve.File, off int) *SignatureInfo {
	site := callAt(f, off)
	if site == nil {
		return nil
	}
	sig := infer.New(s.loaded).Signature(f, site.call.Fn)
	if sig == nil {
		return nil
	}
	info := &SignatureInfo{Label: sig.Name + "(", Active: sig.Arg(site.call, site.arg)}
	e := decl.Entry{Params: sig.Params}
	texts := e.ParamTexts()
	for i, text := range texts {
		if i > 0 {
			info.Label += ", "
		}
		start := len(info.Label)
		info.Label += text
		if text != "*" && text != "/" {
			p := sig.Params[len(info.Params)]
			info.Params = append(info.Params, ParamInfo{syntax.Span{Start: start, End: len(info.Label)}, p.Doc})
		}
	}
	info.Label += ")"
	if sig.Returns != "" {
		info.Label += " -> " + sig.Returns
	}
	info.Doc = sig.Doc.Text
	if sig.Entry != nil {
		info.Doc = strings.TrimSpace(sig.Entry.Purpose + "\n\n" + sig.Entry.Doc)
	}
	return info
}
