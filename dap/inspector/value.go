package inspector

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/towline-dev/towline/dap/cdp"
)

// maxValue bounds the text of a value that is one of many, in bytes.
const maxValue = 2000

// render returns a value as a person reads it, in one line where it can.
func render(o cdp.Object) string {
	switch {
	case o.Unserialized != "":
		return o.Unserialized
	case o.Type == "undefined":
		return "undefined"
	case o.Type == "string":
		return quoteText(decode[string](o.Value))
	case o.Subtype == "null":
		return "null"
	case o.Type == "function":
		return shorten(function(o.Description))
	case o.Subtype == "error" || o.Type == "symbol" || o.Subtype == "regexp" || o.Subtype == "date":
		return shorten(o.Description)
	case o.Preview != nil:
		return shorten(preview(*o.Preview, o.Description))
	case o.Description != "":
		return shorten(o.Description)
	}
	return shorten(string(o.Value))
}

// plainText is render without the quotes of a string.
func plainText(o cdp.Object) string {
	if o.Type == "string" {
		return decode[string](o.Value)
	}
	return render(o)
}

// quoteText puts a string into quotes: single ones, as Node does.
func quoteText(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return s
	}
	inner := strings.ReplaceAll(string(data[1:len(data)-1]), `\"`, `"`)
	return shorten("'" + strings.ReplaceAll(unescape(inner), "'", `\'`) + "'")
}

// unescape takes back what encoding/json escapes for HTML.
var unescape = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace

// function shortens the text of a function to its head.
func function(text string) string {
	head, _, _ := strings.Cut(text, "{")
	head, _, _ = strings.Cut(head, "=>")
	head = strings.TrimSpace(head)
	switch {
	case strings.HasPrefix(head, "class"):
		return head
	case strings.HasPrefix(head, "function") || strings.HasPrefix(head, "async function"):
		return "ƒ " + strings.TrimSpace(strings.Replace(head, "function", "", 1))
	}
	return "ƒ " + head
}

func shorten(text string) string { return cut(text, maxValue) }

// cut shortens a text that has more bytes than limit, between two characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// preview renders a look into an object.
func preview(p cdp.Preview, name string) string {
	if p.Subtype == "internal#entry" {
		return entry(p)
	}
	var parts []string
	for _, e := range p.Entries {
		part := ""
		if e.Key != nil {
			part = nested(*e.Key) + " => "
		}
		if e.Value != nil {
			part += nested(*e.Value)
		}
		parts = append(parts, part)
	}
	array := p.Subtype == "array" || p.Subtype == "typedarray"
	for _, f := range p.Properties {
		if _, err := strconv.Atoi(f.Name); array && err == nil {
			parts = append(parts, property(f))
		} else if p.Entries == nil || f.Name != "size" {
			parts = append(parts, f.Name+": "+property(f))
		}
	}
	if p.Overflow {
		parts = append(parts, "…")
	}
	if array {
		return name + " [" + strings.Join(parts, ", ") + "]"
	}
	if name == "Object" {
		name = ""
	} else if name != "" {
		name += " "
	}
	if len(parts) == 0 && name != "" {
		return strings.TrimSpace(name) + " {}"
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

// entry renders an entry of a map or a set.
func entry(p cdp.Preview) string {
	text := ""
	for _, f := range p.Properties {
		if f.Name == "key" {
			text = property(f) + " => " + text
		} else {
			text += property(f)
		}
	}
	return text
}

func nested(p cdp.Preview) string {
	switch {
	case p.Type == "string":
		return "'" + p.Description + "'"
	case p.Type == "object" && len(p.Properties) == 0:
		return p.Description
	case p.Type == "object":
		return preview(p, p.Description)
	}
	return p.Description
}

// property renders a property of a preview, whose text V8 has shortened.
func property(f cdp.PropertyPreview) string {
	switch {
	case f.Type == "accessor":
		return "(...)"
	case f.Type == "string":
		return "'" + f.Value + "'"
	case f.Type == "function":
		return "ƒ"
	case f.Nested != nil:
		return preview(*f.Nested, f.Nested.Description)
	case f.Type == "object" && f.Value == "Object":
		return "{…}"
	}
	return f.Value
}

// typeName is what kind of value it is.
func typeName(o cdp.Object) string {
	switch {
	case o.ClassName != "":
		return o.ClassName
	case o.Subtype != "":
		return o.Subtype
	}
	return o.Type
}
