// Package yamldoc reads streams of YAML documents as Kubernetes does: YAML
// 1.1, with the keys of maps as strings, and JSON where a stream begins with a
// brace.
//
// # Two readers
//
// What a document says is defined by go.yaml.in/yaml/v2. That library spends
// nearly all the time of an evaluation, since it builds tokens, events and a
// tree before it makes values by reflection. Manifests use a small part of the
// language, so a second reader stands before it (block.go), which goes through
// a document once and makes the values at once. It gives up at the first thing
// that it does not know for certain (anchors, tags, folded text, quotes of
// several lines, tabs, anything that looks like a mistake), and the library
// then reads the whole document. It never reports an error itself. A fuzz test
// holds the two against each other: what the quick reader accepts, the library
// must accept with the same value.
package yamldoc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
)

// Document is one document of a stream.
type Document struct {
	Value any // nil, bool, int64, float64, string, []any or map[string]any
	Line  int // 1-based line of its first line that is no comment
}

// Parse splits a stream in its documents and decodes them. Empty documents are
// left out. With an error come the documents before it.
func Parse(text string) ([]Document, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseDocuments(text)
	}
	if docs, err := parseJSONStream(text); err == nil {
		return docs, nil
	}
	return parseDocuments(text)
}

func parseJSONStream(text string) ([]Document, error) {
	var docs []Document
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for d.More() {
		start := d.InputOffset()
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		line := 1 + strings.Count(text[:start], "\n")
		docs = append(docs, Document{Value: Numbers(v), Line: line})
	}
	return docs, nil
}

func parseDocuments(text string) ([]Document, error) {
	var docs []Document
	line := 1
	if behind := behindSeparator(text); behind != "" {
		return nil, separatorError(behind)
	}
	for text != "" {
		doc, rest := cutDocument(text)
		v, err := parseDocument(doc, line)
		if err != nil {
			err = fmt.Errorf("error converting YAML to JSON: %w", err)
			if LineOf(err) == 0 {
				err = At(line+firstLine(doc), err)
			}
			return docs, err
		}
		if v != nil {
			docs = append(docs, Document{Value: v, Line: line + firstLine(doc)})
		}
		if behind := behindSeparator(text[len(doc):]); behind != "" {
			return docs, At(line+strings.Count(doc, "\n"), separatorError(behind))
		}
		line += strings.Count(text[:len(text)-len(rest)], "\n")
		text = rest
	}
	return docs, nil
}

// parseDocument decodes one document, which begins at a line of its stream.
func parseDocument(doc string, line int) (any, error) {
	if v, ok := quick(doc); ok {
		return v, nil
	}
	v, err := exact(doc)
	if err != nil {
		err = shiftLine(err, line-1)
	}
	return v, err
}

// exact decodes a document with the library.
func exact(doc string) (any, error) {
	var v any
	if err := yaml.Unmarshal([]byte(doc), &v); err != nil || v == nil {
		return nil, err
	}
	return plain(v, 0)
}

// cutDocument returns the first document and what stands behind the line that
// separates it from the next.
func cutDocument(text string) (doc, rest string) {
	i := strings.Index(text, "\n---")
	if i < 0 {
		return text, ""
	}
	doc = text[:i+1]
	_, rest, _ = strings.Cut(text[i+1:], "\n")
	return doc, rest
}

// behindSeparator returns what stands behind the separator that a text begins
// with, "" when that is nothing or a comment.
func behindSeparator(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	behind, ok := strings.CutPrefix(line, "---")
	if behind = strings.TrimSpace(behind); !ok || strings.HasPrefix(behind, "#") {
		return ""
	}
	return behind
}

func separatorError(behind string) error {
	return fmt.Errorf("invalid Yaml document separator: %s", behind)
}

// At is an error in the document that begins at a line of its stream. One that
// has its line already keeps it.
func At(line int, err error) error {
	if has := new(atLine); err == nil || errors.As(err, &has) {
		return err
	}
	return &atLine{line, err}
}

type atLine struct {
	line int
	err  error
}

func (e *atLine) Error() string { return e.err.Error() }
func (e *atLine) Unwrap() error { return e.err }

// LineOf returns the line of a stream that an error of this package is about, or
// one of At; 0 when it is not known.
func LineOf(err error) int {
	var at *atLine
	if errors.As(err, &at) {
		return at.line
	}
	_, rest, _ := strings.Cut(err.Error(), libraryLine)
	number, _, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(number) // 0 where there is none
	return n
}

// libraryLine is how the YAML library begins the line in its errors.
const libraryLine = "yaml: line "

// firstLine counts the lines before the first that says something.
func firstLine(doc string) int {
	n := 0
	for line := range strings.Lines(doc) {
		s := strings.TrimSpace(line)
		if s != "" && s[0] != '#' && !strings.HasPrefix(s, "---") {
			return n
		}
		n++
	}
	return 0
}

// shiftLine adds the lines of earlier documents to the line that an error of
// the YAML library names.
func shiftLine(err error, by int) error {
	text := err.Error()
	rest, ok := strings.CutPrefix(text, libraryLine)
	if !ok || by == 0 {
		return err
	}
	number, rest, _ := strings.Cut(rest, ":")
	n, convErr := strconv.Atoi(number)
	if convErr != nil {
		return err
	}
	return errors.New(libraryLine + strconv.Itoa(n+by) + ":" + rest)
}

// MaxDepth is how deep values may nest.
const MaxDepth = 1_000

// plain converts what the YAML library decodes to what JSON would give, with
// integers as int64.
func plain(v any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, errors.New("values nest too deep")
	}
	switch v := v.(type) {
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, x := range v {
			name, err := keyText(key)
			if err != nil {
				return nil, err
			}
			if m[name], err = plain(x, depth+1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			var err error
			if list[i], err = plain(x, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case int:
		return int64(v), nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
		return float64(v), nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("json: unsupported value: %v", v)
		}
		return whole(v), nil
	}
	return v, nil
}

// whole returns a number that JSON writes without point and exponent as an
// integer: between YAML and values stands JSON.
func whole(f float64) any {
	if n := int64(f); float64(n) == f && math.Abs(f) < 1<<63 {
		return n
	}
	return f
}

// keyText is a map's key as JSON has it.
func keyText(key any) (string, error) {
	switch key := key.(type) {
	case string:
		return key, nil
	case int:
		return strconv.Itoa(key), nil
	case int64:
		return strconv.FormatInt(key, 10), nil
	case float64:
		return strconv.FormatFloat(key, 'g', -1, 32), nil
	case bool:
		return strconv.FormatBool(key), nil
	case nil:
		return "null", nil
	}
	return "", fmt.Errorf("a %s cannot be a map's key", TypeOf(key))
}

// TypeOf is what YAML calls the type of a value that was read.
func TypeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case map[string]any, map[any]any:
		return "map"
	case []any:
		return "list"
	}
	return "number"
}

// Numbers replaces json.Number, in place, by int64 or float64.
func Numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = Numbers(x)
		}
	case []any:
		for i, x := range v {
			v[i] = Numbers(x)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}
