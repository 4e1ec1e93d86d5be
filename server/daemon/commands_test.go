package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// TestCommandsOfTheAPIRun: a v1alpha1.cmd that nobody starts runs with the
// project, and again when what its file_watch names changes; that of a button
// waits for the trigger, and finds what the button asks for as it is preset.
func TestCommandsOfTheAPIRun(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	dir := s.o.Endpoint.Workspace
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("watched.txt", "1")
	write("Tiltfile", `
load('ext://uibutton', 'cmd_button', 'text_input')
v1alpha1.file_watch(name='texts', watched_paths=[os.path.abspath('watched.txt')])
v1alpha1.cmd(name='build', args=['sh', '-c', 'cat watched.txt >> built'], restart_on=v1alpha1.restart_on_spec(file_watches=['texts']))
local_resource('web', 'true')
cmd_button('greet', argv=['sh', '-c', 'echo "$WHO from $FROM" >> greeted'], env=['FROM=me'], resource='web', inputs=[text_input('WHO', default='you')])
v1alpha1.ui_button(name='later', text='Later', location={'component_id': 'web', 'component_type': 'resource'})
v1alpha1.cmd(name='then', args=['sh', '-c', 'echo x >> then'], start_on={'ui_buttons': ['later'], 'start_after': '9999-01-01T00:00:00Z'})
v1alpha1.cmd(name='since', args=['sh', '-c', 'echo x >> since'], start_on={'ui_buttons': ['later'], 'start_after': '2001-01-01T00:00:00Z'})
`)
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Subcommand: e.Subcommand, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log})
	})
	_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
		c.up(api.UpRequest{}, func(err error) { answer(0, err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	// holds waits until a file holds a text.
	holds := func(name, want string) {
		t.Helper()
		var got []byte
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if got, _ = os.ReadFile(filepath.Join(dir, name)); string(got) == want {
				return
			}
		}
		t.Fatalf("%s holds %q, want %q", name, got, want)
	}
	holds("built", "1")
	button := ""
	s.await("the commands", func(st *api.Status) bool {
		for _, r := range st.Resources {
			if strings.HasPrefix(r.Name, "btn-") {
				button = r.Name
			}
		}
		return button != ""
	})
	write("watched.txt", "2")
	s.queue.put(func(c *core) { c.hint([]string{filepath.Join(dir, "watched.txt")}, true) })
	holds("built", "12")
	if _, err := os.Stat(filepath.Join(dir, "greeted")); err == nil {
		t.Error("the command of a button ran before anybody asked")
	}
	pressFor := func(resource, b string, inputs map[string]string) error {
		_, err := in(t.Context(), s.Daemon, func(c *core, answer func(int, error)) {
			answer(0, c.runButton(api.ButtonRequest{Resource: resource, Button: b, Inputs: inputs}))
		})
		return err
	}
	press := func(b string, inputs map[string]string) error { return pressFor(button, b, inputs) }
	if err := pressFor("then", "later", nil); err == nil || !strings.Contains(err.Error(), "from 9999-01-01T00:00:00Z on") {
		t.Errorf("pressed before the time that start_after names: %v", err)
	}
	if err := pressFor("since", "later", nil); err != nil {
		t.Errorf("pressed after the time that start_after names: %v", err)
	}
	holds("since", "x\n")
	for _, wrong := range []error{press("none", nil), press("greet", map[string]string{"WHOM": "x"})} {
		if wrong == nil {
			t.Error("pressed what there is not, or filled in what is not asked for")
		}
	}
	for i, want := range []string{"you from me\n", "you from me\nall from me\n", "you from me\nall from me\nyou from me\n"} {
		if i == 1 {
			if err := press("greet", map[string]string{"WHO": "all"}); err != nil {
				t.Fatal(err)
			}
		} else {
			s.queue.put(func(c *core) { c.step(engine.Triggered{Resource: button}) })
		}
		holds("greeted", want)
		s.await("the end", func(st *api.Status) bool {
			for _, r := range st.Resources {
				if r.Name == button {
					return r.State == api.StateDone
				}
			}
			return false
		})
	}
}

// TestWhatAnEditorNoticesIsNoSave: while a command runs, what an editor saw
// change on disk is taken for the command's writing, and waits; what a person
// saved in it is not.
func TestWhatAnEditorNoticesIsNoSave(t *testing.T) {
	s := newStand(t)
	dir := s.o.Endpoint.Workspace
	files := map[string]string{"noticed": filepath.Join(dir, "noticed"), "saved": filepath.Join(dir, "saved")}
	writing, err := in(bounded(t), s.Daemon, func(c *core, answer func(map[string]uint64, error)) {
		p := &config.Project{
			Tiltfile:  filepath.Join(dir, "Tiltfile"),
			Images:    []config.Image{{Ref: "web", Deps: []string{dir}}},
			Resources: []config.Resource{{Name: "compile", Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{Cmd: config.Command{Argv: []string{"x"}}}}},
		}
		c.tiltfile.good = p
		c.sources.follow(p, nil, nil)
		c.step(engine.Configured{Project: p})
		c.step(engine.Wanted{})
		for name, path := range files {
			if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
				t.Error(err)
			}
		}
		c.hint([]string{files["saved"]}, true) // before the system's own notice
		c.hint([]string{files["noticed"]}, false)
		r := c.state.Resource("compile")
		if !r.Working || len(c.state.Image("web").Dirty) != 2 {
			t.Errorf("the command runs: %v, changed %v", r.Working, c.state.Image("web").Dirty)
		}
		answer(r.Writing, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, held := writing[files["noticed"]]; !held || len(writing) != 1 {
		t.Errorf("taken for the command's: %v", writing)
	}
}
