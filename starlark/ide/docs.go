package ide

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// entryDoc returns the documentation of a built-in as Markdown.
func entryDoc(e *decl.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "```python\n%s\n```\n", signatureText(e))
	if e.Deprecated != "" {
		fmt.Fprintf(&b, "**Deprecated:** %s\n\n", e.Deprecated)
	}
	b.WriteString(e.Purpose + "\n")
	if e.Doc != "" {
		b.WriteString("\n" + e.Doc + "\n")
	}
	b.WriteString(paramDocs(e.Params))
	if e.Differs != "" {
		fmt.Fprintf(&b, "\n*Differs from Tilt:* %s\n", e.Differs)
	}
	if e.Example != "" {
		fmt.Fprintf(&b, "\n```python\n%s\n```\n", strings.TrimSpace(e.Example))
	}
	return strings.TrimSpace(b.String())
}

// signatureText returns a built-in's signature, broken into lines if it is long.
func signatureText(e *decl.Entry) string {
	if e.Kind == decl.Module {
		return "module " + e.Name
	}
	return e.SignatureLines()
}

func paramDocs(params []decl.Param) string {
	var b strings.Builder
	for _, p := range params {
		if p.Doc != "" {
			fmt.Fprintf(&b, "\n- `%s`: %s", p.Name, p.Doc)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + "\n"
}

// defDoc returns the documentation of a def as Markdown.
func defDoc(in *infer.Inference, v infer.Value) string {
	sig := in.DefSignature(v)
	var b strings.Builder
	fmt.Fprintf(&b, "```python\n%s\n```\n", sig.Text())
	b.WriteString(sig.Doc.Text + "\n")
	b.WriteString(paramDocs(sig.Params))
	if sig.Doc.Returns != "" {
		fmt.Fprintf(&b, "\nReturns %s\n", strings.TrimPrefix(sig.Doc.Returns, "Returns "))
	}
	return strings.TrimSpace(b.String())
}

// paramDoc returns the documentation of one parameter as Markdown.
func paramDoc(sig *infer.Signature, p decl.Param) string {
	text := fmt.Sprintf("```python\n%s\n```", p.String())
	if p.Doc != "" {
		text += "\n" + p.Doc
	}
	return text + fmt.Sprintf("\n\nParameter of `%s`.", sig.Name)
}

// comment returns the comment lines directly above an offset, without #.
func commentAbove(f *syntax.File, off int) string {
	line := f.Lines.Number(off)
	var text []string
	for i := len(f.Comments) - 1; i >= 0; i-- {
		c := f.Comments[i]
		if c.Start > off {
			continue
		}
		if !c.Own || f.Lines.Number(c.Start) != line-1 {
			break
		}
		line--
		text = append([]string{strings.TrimSpace(strings.TrimLeft(f.Src[c.Start:c.End], "#"))}, text...)
	}
	return strings.Join(text, "\n")
}
