package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// The functions of this file walk JSON that is known to be valid, so they look
// only for what separates one value from the next.

// Each is the element of a path that stands for every element of an array.
const Each = "*"

// Replace returns data with each value at the path replaced by what f returns
// for it; f returns nil to leave it. The path names members of objects and
// Each for arrays. Everything else stays byte for byte. Data that is not
// valid JSON is returned as it is.
func Replace(data json.RawMessage, path []string, f func(value json.RawMessage) json.RawMessage) json.RawMessage {
	if !json.Valid(data) {
		return data
	}
	var cuts []cut
	find(data, value(data, 0), path, func(v span) {
		if with := f(json.RawMessage(data[v.from:v.to])); with != nil {
			cuts = append(cuts, cut{v, with})
		}
	})
	if len(cuts) == 0 {
		return data
	}
	return splice(data, cuts)
}

// ReplaceString is Replace for values that are strings.
func ReplaceString(data json.RawMessage, path []string, f func(string) string) json.RawMessage {
	return Replace(data, path, func(v json.RawMessage) json.RawMessage {
		old, err := text(v, span{0, len(v)})
		if err != nil {
			return nil
		}
		if s := f(old); s != old {
			return marshal(s)
		}
		return nil
	})
}

// find visits the values at the path below v, in order.
func find(data []byte, v span, path []string, visit func(span)) {
	if len(path) == 0 {
		visit(v)
		return
	}
	switch {
	case path[0] == Each && data[v.from] == '[':
		elements(data, v.from, func(e span) { find(data, e, path[1:], visit) })
	case path[0] != Each && data[v.from] == '{':
		members(data, v.from, func(key string, m span) {
			if key == path[0] {
				find(data, m, path[1:], visit)
			}
		})
	}
}

// members visits the members of the object that begins at i.
func members(data []byte, i int, visit func(key string, v span)) {
	i = space(data, i+1)
	for data[i] != '}' {
		k := value(data, i)
		key, _ := text(data, k)
		v := value(data, space(data, k.to)+1) // past the colon
		visit(key, v)
		if i = space(data, v.to); data[i] == ',' {
			i = space(data, i+1)
		}
	}
}

// elements visits the elements of the array that begins at i.
func elements(data []byte, i int, visit func(v span)) {
	i = space(data, i+1)
	for data[i] != ']' {
		v := value(data, i)
		visit(v)
		if i = space(data, v.to); data[i] == ',' {
			i = space(data, i+1)
		}
	}
}

// space returns the index of the first byte at or after i that is no space.
func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// value returns where the value lies that begins at or after i.
func value(data []byte, i int) span {
	i = space(data, i)
	switch data[i] {
	case '"':
		return span{i, quoted(data, i)}
	case '{', '[':
		return span{i, nested(data, i)}
	}
	end := i
	for end < len(data) && !bytes.ContainsRune([]byte(" \t\r\n,:]}"), rune(data[end])) {
		end++
	}
	return span{i, end}
}

// quoted returns the end of the string that begins at i.
func quoted(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// nested returns the end of the object or array that begins at i.
func nested(data []byte, i int) int {
	for depth := 0; ; {
		switch data[i] {
		case '"':
			i = quoted(data, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// text returns the string at v; the empty span is the empty string.
func text(data []byte, v span) (string, error) {
	if v == (span{}) {
		return "", nil
	}
	raw := data[v.from:v.to]
	if raw[0] != '"' {
		return "", fmt.Errorf("not a string: %.40s", raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(bytes.ToValidUTF8(raw[1:len(raw)-1], []byte("\ufffd"))), nil
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

func number(data []byte, v span) (int, error) {
	return strconv.Atoi(string(data[v.from:v.to]))
}

// cut is a part of some bytes and what comes in its place.
type cut struct {
	at   span
	with []byte
}

// splice returns data with the cuts replaced. They may come in any order and
// do not overlap.
func splice(data []byte, cuts []cut) []byte {
	for i := 1; i < len(cuts); i++ { // at most two, or already in order
		for j := i; j > 0 && cuts[j].at.from < cuts[j-1].at.from; j-- {
			cuts[j], cuts[j-1] = cuts[j-1], cuts[j]
		}
	}
	size := len(data)
	for _, c := range cuts {
		size += len(c.with)
	}
	out, last := make([]byte, 0, size), 0
	for _, c := range cuts {
		out = append(append(out, data[last:c.at.from]...), c.with...)
		last = c.at.to
	}
	return append(out, data[last:]...)
}
