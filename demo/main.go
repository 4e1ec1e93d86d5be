// Command demo plays Towline's whole story in a terminal, with the time of each
// step. The first act needs no cluster: the Tiltfile as it is typed, and what
// it means. The second does: up, save to running, a change of code, a
// breakpoint, and the same breakpoint in the next process.
//
// It uses the current context's cluster if that is one for development and
// answers, in a namespace of its own; else it starts the test bed's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

const namespace = "towline-demo"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	if err := play(ctx, newTeller(os.Stdout)); err != nil {
		var p *config.Problem
		fmt.Fprintln(os.Stderr, "\nerror:", err)
		if errors.As(err, &p) && p.Hint != "" {
			fmt.Fprintln(os.Stderr, "hint: ", p.Hint)
		}
		os.Exit(1)
	}
}

func play(ctx context.Context, tell *teller) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	tell.title("Towline: edit, run and debug in the pod")
	workspace, err := demoWorkspace(root)
	if err != nil {
		return err
	}
	if err := firstAct(ctx, tell, root, workspace); err != nil {
		return err
	}
	cluster, err := chooseCluster(ctx, tell, root)
	if err != nil {
		return err
	}
	s, err := story.Open(ctx, story.Options{
		Towline: filepath.Join(root, "bin", "towline"), Workspace: workspace, Env: cluster.env,
		Namespace: namespace, Progress: tell.progress,
	})
	if err != nil {
		return err
	}
	defer s.Close()
	p := player{s: s, tell: tell}
	for _, step := range []func(context.Context) error{p.up, p.save, p.code, p.debug} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	tell.end(root, workspace, cluster)
	return nil
}

// demoWorkspace is a copy of the example that stays between runs, so that it
// can be opened in an editor.
func demoWorkspace(root string) (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		state = filepath.Join(home, ".local", "state")
	}
	dir := filepath.Join(state, "towline", "demo", "hello")
	return dir, story.CopyExample(filepath.Join(root, "examples", "hello"), dir)
}

// player plays the steps.
type player struct {
	s    *story.Story
	tell *teller
	api  string // URLs of the two services
	web  string
}

func (p *player) up(ctx context.Context) error {
	p.tell.begin("up", "compile, build two images, deploy, wait until ready")
	st, err := p.s.Up(ctx)
	if err != nil {
		return err
	}
	for _, r := range st.Resources {
		if len(r.Forwards) == 0 {
			continue
		}
		if r.Name == "api" {
			p.api = r.Forwards[0].URL
		} else {
			p.web = r.Forwards[0].URL
		}
	}
	if _, err := story.Until(ctx, p.api, func(body string) bool { return story.Pid(body) > 0 }); err != nil {
		return err
	}
	p.tell.done("%s, %s", p.api, p.web)
	return nil
}

func (p *player) save(ctx context.Context) error {
	p.tell.begin("save", "web/public/index.html → the pod serves it")
	text := fmt.Sprintf("<h1>Saved at %s</h1>\n", time.Now().Format("15:04:05.000"))
	began := time.Now()
	if err := p.s.Save("web/public/index.html", text); err != nil {
		return err
	}
	if _, err := story.Until(ctx, p.web, func(body string) bool { return body == text }); err != nil {
		return err
	}
	p.tell.doneIn(time.Since(began), "%s", strings.TrimSpace(text))
	return nil
}

func (p *player) code(ctx context.Context) error {
	p.tell.begin("code", "api/main.go → compiled here, replaced and restarted there")
	before, err := story.Until(ctx, p.api, func(body string) bool { return story.Pid(body) > 0 })
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.s.Path("api/main.go"))
	if err != nil {
		return err
	}
	mark := "?"
	if strings.Contains(string(text), `name + "?"`) {
		mark = "!"
	}
	old := map[string]string{"?": "!", "!": "?"}[mark]
	changed := strings.Replace(string(text), `name + "`+old+`"`, `name + "`+mark+`"`, 1)
	began := time.Now()
	if err := p.s.Save("api/main.go", changed); err != nil {
		return err
	}
	after, err := story.Until(ctx, p.api, func(body string) bool { return strings.Contains(body, "world"+mark) })
	if err != nil {
		return err
	}
	took := time.Since(began)
	st, err := p.s.Status(ctx)
	if err != nil {
		return err
	}
	p.tell.doneIn(took, "pid %d → %d, container restarts: %d", story.Pid(before), story.Pid(after), restarts(st, "api"))
	return nil
}

func restarts(st api.Status, resource string) int {
	n := 0
	for _, r := range st.Resources {
		if r.Name == resource {
			for _, t := range r.Targets {
				n += t.Restarts
			}
		}
	}
	return n
}

// pid is the process of a resource's first container with an agent, 0 for none.
func pid(st api.Status, resource string) int {
	for _, r := range st.Resources {
		if r.Name == resource && len(r.Targets) > 0 {
			return r.Targets[0].Pid
		}
	}
	return 0
}

func (p *player) debug(ctx context.Context) error {
	line, err := p.s.Line("api/main.go", "return message")
	if err != nil {
		return err
	}
	p.tell.begin("debug", fmt.Sprintf("attach to api in its pod, breakpoint at api/main.go:%d", line))
	began := time.Now()
	d, err := p.s.Debug(ctx, "api", "api/main.go", line)
	if err != nil {
		return err
	}
	defer d.End(ctx)
	attached := time.Since(began)
	value, hit, err := p.hit(ctx, d, "towline")
	if err != nil {
		return err
	}
	p.tell.doneIn(attached+hit, "attached in %s, stopped in %s, message = %s", short(attached), short(hit), value)
	p.tell.begin("outlive", "restart the process: the same session, the same breakpoint")
	st, err := p.s.Status(ctx)
	if err != nil {
		return err
	}
	old := pid(st, "api")
	began = time.Now()
	if err := p.s.Restart(ctx, "api"); err != nil {
		return err
	}
	// The old process may still answer, and stop, once the restart was asked for.
	for now := old; now == old || now == 0; now = pid(st, "api") {
		if st, err = p.s.Status(ctx); err != nil {
			return err
		}
	}
	value, _, err = p.hit(ctx, d, "again")
	if err != nil {
		return err
	}
	p.tell.doneIn(time.Since(began), "pid %d → %d, stopped there, message = %s", old, pid(st, "api"), value)
	return nil
}

// hit asks the api service for greetings until one stops at the breakpoint,
// reads a variable there, and lets it go on.
func (p *player) hit(ctx context.Context, d *story.Debugger, name string) (value string, took time.Duration, err error) {
	stop := story.Ask(ctx, p.api+"/?name="+name)
	began := time.Now()
	thread, frame, err := d.Stopped(ctx)
	took = time.Since(began)
	if err != nil {
		return "", took, err
	}
	value, err = d.Local(ctx, frame.ID, "message")
	if err != nil {
		return "", took, err
	}
	// Further requests that wait must not stop in their turn.
	line := frame.Line
	if _, err := d.SetBreakpoints(ctx, p.s.Path("api/main.go")); err != nil {
		return "", took, err
	}
	if err := d.Continue(ctx, thread); err != nil {
		return "", took, err
	}
	stop()
	_, err = d.SetBreakpoints(ctx, p.s.Path("api/main.go"), line)
	return value, took, err
}
