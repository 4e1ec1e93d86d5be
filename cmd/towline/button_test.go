package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestButtons(t *testing.T) {
	s := &api.Status{Resources: []api.ResourceStatus{
		{Name: "web"}, {Name: "seed"},
		{Name: "btn-seed", Buttons: []config.Button{{Name: "btn-seed", Text: "Seed it", Resource: "web", Inputs: []config.ButtonInput{
			{Name: "COUNT", Default: "3"}, {Name: "KIND", Default: "a", Choices: []string{"a", "b"}}, {Name: "SECRET", Default: "x", Hidden: true},
		}}}},
		{Name: "cmd", Buttons: []config.Button{{Name: "reset", Resource: "web"}, {Name: "all", Disabled: true}}},
		{Name: "other", Buttons: []config.Button{{Name: "reset", Resource: "db"}}},
	}}
	for words, want := range map[string]string{
		"":          "btn-seed reset all reset",
		"seed":      "btn-seed", // what cmd_button called so, though a resource has the name
		"btn-seed":  "btn-seed",
		"Seed.it":   "btn-seed",
		"all":       "all",
		"reset":     "reset reset",
		"web":       "of: btn-seed reset",
		"web reset": "of: reset",
		"db seed":   "of:",
		"none":      "",
	} {
		var args []string
		for _, w := range strings.Fields(words) {
			args = append(args, strings.ReplaceAll(w, ".", " "))
		}
		found, about := findButtons(s, args)
		var got []string
		if about {
			got = append(got, "of:")
		}
		for _, b := range found {
			got = append(got, b.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q means %q, want %q", words, got, want)
		}
	}
	found, _ := findButtons(s, nil)
	var out bytes.Buffer
	printButtons(&out, found)
	for _, want := range []string{"COUNT=3, KIND=a (a|b)\n", "(disabled)"} {
		if !strings.Contains(out.String(), want) || strings.Contains(out.String(), "SECRET") {
			t.Errorf("without %q, or with what is hidden:\n%s", want, out.String())
		}
	}
	typed := bytes.NewBufferString("\nb\nYes\n")
	var asked bytes.Buffer
	who := person{bufio.NewReader(typed), &asked}
	if got := who.fillsIn(&found[0], map[string]string{"OTHER": "1"}); len(got) != 2 || got["KIND"] != "b" || got["OTHER"] != "1" {
		t.Errorf("filled in: %v", got)
	}
	if !who.confirms(&found[0]) || who.confirms(&found[0]) {
		t.Error("what is said to a confirmation does not count, or silence does")
	}
	if got, want := asked.String(), "COUNT [3]: KIND (a|b) [a]: Seed it [y/N] Seed it [y/N] "; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	if err := noSuchButton([]string{"reset"}, found[1:2]); !strings.Contains(err.(*config.Problem).Hint, "towline button web reset") {
		t.Error(err)
	}
}
