package tui

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

// TestDocs: docs/view.md and the README show the view as it is, and name its keys.
func TestDocs(t *testing.T) {
	indented := func(name string) (text string) {
		synctest.Test(t, func(t *testing.T) {
			for line := range strings.Lines(draw(t, name)) {
				text += strings.TrimRight("    "+line, " \n") + "\n"
			}
		})
		return text
	}
	keys := ""
	for _, h := range help {
		keys += "| " + h.keys + " | " + h.does + " |\n"
	}
	picture := indented("92x20 shop")
	for path, wants := range map[string][]string{
		"../../../docs/view.md": {picture, indented("80x14 fleet"), keys},
		"../../../README.md":    {picture},
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(data), want) {
				t.Errorf("%s lacks\n%s", path, want)
			}
		}
	}
}
