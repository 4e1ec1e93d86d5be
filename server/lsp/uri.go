package lsp

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// A client may spell the URI of a file in many ways (escaped more or less, with
// a host, with doubled slashes), and takes another spelling for another file.
// Inside, a document goes by its key; what is sent has the client's spelling.

// pathOf returns the path of a file URI, "" for any other.
func pathOf(u uri.URI) string {
	if !u.IsFile() {
		return ""
	}
	path := u.FsPath()
	if host := u.Authority(); strings.EqualFold(host, "localhost") {
		path = strings.TrimPrefix(path, "//"+host)
	}
	if !filepath.IsAbs(path) {
		return ""
	}
	return filepath.Clean(path)
}

// keyOf returns what a document of a URI goes by, however it is spelled.
func keyOf(u uri.URI) string {
	if path := pathOf(u); path != "" {
		return string(uri.File(path))
	}
	return string(u)
}

// spelled returns a URI as the client spells it: as it opened the document, or
// in normal form.
func spelled(snap *workspace.Snapshot, key string) uri.URI {
	if doc := snap.Document(key); doc != nil && doc.Spelled != "" {
		return uri.URI(doc.Spelled)
	}
	return uri.URI(key)
}

// openSpelled is didOpen, with the URI as it stands in the message.
func (s *session) openSpelled() protocol.Method {
	return protocol.Method{Ordered: func(ctx context.Context, raw []byte) (any, error) {
		return protocol.Decode(func(ctx context.Context, p *lsp.DidOpenTextDocumentParams) (any, error) {
			return s.didOpen(ctx, p, spelling(raw, p.TextDocument.URI))
		})(ctx, raw)
	}}
}

// spelling returns the URI of a document's message as it stands there.
func spelling(raw []byte, decoded uri.URI) string {
	if bytes.Contains(raw, []byte(`"`+string(decoded)+`"`)) {
		return string(decoded)
	}
	var p struct {
		TextDocument struct{ URI string }
	}
	if json.Unmarshal(raw, &p) != nil {
		return string(decoded)
	}
	return p.TextDocument.URI
}
