package lsp

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// completionData travels with an item to completionItem/resolve. Without a key
// the item is the built-in that it is labelled with.
type completionData struct {
	URI uri.URI `json:"u"`
	Key string  `json:"k"`
}

var itemKinds = map[ide.ItemKind]lsp.CompletionItemKind{
	ide.ItemFunction: lsp.CompletionItemKindFunction, ide.ItemVariable: lsp.CompletionItemKindVariable,
	ide.ItemParameter: lsp.CompletionItemKindField, ide.ItemModule: lsp.CompletionItemKindModule,
	ide.ItemMember: lsp.CompletionItemKindProperty, ide.ItemConstant: lsp.CompletionItemKindConstant,
	ide.ItemKeyword: lsp.CompletionItemKindKeyword, ide.ItemFile: lsp.CompletionItemKindFile,
	ide.ItemFolder: lsp.CompletionItemKindFolder, ide.ItemResource: lsp.CompletionItemKindReference,
	ide.ItemImage: lsp.CompletionItemKindReference, ide.ItemValue: lsp.CompletionItemKindValue,
	ide.ItemSnippet: lsp.CompletionItemKindSnippet,
}

// gap is a place of a snippet that is to be filled in.
var gap = regexp.MustCompile(`\$\{\d+:([^{}]*)\}|\$\d+`)

// completion answers what may stand at a place.
func (s *session) completion(_ context.Context, snap *workspace.Snapshot, p *lsp.CompletionParams) (any, error) {
	v := s.unresolved(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	at := v.offset(p.Position)
	v.file = v.text.Outline(v.name, at)
	if typed := p.Context.TriggerCharacter; typed != nil && !ide.TriggersCompletion(v.file, at, *typed) {
		return nil, nil
	}
	found, ok := ide.CompleteName(v.ide, v.file, at)
	if !ok {
		v.file = v.text.File(v.name)
		found = ide.Complete(v.ide, v.file, at)
	}
	list := &lsp.CompletionList{IsIncomplete: found.Incomplete, Items: make([]lsp.CompletionItem, 0, len(found.Items))}
	data, err := newItemData(p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	same := alike{replace: v.rng(found.Replace), data: data, shared: s.client.completion.shares}
	if same.shared {
		list.ItemDefaults = &lsp.CompletionItemDefaults{EditRange: &same.replace}
		if s.client.completion.lazyDocs {
			list.ItemDefaults.Data = data.of("")
		}
	}
	for i := range found.Items {
		list.Items = append(list.Items, v.item(&found.Items[i], &same))
	}
	return list, nil
}

// alike is what the items of a list have alike. A client that takes it with the
// list gets half as much to read with each key.
type alike struct {
	replace lsp.Range
	data    itemData
	shared  bool // the list says it
}

// edit makes an item insert a text.
func (a *alike) edit(out *lsp.CompletionItem, text string) {
	switch {
	case !a.shared:
		out.TextEdit = &lsp.TextEdit{Range: a.replace, NewText: text}
	case text != out.Label:
		out.TextEditText = lsp.NewOptional(text)
	}
}

// dataOf returns the data of an item, nil where it needs none, or none but that
// of the list.
func (a *alike) dataOf(i *ide.Item) []byte {
	switch {
	case a.shared && i.Plain():
		return nil
	case i.Key != "":
		return a.data.of(i.Key)
	case a.shared:
		return []byte("{}")
	}
	return nil
}

// itemData writes the completionData of a document's items. There are hundreds
// of them, and all but their keys is the same.
type itemData struct{ start []byte }

func newItemData(u uri.URI) (itemData, error) {
	all, err := json.Marshal(completionData{URI: u})
	if err != nil {
		return itemData{}, err
	}
	return itemData{bytes.TrimSuffix(all, []byte(`""}`))}, nil
}

// of returns the data of the item with a key.
func (d itemData) of(key string) []byte {
	out := make([]byte, 0, len(d.start)+len(key)+len(`""}`))
	return append(appendQuoted(append(out, d.start...), key), '}')
}

// item returns one completion as the client takes it.
func (v *view) item(i *ide.Item, same *alike) lsp.CompletionItem {
	out := lsp.CompletionItem{Label: i.Label, Kind: itemKinds[i.Kind]}
	text := i.Insert
	switch {
	case i.Snippet && v.s.client.completion.snippets:
		out.InsertTextFormat = lsp.InsertTextFormatSnippet
		if strings.Contains(i.Insert, "\n") && v.s.client.completion.indents {
			out.InsertTextMode = lsp.InsertTextModeAdjustIndentation
		}
	case i.Snippet:
		text = gap.ReplaceAllString(i.Insert, "$1")
	}
	same.edit(&out, v.text.WithEnds(text))
	if i.Detail != "" {
		out.Detail = lsp.NewOptional(i.Detail)
	}
	if i.Sort != "" {
		out.SortText = lsp.NewOptional(i.Sort + i.Label)
	}
	if i.Old && v.s.client.completion.old {
		out.Tags = []lsp.CompletionItemTag{lsp.CompletionItemTagDeprecated}
	}
	if len(i.Extra) > 0 {
		for _, edits := range v.edits(i.Extra) {
			out.AdditionalTextEdits = append(out.AdditionalTextEdits, edits...)
		}
	}
	if v.s.client.completion.lazyDocs {
		out.Data = same.dataOf(i)
	} else if doc := ide.ResolveItem(v.ide, i.Key); doc != "" {
		out.Documentation = markup(doc, v.s.client.markdown.completion)
	}
	return out
}

// completionResolve adds the documentation of an item.
func (s *session) completionResolve(_ context.Context, snap *workspace.Snapshot, item *lsp.CompletionItem) (any, error) {
	var data completionData
	if len(item.Data) == 0 || json.Unmarshal(item.Data, &data) != nil || data.URI == "" {
		return item, nil
	}
	if data.Key == "" {
		data.Key = ide.EntryKey(item.Label)
	}
	if v := s.view(snap, data.URI); v != nil {
		if doc := ide.ResolveItem(v.ide, data.Key); doc != "" {
			item.Documentation = markup(doc, v.s.client.markdown.completion)
		}
	}
	return item, nil
}
