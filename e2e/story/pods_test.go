package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/play"
	"github.com/towline-dev/towline/dap/daptest/schema"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// TestDebuggingInPods plays the stories of debugging, which dap/bridge plays under
// an agent on this machine, with real debuggers in real pods: uid 65532 without
// capabilities, with the runtime's seccomp profile and a root file system that is
// read only. All services are up at once, and debugged beside each other.
func TestDebuggingInPods(t *testing.T) {
	s := stageOf(t, "tl-e2e-debug", "testdata/debug")
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	services := map[string]*service{}
	for _, program := range play.Programs() {
		services[program.Language] = s.service(program)
	}
	var err error
	s.Story, err = Open(ctx, s.options)
	s.must(err)
	_, err = s.Up(ctx)
	s.must(err)
	t.Run("each", func(t *testing.T) {
		for language, service := range services {
			t.Run(language, func(t *testing.T) {
				t.Parallel()
				for _, story := range play.Stories() {
					t.Run(story.Name, func(t *testing.T) { service.play(t).Run(within(t), t, story.Text) })
				}
			})
		}
	})
	t.Run("two at once", func(t *testing.T) {
		twoAtOnce(t, services["Python"].play(t), services["JavaScript"].play(t))
	})
	t.Run("in Neovim", func(t *testing.T) {
		var all []string
		for _, v := range []*service{services["Python"], services["JavaScript"]} {
			all = append(all, fmt.Sprintf("%s:%s/%s:%d", v.name, v.name, v.program.File, v.port))
		}
		s.nvim(within(t), t, "debug.lua", "SERVICES="+strings.Join(all, " "))
	})
}

// twoAtOnce has two services be debugged in turns, each step in one while the
// other may stand.
func twoAtOnce(t *testing.T, plays ...*play.Play) {
	ctx := within(t)
	for _, step := range strings.Split(`break greet
attach
say one
stop greet twice=6
save
again
say three
stop greet twice=10
continue
answers hello three, 10
disconnect`, "\n") {
		for _, p := range plays {
			if err := p.Do(ctx, t, step); err != nil {
				t.Fatalf("%s: %s: %v", p.Resource, step, err)
			}
		}
	}
}

// within bounds a story.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// service is the program in one language, which runs in a pod.
type service struct {
	play.Caller
	stage   *stage
	name    string // of the resource, and of its folder
	program play.Program
	port    int
	saves   int
}

// service puts the program of a language into the workspace and gives it a port.
func (s *stage) service(program play.Program) *service {
	s.t.Helper()
	name := map[string]string{"Go": "go", "Python": "python", "JavaScript": "node"}[program.Language]
	port, err := FreePort()
	s.must(err)
	s.options.Env = append(s.options.Env, fmt.Sprintf("PORT_%s=%d", strings.ToUpper(name), port))
	dir := filepath.Join(s.options.Workspace, name)
	s.must(os.MkdirAll(dir, 0o755))
	s.must(os.WriteFile(filepath.Join(dir, program.File), []byte(program.Text), 0o644))
	if program.Language == "Go" {
		s.must(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/go\n\ngo 1.26\n"), 0o644))
	}
	return &service{
		Caller: play.Caller{Addr: func() string { return fmt.Sprintf("127.0.0.1:%d", port) }},
		stage:  s, name: name, program: program, port: port,
	}
}

func (v *service) play(t *testing.T) *play.Play {
	t.Helper()
	t.Cleanup(func() { v.tell(t) })
	p := &play.Play{Stage: v, Program: v.program, Path: v.path(), Resource: v.name}
	p.Ready(within(t), t)
	return p
}

// tell adds to a failure what a person would look at.
func (v *service) tell(t *testing.T) {
	if !t.Failed() {
		return
	}
	for _, args := range [][]string{{"status", v.name}, {"logs", v.name, "--since", "3m"}} {
		cmd := exec.Command(v.stage.options.Towline, args...)
		cmd.Dir, cmd.Env = v.stage.options.Workspace, append(os.Environ(), v.stage.options.Env...)
		out, err := cmd.CombinedOutput()
		t.Logf("towline %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (v *service) path() string { return v.stage.Path(filepath.Join(v.name, v.program.File)) }

// Edit starts `towline dap`, as an editor does.
func (v *service) Edit(t testing.TB) *daptest.Client {
	t.Helper()
	cmd, pipe, err := start(v.stage.options, "dap", "--workspace", v.stage.options.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	editor := daptest.NewClient(pipe)
	t.Cleanup(func() {
		editor.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("towline dap: %v", err)
		}
		held, err := schema.Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range held.Problems(editor.Received()) {
			t.Errorf("a message violates the protocol: %v", problem)
		}
	})
	return editor
}

// Save saves the program's file. One that is as it was would change nothing in the
// pod, so that it gets a remark.
func (v *service) Save(_ context.Context, text string) error {
	v.saves++
	sign := "//"
	if v.program.Language == "Python" {
		sign = "#"
	}
	v.stage.editing.Lock()
	defer v.stage.editing.Unlock()
	return v.stage.Save(filepath.Join(v.name, v.program.File), fmt.Sprintf("%s%s %d\n", text, sign, v.saves))
}

// Delete deletes the pod and returns when it is gone.
func (v *service) Delete(ctx context.Context) (bool, error) {
	v.stage.editing.Lock()
	st, err := v.stage.Status(ctx)
	v.stage.editing.Unlock()
	if err != nil {
		return true, err
	}
	pod := target(st, v.name).Pod
	return true, v.stage.cluster.Delete(ctx, []map[string]any{{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": pod, "namespace": v.stage.options.Namespace},
	}}, kube.DeleteOptions{})
}

func target(st api.Status, resource string) api.Target {
	for _, r := range st.Resources {
		if r.Name == resource && len(r.Targets) > 0 {
			return r.Targets[0]
		}
	}
	return api.Target{}
}
