package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

// signatureHelp describes the call that is being written.
func (s *session) signatureHelp(_ context.Context, snap *workspace.Snapshot, p *lsp.SignatureHelpParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	info := ide.SignatureHelp(v.ide, v.file, v.offset(p.Position))
	if info == nil {
		return nil, nil
	}
	sig := lsp.SignatureInformation{Label: info.Label, Parameters: []lsp.ParameterInformation{}}
	if info.Doc != "" {
		sig.Documentation = markup(info.Doc, s.client.markdown.signature)
	}
	for _, param := range info.Params {
		out := lsp.ParameterInformation{Label: s.labelOf(info.Label, param.Label)}
		if param.Doc != "" {
			out.Documentation = markup(param.Doc, s.client.markdown.signature)
		}
		sig.Parameters = append(sig.Parameters, out)
	}
	help := &lsp.SignatureHelp{ActiveSignature: new(uint32(0))}
	// An index behind the last parameter says that none is active.
	active := uint32(len(info.Params))
	if info.Active >= 0 {
		active = uint32(info.Active)
	}
	help.ActiveParameter = lsp.NewNullable(active)
	help.Signatures = []lsp.SignatureInformation{sig}
	return help, nil
}

// labelOf returns what a client marks of a signature's label for a parameter:
// its place, whose offsets count like positions, or its text.
func (s *session) labelOf(label string, param syntax.Span) lsp.ParameterInformationLabel {
	text := label[param.Start:param.End]
	if !s.client.labelOffsets {
		return lsp.String(text)
	}
	start := workspace.Width(label[:param.Start], s.client.encoding)
	return lsp.ParameterInformationLabelTuple{start, start + workspace.Width(text, s.client.encoding)}
}
