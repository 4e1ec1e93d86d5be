package compose

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// dockerProgram is a program named docker: what it is asked for is a line of a file, and
// for a command that it has an answer to, that is printed.
type dockerProgram struct {
	CLI
	t   *testing.T
	dir string

	mu    sync.Mutex
	lines []string // of the log
}

// newDocker has answers by the words that a command begins with. A command
// without one says nothing, or fails if it is fails.
func newDocker(t *testing.T, answers map[string]string, fails string) *dockerProgram {
	t.Helper()
	d := &dockerProgram{t: t, dir: t.TempDir()}
	d.Shell = command.Shell{Log: output.Log{Emit: func(l output.Line) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.lines = append(d.lines, l.Text)
	}}}
	script := "#!/bin/sh\necho \"$*\" >> " + d.dir + "/asked\ncase \"$*\" in\n"
	if fails != "" {
		script += "'" + fails + "'*) echo 'no such thing' >&2; exit 1;;\n"
	}
	answers["compose version"], answers["version"] = "v2.30.1", "27"
	for _, words := range slices.SortedFunc(maps.Keys(answers), func(a, b string) int { return len(b) - len(a) }) {
		file := filepath.Join(d.dir, strings.NewReplacer(" ", "_", "/", "_").Replace(words))
		if err := os.WriteFile(file, []byte(answers[words]+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		script += "'" + words + "'*) while read -r line; do echo \"$line\"; done < " + file + ";;\n"
	}
	if err := os.WriteFile(filepath.Join(d.dir, "docker"), []byte(script+"esac\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", d.dir)
	return d
}

// asked returns what docker was asked for, but for its versions, and forgets it.
func (d *dockerProgram) asked() []string {
	d.t.Helper()
	file := filepath.Join(d.dir, "asked")
	data, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		d.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func (d *dockerProgram) wasAsked(want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.asked()); diff != "" {
		d.t.Errorf("docker was asked (-want +got):\n%s", diff)
	}
}

const psWeb = "ps -a -q --no-trunc --filter label=com.docker.compose.project=p --filter label=com.docker.compose.service=web"

// TestServicesAreChanged: what each change asks docker for.
func TestServicesAreChanged(t *testing.T) {
	d := newDocker(t, map[string]string{"ps": "one\ntwo"}, "")
	if err := d.Remove(t.Context(), config.Compose{Project: "p", Service: "web"}); err != nil {
		t.Error(err)
	}
	d.wasAsked(psWeb, "stop one two", "rm -f one two")
	if err := d.Restart(t.Context(), []string{"one", "two"}); err != nil {
		t.Error(err)
	}
	d.wasAsked("restart one two")
	if err := d.CLI.Down(t.Context(), "p"); err != nil {
		t.Error(err)
	}
	d.wasAsked("compose --ansi never --progress plain -p p down")
	if len(d.lines) != 0 {
		t.Errorf("the log has %q", d.lines)
	}
}

// TestNothingToRemove: a service without containers is not stopped.
func TestNothingToRemove(t *testing.T) {
	d := newDocker(t, map[string]string{}, "")
	if err := d.Remove(t.Context(), config.Compose{Project: "p", Service: "web"}); err != nil {
		t.Error(err)
	}
	d.wasAsked(psWeb)
	if all, err := d.List(t.Context(), "p"); err != nil || len(all) != 0 {
		t.Errorf("listed %+v, %v", all, err)
	}
}

// TestChangesThatFail say why, and go no further.
func TestChangesThatFail(t *testing.T) {
	for fails, change := range map[string]func(*dockerProgram) error{
		"ps": func(d *dockerProgram) error {
			return d.Remove(d.t.Context(), config.Compose{Project: "p", Service: "web"})
		},
		"stop": func(d *dockerProgram) error {
			return d.Remove(d.t.Context(), config.Compose{Project: "p", Service: "web"})
		},
		"rm": func(d *dockerProgram) error {
			return d.Remove(d.t.Context(), config.Compose{Project: "p", Service: "web"})
		},
		"restart": func(d *dockerProgram) error { return d.Restart(d.t.Context(), []string{"one"}) },
		"compose": func(d *dockerProgram) error { return d.CLI.Down(d.t.Context(), "p") },
		"inspect": func(d *dockerProgram) error { _, err := d.List(d.t.Context(), "p"); return err },
		"events":  func(d *dockerProgram) error { return d.Events(d.t.Context(), "p", func() {}) },
		"logs": func(d *dockerProgram) error {
			return d.Logs(d.t.Context(), "one", time.Time{}, func(time.Time, string) {})
		},
	} {
		t.Run(fails, func(t *testing.T) {
			if fails == "compose" {
				fails = "compose --ansi"
			}
			d := newDocker(t, map[string]string{"ps": "one"}, fails)
			if err := change(d); err == nil || !strings.Contains(err.Error(), "no such thing") {
				t.Errorf("got %v", err)
			}
			asked := slices.DeleteFunc(d.asked(), func(s string) bool { return strings.Contains(s, "version") })
			if last := asked[len(asked)-1]; !strings.HasPrefix(last, fails) {
				t.Errorf("after the failure it was asked for %q", last)
			}
		})
	}
}

// TestEventsThatMatter: what a health check executes tells nothing.
func TestEventsThatMatter(t *testing.T) {
	d := newDocker(t, map[string]string{"events": `{"Action":"start"}
{"Action":"exec_create: true"}
{"status":"die"}
{"Action":"attach"}
{"Action":"top"}
no JSON
{"Action":"health_status: healthy"}`}, "")
	n := 0
	if err := d.Events(t.Context(), "p", func() { n++ }); err != nil {
		t.Error(err)
	}
	if n != 3 {
		t.Errorf("%d changes were told, want 3", n)
	}
	d.wasAsked("events --format {{json .}} --filter type=container --filter label=com.docker.compose.project=p")
}

// TestLogsHaveTheirTimes: and go on after a time.
func TestLogsHaveTheirTimes(t *testing.T) {
	d := newDocker(t, map[string]string{"logs": "2000-01-01T00:00:00.000000001Z hello you\n2000-01-01T00:00:01Z\nno time"}, "")
	var got []string
	after := time.Date(1999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600))
	err := d.Logs(t.Context(), "one", after, func(at time.Time, text string) { got = append(got, at.Format(time.RFC3339Nano)+"|"+text) })
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"2000-01-01T00:00:00.000000001Z|hello you", "2000-01-01T00:00:01Z|"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	d.wasAsked("logs --follow --timestamps --since 2000-01-01T00:00:00Z one")
}

// container is a part of what `docker inspect` says.
const container = `[{"ID": "two", "Name": "/p-web-2", "Config": {"Labels": {"com.docker.compose.oneoff": "True"}}},
{"ID": "one", "Name": "/p-web-1", "RestartCount": 2, "State": {"Status": "exited", "ExitCode": 0, "StartedAt": "2000-01-01T00:00:00Z",
"Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "no route"}]}},
"Config": {"Labels": {"com.docker.compose.service": "web", "com.docker.compose.config-hash": "h1"}}, "HostConfig": {"RestartPolicy": {"Name": "no"}}}]`

func TestListed(t *testing.T) {
	d := newDocker(t, map[string]string{"ps": "one\ntwo", "inspect": container}, "")
	got, err := d.List(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	want := []Container{{
		ID: "one", Name: "p-web-1", Service: "web", State: "exited", ConfigHash: "h1", Restarts: 2, RestartPolicy: "no",
		StartedAt: began, Health: "unhealthy", HealthOutput: "no route",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	d.wasAsked("ps -a -q --no-trunc --filter label=com.docker.compose.project=p", "inspect --type container one two")
}

// TestWhatIsDoneStaysDone: a service that ended well, and that Compose would make
// just so, is not run once more, unless somebody asks for it.
func TestWhatIsDoneStaysDone(t *testing.T) {
	const config1 = "compose --ansi never --progress plain -f - --project-directory /w -p p --env-file /w/env "
	for name, test := range map[string]struct {
		hash   string
		forced bool
		want   string // how it ends
	}{
		"as it was": {"web h1", false, "config --hash web"},
		"changed":   {"web h2", false, "up -d --no-deps --no-build --quiet-pull web"},
		"unknown":   {"", false, "up -d --no-deps --no-build --quiet-pull web"},
		"forced":    {"web h1", true, "up -d --no-deps --no-build --quiet-pull --force-recreate web"},
	} {
		t.Run(name, func(t *testing.T) {
			done := strings.Replace(container, `"Health": {"Status": "unhealthy", `, `"Health": {"Status": "none", `, 1)
			d := newDocker(t, map[string]string{"ps": "one", "inspect": done, config1 + "config": test.hash}, "")
			project := config.ComposeProject{Name: "p", Dir: "/w", EnvFile: "/w/env", Model: []byte(`{"services":{"web":{}}}`)}
			if err := d.Up(t.Context(), Up{Project: project, Service: "web", Forced: test.forced}); err != nil {
				t.Fatal(err)
			}
			asked := d.asked()
			if last := asked[len(asked)-1]; last != config1+test.want {
				t.Errorf("at last docker was asked for %q, want %q", last, config1+test.want)
			}
		})
	}
}
