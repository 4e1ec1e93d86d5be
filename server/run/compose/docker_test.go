package compose

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

func TestModel(t *testing.T) {
	model := []byte(`{"name":"p","services":{"web":{"build":{"context":"/w"},"image":"web","pull_policy":"always","environment":{"A":"a$b"},"mem_limit":"12345678901234567"},"db":{"image":"redis"}}}`)
	up := Up{Project: config.ComposeProject{Model: model}, Service: "web", Image: inject.Image{Pushed: "web:towline-1"}}
	out, err := up.model()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(`{"name":"p","services":{"web":{"image":"web:towline-1","pull_policy":"missing","environment":{"A":"a$$b"},"mem_limit":"12345678901234567"},"db":{"image":"redis"}}}`), &want)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	up.Service = "other"
	if _, err := up.model(); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("a service that is not there: %v", err)
	}
}

// TestWhatIsMissing plays dockers that lack something.
func TestWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		script  string // "": no docker at all
		message string
		passing bool
	}{
		"docker": {"", "docker is not installed", false},
		"plugin": {`[ "$1" = version ] && echo 20.10 && exit 0; echo "unknown shorthand flag: 'f' in -f" >&2; exit 125`, "no Compose plugin", false},
		"old":    {`[ "$2" = version ] && echo v2.17.3 && exit 0; echo "unknown flag: --progress" >&2; exit 1`, "v2.17.3", false},
		"daemon": {`[ "$2" = version ] && echo 5.0.1 && exit 0; echo "Cannot connect to the Docker daemon" >&2; exit 1`, "does not answer: Cannot connect", true},
		"other":  {`[ "$2" = version ] && echo 5.0.1 && exit 0; [ "$1" = version ] && exit 0; echo "no such image" >&2; exit 1`, "docker: no such image", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			cli := CLI{Shell: command.Shell{Log: output.Log{Emit: func(output.Line) {}}}}
			err := cli.Up(context.Background(), Up{Project: config.ComposeProject{Name: "p", Dir: "/", Model: []byte(`{"services":{"web":{}}}`)}, Service: "web"})
			var failed *Failure
			if !errors.As(err, &failed) || !strings.Contains(failed.Problem.Message, test.message) || failed.Problem.Hint == "" || failed.Passing != test.passing {
				t.Errorf("got %+v", err)
			}
		})
	}
}
