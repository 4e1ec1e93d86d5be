package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
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
		sig.Documentation = markdown(info.Doc)
	}
	for _, param := range info.Params {
		// Offsets within the label count like positions.
		start := workspace.Width(info.Label[:param.Label.Start], s.client.encoding)
		width := workspace.Width(info.Label[param.Label.Start:param.Label.End], s.client.encoding)
		out := lsp.ParameterInformation{Label: lsp.ParameterInformationLabelTuple{start, start + width}}
		if param.Doc != "" {
			out.Documentation = markdown(param.Doc)
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
