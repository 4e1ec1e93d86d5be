package infer

import "testing"

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"str": "str", "string": "str", "int, optional": "int", "`bool`": "bool", "list of strings": "list[str]",
		"List[str]": "list[str]", "Dict[str, List[int]]": "dict[str, list[int]]", "Optional[str]": "str | None",
		"str or None": "str | None", "list of list of int": "list[list[int]]", "typing.List[str]": "list[str]", "struct": "struct",
		"": "any", "the name": "any", "Settings": "any", "list[": "any", "'a'": "any", "str@file": "any", "Anything": "any", "a string": "any",
	} {
		if got := parseType(text).String(); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
