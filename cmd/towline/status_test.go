package main

import (
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Microsecond: "1.5ms", 40 * time.Millisecond: "40ms", 2300 * time.Millisecond: "2.3s",
		100 * time.Second: "1m40s", 150 * time.Second: "2m30s", 2 * time.Minute: "2m", time.Hour: "1h0m", 70 * time.Minute: "1h10m",
	} {
		if got := words.Short(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "just now", 5200 * time.Millisecond: "5s ago", 64 * time.Second: "1m4s ago",
		123 * time.Second: "2m3s ago", 150 * time.Second: "2m30s ago", 10 * time.Minute: "10m ago", 2*time.Hour + 3*time.Second: "2h0m ago",
	} {
		if got := words.Ago(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestNoColour(t *testing.T) {
	for _, state := range api.States {
		t.Setenv("NO_COLOR", "")
		coloured := words.Colour(state)
		t.Setenv("NO_COLOR", "1")
		if got := words.Colour(state); got != "" {
			t.Errorf("%s: %q with NO_COLOR, %q without", state, got, coloured)
		}
	}
	t.Setenv("NO_COLOR", "")
	if words.Colour(api.StateError) == "" {
		t.Error("an error has no colour at all")
	}
}

// TestArgumentsOfWhatIsUp: names of resources are told from the Tiltfile's
// arguments by what is up.
func TestArgumentsOfWhatIsUp(t *testing.T) {
	s := api.Status{Resources: []api.ResourceStatus{{Name: "web"}, {Name: "db"}}}
	for names, want := range map[string]bool{"web": true, "db": true, "appliances": false} {
		if got := knows(s, []string{"web", names}); got != want {
			t.Errorf("web and %s: %v", names, got)
		}
	}
}

// TestWhatIsInForce names it where a daemon runs.
func TestWhatIsInForce(t *testing.T) {
	var b strings.Builder
	printInForce(&b, api.Status{
		Daemon: api.DaemonInfo{Pid: 7, Path: "/home/me/go/bin:/usr/bin", LogFile: "/state/daemon.log"}, Cluster: api.ClusterStatus{Kubeconfig: "/home/me/.kube/config"},
	})
	want := "PATH        /home/me/go/bin:/usr/bin\nkubeconfig  /home/me/.kube/config\ndaemon      process 7, log /state/daemon.log\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	b.Reset()
	if printInForce(&b, api.Status{}); b.Len() > 0 {
		t.Errorf("without a daemon: %q", b.String())
	}
}

// TestManyAreFolded: those that need a person are listed, of the others there is a
// line for each state; who names some gets what was named.
func TestManyAreFolded(t *testing.T) {
	s := *failing(300)
	s.Up, s.Resources[7].State = true, api.StateDisabled
	printed := func(o showing, s api.Status) string {
		var b strings.Builder
		o.print(&b, s)
		return b.String()
	}
	got := printed(showing{}, s)
	want := `✗  298 of 300 ready, 1 error  context kind-dev, namespace shop

  RESOURCE  STATE  SYNC  POD  PID  ENDPOINT  LAST UPDATE
✗ svc0002   error  -     -    -    -         -

error: svc0002: image not found in the registry that the Tiltfile names
hint:  push it

…    1 starting: svc0001
✓  297 ready
·    1 disabled: svc0007
` + "`towline status '*'` lists all 300.\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, o := range map[string]showing{
		"names": {chosen: selection{names: []string{"*"}}}, "labels": {chosen: selection{labels: []string{"x"}}}, "failed": {failed: true},
	} {
		if got := printed(o, s); !strings.Contains(got, "svc0299") || strings.Contains(got, "lists all") {
			t.Errorf("asked for by %s:\n%s", name, got)
		}
	}
	few := s
	few.Resources = s.Resources[:words.ListedUpTo]
	if got := printed(showing{}, few); !strings.Contains(got, "svc0039") || strings.Contains(got, "lists all") {
		t.Errorf("of a few:\n%s", got)
	}
	for _, state := range []func(*api.Status){func(s *api.Status) { s.Up = false }, func(s *api.Status) { s.State = api.StateStopping }} {
		other := s
		state(&other)
		if got := printed(showing{}, other); strings.Contains(got, "lists all") {
			t.Errorf("of what is not up:\n%s", got)
		}
	}
}

// TestDaemonOfBefore: an update of the program does not replace the daemon that runs.
func TestDaemonOfBefore(t *testing.T) {
	for of, want := range map[string]int{"": 0, version: 0, version + "-before": 1} {
		got := problems(api.Status{Up: true, Daemon: api.DaemonInfo{Version: of}})
		if len(got) != want || want == 1 && !strings.Contains(got[0], "towline daemon --stop") {
			t.Errorf("a daemon of %q: %q", of, got)
		}
	}
}
