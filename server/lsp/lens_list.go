package lsp

import (
	"encoding/json"
	"strconv"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

// A lens is a command with the title under which it is offered. It is about a
// resource of a document.
type lens struct{ title, command string }

// lensList is the lenses of a document as they are sent. There are hundreds of
// them, of which all but places, names and states is the same, and clients ask
// after each edit: the library's way to write them takes most of the answer's
// time.
type lensList struct {
	out        []byte
	uri        []byte // in quotes
	start, end []byte // what all lenses of a resource have alike, before the title and behind the command
}

// lensSize is about how long a lens is, without the document's URI.
const lensSize = 200

// newLensList returns an empty list with room for so many lenses.
func newLensList(u uri.URI, room int) *lensList {
	return &lensList{uri: appendQuoted(nil, string(u)), out: make([]byte, 0, room*(lensSize+len(u)))}
}

// add appends the lenses of a resource at a place.
func (l *lensList) add(at lsp.Range, resource string, list []lens) {
	l.start = appendPosition(append(l.start[:0], `,{"range":{"start":`...), at.Start)
	l.start = appendPosition(append(l.start, `,"end":`...), at.End)
	l.start = append(l.start, `},"command":{"title":`...)
	l.end = append(l.end[:0], `,"arguments":[{"uri":`...) // a protocol.CommandArguments
	l.end = append(append(l.end, l.uri...), `,"resource":`...)
	l.end = append(appendQuoted(l.end, resource), "}]}}"...)
	for _, c := range list {
		l.out = appendQuoted(append(l.out, l.start...), c.title)
		l.out = appendQuoted(append(l.out, `,"command":`...), c.command)
		l.out = append(l.out, l.end...)
	}
}

func appendPosition(dst []byte, p lsp.Position) []byte {
	dst = strconv.AppendUint(append(dst, `{"line":`...), uint64(p.Line), 10)
	dst = strconv.AppendUint(append(dst, `,"character":`...), uint64(p.Character), 10)
	return append(dst, '}')
}

// answer returns the list. Nothing may be added afterwards.
func (l *lensList) answer() jsonrpc2.RawMessage {
	if len(l.out) == 0 {
		return jsonrpc2.RawMessage("[]")
	}
	l.out[0] = '['
	return append(l.out, ']')
}

// appendQuoted appends a text as JSON writes it.
func appendQuoted(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // of a string it never fails
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
