package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/ide"
)

// sarifObject is what SARIF 2.1.0 (section 3 of the standard) says of an
// object: the properties that we may use, with what each holds, the required
// ones with a "!" behind.
type sarifObject map[string]string

// sarifObjects are the objects that our documents have. A value "[]x" is an
// array of objects x, "uri" an absolute URI, "ref" a URI reference, "n1" a
// number from 1 on, "n0" one from 0 on, "a|b" one of these texts.
var sarifObjects = map[string]sarifObject{
	"log":              {"$schema": "uri", "version!": "2.1.0", "runs!": "[]run"},
	"run":              {"tool!": "tool", "columnKind": "utf16CodeUnits|unicodeCodePoints", "results": "[]result"},
	"tool":             {"driver!": "component"},
	"component":        {"name!": "text", "version": "text", "informationUri": "uri", "rules": "[]rule"},
	"rule":             {"id!": "text", "shortDescription": "message", "helpUri": "uri"},
	"message":          {"text!": "text"},
	"result":           {"ruleId": "text", "ruleIndex": "n0", "level": "none|note|warning|error", "message!": "message", "locations": "[]location"},
	"location":         {"physicalLocation": "physicalLocation"},
	"physicalLocation": {"artifactLocation": "artifactLocation", "region": "region"},
	"artifactLocation": {"uri": "ref"},
	"region":           {"startLine": "n1", "startColumn": "n1", "endLine": "n1", "endColumn": "n1"},
}

// sarifErrors returns what is wrong with an object of a document.
func sarifErrors(at, kind string, v any) []string {
	bad := func(format string, args ...any) []string { return []string{at + ": " + fmt.Sprintf(format, args...)} }
	if rules, ok := sarifObjects[kind]; ok {
		object, ok := v.(map[string]any)
		if !ok {
			return bad("%v is no object", v)
		}
		var list []string
		for name, want := range rules {
			name, required := strings.CutSuffix(name, "!")
			if inner, has := object[name]; has {
				list = append(list, sarifErrors(at+"."+name, want, inner)...)
			} else if required {
				list = append(list, bad("has no %s", name)...)
			}
		}
		for name := range object {
			if rules[name] == "" && rules[name+"!"] == "" {
				list = append(list, bad("SARIF has no property %s here", name)...)
			}
		}
		return list
	}
	text, isText := v.(string)
	number, isNumber := v.(float64)
	switch {
	case strings.HasPrefix(kind, "[]"):
		array, ok := v.([]any)
		if !ok {
			return bad("%v is no array", v)
		}
		var list []string
		for i, inner := range array {
			list = append(list, sarifErrors(fmt.Sprintf("%s[%d]", at, i), kind[2:], inner)...)
		}
		return list
	case kind == "n0" || kind == "n1":
		if !isNumber || number != float64(int(number)) || number < map[string]float64{"n1": 1}[kind] {
			return bad("%v is no such number", v)
		}
	case !isText || text == "":
		return bad("%v is no text", v)
	case kind == "uri" || kind == "ref":
		if u, err := url.Parse(text); err != nil || strings.Contains(text, " ") || kind == "uri" && !u.IsAbs() {
			return bad("%q is no URI", text)
		}
	case kind != "text" && !slices.Contains(strings.Split(kind, "|"), text):
		return bad("%q is none of %s", text, kind)
	}
	return nil
}

// TestSARIFStructure holds a document with every code, and hostile names and
// texts, against the standard.
func TestSARIFStructure(t *testing.T) {
	var list []finding
	for i, c := range ide.Codes() {
		list = append(list, finding{
			File: []string{"Tiltfile", "/abs/ä b/Tiltfile", "100%/a:b?#/Tiltfile", "../x"}[i%4], Line: i + 1, Column: 1, EndLine: i + 1, EndColumn: i%3 + 1,
			Severity: c.Severity.String(), Code: c.ID, Message: "no \"x\" \n\t<b>é😀\x00\xff",
		})
	}
	for _, findings := range [][]finding{nil, list} {
		var b strings.Builder
		if err := printSARIF(&b, findings); err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal([]byte(b.String()), &doc); err != nil {
			t.Fatal(err)
		}
		for _, problem := range sarifErrors("log", "log", doc) {
			t.Error(problem)
		}
	}
	if got := sarifErrors("log", "log", map[string]any{"version": "2.0", "runs": []any{map[string]any{"tools": 1}}}); len(got) != 3 {
		t.Errorf("a wrong document has only these mistakes: %q", got)
	}
}
