package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        {},
		" \n\t":                   {},
		"web db":                  {"web", "db"},
		"--env=dev  'a b'\nc":     {"--env=dev", "a b", "c"},
		`"a\"b" 'a\b' a\ b "\x"`:  {`a"b`, `a\b`, "a b", `\x`},
		`'' ""`:                   {"", ""},
		`x'y'"z"`:                 {"xyz"},
		"# a comment\nweb\n  # #": {"web"},
	} {
		got, err := parseArgs([]byte(text))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"'a", `a"`, `a\`} {
		if got, err := parseArgs([]byte(text)); err == nil {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

func TestWordsSurviveQuoting(t *testing.T) {
	words := []string{"web", "", "a b", "it's", `"x"`, `\`, "$HOME", "#no", "~", "ä", "--a=b,c", "a\nb"}
	got, err := splitWords(quoteWords(words))
	if diff := cmp.Diff(words, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got := quoteWords([]string{"--env=dev", "web"}); got != "--env=dev web" {
		t.Errorf("quoted without need: %s", got)
	}
}

func TestEditArgs(t *testing.T) {
	editor := filepath.Join(t.TempDir(), "my editor")
	script := "#!/bin/sh\ngrep -q \"^'a b'$\" \"$2\" || exit 3\necho '--env=dev web' >\"$2\"\n"
	if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("TOWLINE_EDITOR", "")
	t.Setenv("EDITOR", "'"+editor+"' --wait")
	got, err := editArgs([]string{"a b"})
	if err != nil || !slices.Equal(got, []string{"--env=dev", "web"}) {
		t.Errorf("edited to %q, %v", got, err)
	}
	if got, err := editArgs([]string{"c"}); err == nil {
		t.Errorf("an editor that fails gives %q", got)
	}
}
