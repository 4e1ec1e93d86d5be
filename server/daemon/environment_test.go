package daemon

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// keepEnvironment gives the test's process its environment back at the end.
func keepEnvironment(t *testing.T) {
	before := os.Environ()
	t.Cleanup(func() {
		os.Clearenv()
		for _, e := range before {
			name, value, _ := strings.Cut(e, "=")
			_ = os.Setenv(name, value)
		}
	})
}

// TestImportEnvironment takes over a terminal's environment: what it has not is
// gone, what none can have is left out, and the daemon stays its own owner.
func TestImportEnvironment(t *testing.T) {
	keepEnvironment(t)
	t.Setenv(command.OwnerName, "this daemon")
	t.Setenv("GONE", "1")
	t.Setenv("SAME", "old")
	importEnvironment(nil) // of a client that sends none
	if os.Getenv("GONE") != "1" {
		t.Error("no environment took one away")
	}
	importEnvironment([]string{"SAME=new", "EQUALS=a=b", "EMPTY=", "=C:=odd", "bare", "NUL=a\x00b", command.OwnerName + "=another", "TWICE=1", "TWICE=2"})
	got := os.Environ()
	slices.Sort(got)
	want := []string{"EMPTY=", "EQUALS=a=b", "SAME=new", command.OwnerName + "=this daemon", "TWICE=2"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the environment is %q, want %q", got, want)
	}
}

// TestNoMomentWithoutPath imports while commands begin.
func TestNoMomentWithoutPath(t *testing.T) {
	keepEnvironment(t)
	t.Setenv("PATH", "/bin")
	stop, missing := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				missing <- n
				return
			default:
			}
			if os.Getenv("PATH") == "" {
				n++
			}
		}
	}()
	for range 2000 {
		importEnvironment([]string{"A=1", "B=2", "PATH=/usr/bin"})
	}
	close(stop)
	if n := <-missing; n > 0 {
		t.Errorf("PATH was gone at %d moments", n)
	}
}

// TestEnvironmentOfTheTerminal brings a project up from one terminal, again from
// another, and down from a third: evaluation, commands and the status are of the
// one who asked last.
func TestEnvironmentOfTheTerminal(t *testing.T) {
	keepEnvironment(t)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	dir := s.o.Endpoint.Workspace
	const tiltfile = `
who = os.getenv('WHO', 'nobody')
if config.tilt_subcommand == 'down':
    local('echo down by ' + who + ' >> said')
local_resource('by-' + who, 'echo "$WHO and ${GONE:-none}" >> said')
`
	if err := os.WriteFile(filepath.Join(dir, "Tiltfile"), []byte(tiltfile), 0o600); err != nil {
		t.Fatal(err)
	}
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Subcommand: e.Subcommand, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log})
	})
	of := func(env ...string) []string {
		return append(env, "PATH="+os.Getenv("PATH")+":/"+env[0], "HOME="+dir, "KUBECONFIG="+filepath.Join(dir, "none"))
	}
	said := func(want string) {
		t.Helper()
		var got []byte
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if got, _ = os.ReadFile(filepath.Join(dir, "said")); string(got) == want {
				return
			}
		}
		t.Fatalf("said %q, want %q", got, want)
	}
	up := func(env []string) {
		t.Helper()
		_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
			c.up(api.UpRequest{Env: env}, func(err error) { answer(0, err) })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	up(of("WHO=one", "GONE=here"))
	said("one and here\n")
	up(of("WHO=two"))
	said("one and here\ntwo and none\n")
	s.await("the PATH in force", func(st *api.Status) bool { return strings.HasSuffix(st.Daemon.Path, ":/WHO=two") })
	up(nil) // of a client that says nothing of it
	_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
		c.down(api.DownRequest{Env: of("WHO=three")}, func(err error) { answer(0, err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	said("one and here\ntwo and none\ndown by three\n")
}
