package dockerfile

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestAssign(t *testing.T) {
	const text = "# escape=`\nARG A\nFROM x\narg A=1 B=\"two words\" \\\nARG C=`\n3\nRUN echo ARG A\n"
	const want = "# escape=`\nARG A='new'\nFROM x\narg A='new' B=\"it's a ``tick `$x\" \\\nARG `\nC='c'\nRUN echo ARG A\n"
	got, written := Parse(text).Assign(map[string]string{"A": "new", "B": "it's a `tick $x", "C": "c", "D": "none"})
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if strings.Count(got, "\n") != strings.Count(text, "\n") {
		t.Error("lines have other numbers")
	}
	if names := slices.Sorted(maps.Values(written)); !slices.Equal(names, []string{"A", "B", "C"}) {
		t.Errorf("written %v", written)
	}
	if got, _ := Parse(text).Assign(nil); got != text {
		t.Errorf("without values: %q", got)
	}
}
