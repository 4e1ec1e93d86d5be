package lsp

import (
	"context"
	"sync/atomic"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// phase is where a session stands in the protocol's life cycle. Only ordered
// handlers move it.
type phase struct{ v atomic.Int32 }

const (
	phaseNew int32 = iota
	phaseInitialized
	phaseShutdown
)

func (p *phase) get() int32  { return p.v.Load() }
func (p *phase) set(v int32) { p.v.Store(v) }

// route chooses the method for a message as the life cycle allows.
func (s *session) route(name string) (protocol.Method, error) {
	m, known := s.methods[name]
	switch phase := s.phase.get(); {
	case name == lsp.MethodExit:
		return m, nil
	case phase == phaseNew && name != lsp.MethodInitialize:
		return m, protocol.Errorf(jsonrpc2.ServerNotInitialized, "%s came before initialize", name)
	case phase == phaseInitialized && name == lsp.MethodInitialize:
		return m, protocol.Errorf(jsonrpc2.InvalidRequest, "initialize came twice")
	case phase == phaseShutdown:
		return m, protocol.Errorf(jsonrpc2.InvalidRequest, "%s came after shutdown", name)
	case !known:
		return m, protocol.Errorf(jsonrpc2.MethodNotFound, "the server has no %s", name)
	}
	return m, nil
}

// table is every method that the server answers. docs/lsp.md says the same in
// words; a test compares them.
func (s *session) table() map[string]protocol.Method {
	return map[string]protocol.Method{
		lsp.MethodInitialize:                          ordered(s.initialize),
		lsp.MethodInitialized:                         ordered(s.initialized),
		lsp.MethodShutdown:                            ordered(s.shutdown),
		lsp.MethodExit:                                ordered(s.exitNow),
		lsp.MethodSetTrace:                            ordered(ignore[lsp.SetTraceParams]),
		lsp.MethodTextDocumentDidOpen:                 s.openSpelled(),
		lsp.MethodTextDocumentDidChange:               ordered(s.didChange),
		lsp.MethodTextDocumentDidClose:                ordered(s.didClose),
		lsp.MethodTextDocumentDidSave:                 concurrent(s.didSave),
		lsp.MethodWorkspaceDidChangeWatchedFiles:      concurrent(s.didChangeWatchedFiles),
		lsp.MethodWorkspaceDidChangeWorkspaceFolders:  ordered(s.didChangeWorkspaceFolders),
		lsp.MethodWorkspaceDidChangeConfiguration:     ordered(ignore[lsp.DidChangeConfigurationParams]),
		lsp.MethodWindowWorkDoneProgressCancel:        ordered(s.cancelProgress),
		lsp.MethodWorkspaceExecuteCommand:             concurrent(s.executeCommand),
		lsp.MethodTextDocumentDiagnostic:              feature(s, s.diagnostic),
		lsp.MethodTextDocumentCompletion:              feature(s, s.completion),
		lsp.MethodCompletionItemResolve:               feature(s, s.completionResolve),
		lsp.MethodTextDocumentHover:                   feature(s, s.hover),
		lsp.MethodTextDocumentSignatureHelp:           feature(s, s.signatureHelp),
		lsp.MethodTextDocumentDefinition:              feature(s, s.definition),
		lsp.MethodTextDocumentDeclaration:             feature(s, s.declaration),
		lsp.MethodTextDocumentReferences:              feature(s, s.references),
		lsp.MethodTextDocumentDocumentHighlight:       feature(s, s.documentHighlight),
		lsp.MethodTextDocumentPrepareRename:           feature(s, s.prepareRename),
		lsp.MethodTextDocumentRename:                  feature(s, s.rename),
		lsp.MethodTextDocumentDocumentSymbol:          feature(s, s.documentSymbol),
		lsp.MethodWorkspaceSymbol:                     feature(s, s.workspaceSymbol),
		lsp.MethodTextDocumentSemanticTokensFull:      feature(s, s.semanticTokensFull),
		lsp.MethodTextDocumentSemanticTokensFullDelta: feature(s, s.semanticTokensDelta),
		lsp.MethodTextDocumentSemanticTokensRange:     feature(s, s.semanticTokensRange),
		lsp.MethodTextDocumentFoldingRange:            feature(s, s.foldingRange),
		lsp.MethodTextDocumentSelectionRange:          feature(s, s.selectionRange),
		lsp.MethodTextDocumentDocumentLink:            feature(s, s.documentLink),
		lsp.MethodTextDocumentInlayHint:               feature(s, s.inlayHint),
		lsp.MethodTextDocumentCodeLens:                feature(s, s.codeLens),
		lsp.MethodTextDocumentFormatting:              feature(s, s.formatting),
		lsp.MethodTextDocumentRangeFormatting:         feature(s, s.rangeFormatting),
		lsp.MethodTextDocumentOnTypeFormatting:        feature(s, s.onTypeFormatting),
		lsp.MethodTextDocumentCodeAction:              feature(s, s.codeAction),
		lsp.MethodTextDocumentPrepareCallHierarchy:    feature(s, s.prepareCallHierarchy),
		lsp.MethodCallHierarchyIncomingCalls:          feature(s, s.incomingCalls),
		lsp.MethodCallHierarchyOutgoingCalls:          feature(s, s.outgoingCalls),
		protocol.MethodGetStatus:                      concurrent(s.getStatus),
		protocol.MethodAnswer:                         concurrent(s.answerAsk),
		protocol.MethodLogs:                           concurrent(s.logs),
		protocol.MethodDebugTarget:                    concurrent(s.debugTarget),
	}
}

// ordered is a method that is answered before the next message is read.
func ordered[P any](handle func(ctx context.Context, params *P) (any, error)) protocol.Method {
	return protocol.Method{Ordered: protocol.Decode(handle)}
}

// concurrent is a method that runs beside later messages.
func concurrent[P any](handle func(ctx context.Context, params *P) (any, error)) protocol.Method {
	return protocol.Method{Begin: func() protocol.Handler { return protocol.Decode(handle) }}
}

// feature is a concurrent method that answers from the documents as they are
// when the message arrives.
func feature[P any](s *session, handle func(ctx context.Context, snap *workspace.Snapshot, params *P) (any, error)) protocol.Method {
	return protocol.Method{Begin: func() protocol.Handler {
		snap := s.docs.Snapshot()
		s.asked.Add(1)
		return func(ctx context.Context, raw []byte) (any, error) {
			defer s.asked.Add(-1)
			return protocol.Decode(func(ctx context.Context, params *P) (any, error) { return handle(ctx, snap, params) })(ctx, raw)
		}
	}}
}

// ignore is for notifications that change nothing for us.
func ignore[P any](context.Context, *P) (any, error) { return nil, nil }
