package protocol

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"
)

// CodeRequestFailed is LSP's code for a request that was fine and still could
// not be done.
const CodeRequestFailed jsonrpc2.Code = -32803

// Errorf returns an error that answers a message with the given code.
func Errorf(code jsonrpc2.Code, format string, args ...any) error {
	return jsonrpc2.Errorf(code, format, args...)
}

// Decode makes a Handler of a function with typed params. Params that do not
// fit are answered with InvalidParams; absent ones are the zero value.
func Decode[P any](handle func(ctx context.Context, params *P) (any, error)) Handler {
	return func(ctx context.Context, raw []byte) (any, error) {
		var params P
		if len(raw) > 0 && string(raw) != "null" {
			if err := Unmarshal(raw, &params); err != nil {
				return nil, jsonrpc2.NewError(jsonrpc2.InvalidParams, fmt.Sprintf("reading the parameters: %v", err))
			}
		}
		return handle(ctx, &params)
	}
}

// codec encodes the payloads of messages. LSP's unions need the library's own
// encoders; our own types have the JSON form that the daemon's API gives them,
// which the library's encoder does not know (it refuses durations).
type codec struct{}

// Marshal implements jsonrpc2.Codec.
func (codec) Marshal(v any) ([]byte, error) {
	switch raw, ok := v.(jsonrpc2.RawMessage); {
	case ok && raw == nil:
		return []byte("null"), nil
	case ok:
		return raw, nil
	case ours(v):
		return json.Marshal(v)
	}
	return lsp.Marshal(v)
}

// Unmarshal implements jsonrpc2.Codec.
func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append(jsonrpc2.RawMessage(nil), data...)
		return nil
	}
	if ours(v) {
		return json.Unmarshal(data, v)
	}
	return lsp.Unmarshal(data, v)
}

// ours reports whether a value, or what it points to, is of a type of this
// module.
func ours(v any) bool {
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t != nil && strings.HasPrefix(t.PkgPath(), module)
}

const module = "github.com/towline-dev/towline/"
