package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// The labels by which Compose knows its containers.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelHash    = "com.docker.compose.config-hash"
	labelOneOff  = "com.docker.compose.oneoff" // "True" for those of `docker compose run`
)

// CLI is the docker command that the developer has, with its Compose plugin.
type CLI struct{ Shell command.Shell }

// ofCompose are variables that say which project Compose works on. Towline says
// so itself.
var ofCompose = [...]string{"COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "COMPOSE_PATH_SEPARATOR", "COMPOSE_REMOVE_ORPHANS"}

// call is one run of docker.
type call struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer   // nil: the log
	line   output.Line // like which lines of the log are
	serves bool        // until it is cut off
	quiet  bool        // what it says is told only when it fails
}

// run runs docker and explains why it failed.
func (c CLI) run(ctx context.Context, k call) error {
	said := &tail{}
	var stderr io.Writer = said
	if !k.quiet {
		log := c.Shell.Log.Writer(k.line)
		defer log.Flush()
		stderr = io.MultiWriter(said, log)
		if k.stdout == nil {
			k.stdout = log
		}
	}
	err := c.Shell.Run(ctx, command.Call{
		Command: config.Command{Argv: append([]string{"docker"}, k.args...), Dir: "/"},
		Line:    k.line, Serves: k.serves, Stdin: k.stdin, Stdout: k.stdout, Stderr: stderr, Unset: ofCompose[:],
	})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return c.explain(ctx, err, said.last())
}

// Up brings one service up, and nothing that it depends on.
func (c CLI) Up(ctx context.Context, u Up) error {
	model, err := u.model()
	if err != nil {
		return err
	}
	args := []string{"compose", "--ansi", "never", "--progress", "plain", "-f", "-", "--project-directory", u.Project.Dir, "-p", u.Project.Name}
	if u.Project.EnvFile != "" {
		args = append(args, "--env-file", u.Project.EnvFile)
	}
	if !u.Forced && c.isDone(ctx, u, slices.Clone(args), model) {
		return nil // it is not done once more
	}
	args = append(args, "up", "-d", "--no-deps", "--no-build", "--quiet-pull")
	if u.Forced {
		args = append(args, "--force-recreate")
	}
	return c.run(ctx, call{args: append(args, u.Service), stdin: bytes.NewReader(model), line: u.Line})
}

// isDone reports whether a service did its work already just as it is described
// now: its containers ended well and are not to be started again, and Compose
// would make the same ones. Where that cannot be told it is not.
func (c CLI) isDone(ctx context.Context, u Up, args []string, model []byte) bool {
	all, err := c.List(ctx, u.Project.Name)
	all = slices.DeleteFunc(all, func(x Container) bool { return x.Service != u.Service })
	works := func(x Container) bool { return !ended(x, "").ready || x.State != "exited" }
	if err != nil || len(all) == 0 || slices.ContainsFunc(all, works) {
		return false
	}
	var out bytes.Buffer
	err = c.run(ctx, call{args: append(args, "config", "--hash", u.Service), stdin: bytes.NewReader(model), quiet: true, stdout: &out})
	_, hash, _ := strings.Cut(strings.TrimSpace(out.String()), " ")
	other := func(x Container) bool { return x.ConfigHash != strings.TrimSpace(hash) }
	return err == nil && hash != "" && !slices.ContainsFunc(all, other)
}

// Down takes a project down that is known by its containers' labels alone.
func (c CLI) Down(ctx context.Context, project string) error {
	return c.run(ctx, call{args: []string{"compose", "--ansi", "never", "--progress", "plain", "-p", project, "down"}, line: output.Line{Source: "build"}})
}

// Remove stops a service's containers with their grace, and removes them.
func (c CLI) Remove(ctx context.Context, service config.Compose) error {
	ids, err := c.ids(ctx, labelProject+"="+service.Project, labelService+"="+service.Service)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := c.run(ctx, call{args: append([]string{"stop"}, ids...), quiet: true, stdout: io.Discard}); err != nil {
		return err
	}
	return c.run(ctx, call{args: append([]string{"rm", "-f"}, ids...), quiet: true, stdout: io.Discard})
}

// Restart restarts containers.
func (c CLI) Restart(ctx context.Context, ids []string) error {
	return c.run(ctx, call{args: append([]string{"restart"}, ids...), quiet: true, stdout: io.Discard})
}

// ids are those of all containers with some labels.
func (c CLI) ids(ctx context.Context, labels ...string) ([]string, error) {
	args := []string{"ps", "-a", "-q", "--no-trunc"}
	for _, l := range labels {
		args = append(args, "--filter", "label="+l)
	}
	var out bytes.Buffer
	err := c.run(ctx, call{args: args, quiet: true, stdout: &out})
	return strings.Fields(out.String()), err
}

// inspected is what `docker inspect` says of a container.
type inspected struct {
	ID, Name     string
	RestartCount int
	State        struct {
		Status, Error string
		ExitCode      int
		OOMKilled     bool
		StartedAt     time.Time
		Health        *struct {
			Status string
			Log    []struct{ Output string }
		}
	}
	Path   string // of the program that is process 1
	Config struct {
		Image  string
		Labels map[string]string
	}
	Mounts     []Mount
	HostConfig struct{ RestartPolicy struct{ Name string } }
}

// List returns a project's containers, but for those of `docker compose run`.
func (c CLI) List(ctx context.Context, project string) ([]Container, error) {
	ids, err := c.ids(ctx, labelProject+"="+project)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var out bytes.Buffer
	err = c.run(ctx, call{args: append([]string{"inspect", "--type", "container"}, ids...), quiet: true, stdout: &out})
	var all []inspected
	if bad := json.Unmarshal(out.Bytes(), &all); bad != nil { // one that went meanwhile is an error beside the others
		return nil, errorOf(err, fmt.Errorf("reading what docker says of containers: %w", bad))
	}
	var list []Container
	for _, x := range all {
		if x.Config.Labels[labelOneOff] != "True" {
			list = append(list, x.container())
		}
	}
	slices.SortFunc(list, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (x inspected) container() Container {
	c := Container{
		ID: x.ID, Name: strings.TrimPrefix(x.Name, "/"), Service: x.Config.Labels[labelService], State: x.State.Status, ExitCode: x.State.ExitCode,
		Image: x.Config.Image, Supervised: x.Path == wire.BinPath, Mounts: x.Mounts,
		ConfigHash: x.Config.Labels[labelHash], OOMKilled: x.State.OOMKilled, Error: x.State.Error, Restarts: x.RestartCount, RestartPolicy: x.HostConfig.RestartPolicy.Name,
	}
	if x.State.StartedAt.Year() > 1 {
		c.StartedAt = x.State.StartedAt
	}
	if h := x.State.Health; h != nil && h.Status != "none" {
		c.Health = h.Status
		if len(h.Log) > 0 {
			c.HealthOutput = h.Log[len(h.Log)-1].Output
		}
	}
	return c
}

// Events follows docker's events about a project's containers.
func (c CLI) Events(ctx context.Context, project string, changed func()) error {
	out := c.Shell.Log.Lines(func(text string) {
		var e struct{ Action, Status string } // older dockers say status
		if json.Unmarshal([]byte(text), &e) == nil && matters(e.Action+e.Status) {
			changed()
		}
	})
	return c.run(ctx, call{
		args:  []string{"events", "--format", "{{json .}}", "--filter", "type=container", "--filter", "label=" + labelProject + "=" + project},
		quiet: true, stdout: out, serves: true, line: output.Line{Resource: "docker events"},
	})
}

// matters reports whether an event may change what a container is. What health
// checks execute does not.
func matters(action string) bool {
	return !strings.HasPrefix(action, "exec_") && !strings.HasPrefix(action, "attach") && !strings.HasPrefix(action, "top")
}

// Logs follows a container's log with the times that docker wrote down.
func (c CLI) Logs(ctx context.Context, id string, after time.Time, line func(time.Time, string)) error {
	args := []string{"logs", "--follow", "--timestamps"}
	if !after.IsZero() {
		args = append(args, "--since", after.UTC().Format(time.RFC3339Nano))
	}
	var mine []string // what docker itself says
	out := c.Shell.Log.Lines(func(text string) {
		stamp, rest, _ := strings.Cut(text, " ")
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			line(at, rest)
		} else if len(mine) < 5 {
			mine = append(mine, text)
		}
	})
	err := c.Shell.Run(ctx, command.Call{
		Command: config.Command{Argv: append(append([]string{"docker"}, args...), id), Dir: "/"},
		Serves:  true, Line: output.Line{Resource: "docker logs"}, Stdout: out, Stderr: out, Unset: ofCompose[:],
	})
	out.Flush()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("docker logs: %w: %s", err, strings.Join(mine, " "))
	}
	return ctx.Err()
}

// oldest is the first version of the plugin that has all that is asked of it.
var oldest = [...]int{2, 20}

// explain says why docker failed: whether it is there, its plugin, its daemon,
// or else by its own words.
func (c CLI) explain(ctx context.Context, err error, words string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return notInstalled()
	}
	if _, failed := c.Check(ctx); failed != nil {
		return failed
	}
	if words == "" {
		words = err.Error()
	}
	return &Failure{Problem: config.Problem{Message: "docker: " + words, Hint: "the resource's log has all that it said"}}
}

func notInstalled() error {
	return &Failure{Problem: config.Problem{
		Message: "docker is not installed, and docker_compose needs it with its Compose plugin",
		Hint:    "install Docker: https://docs.docker.com/get-docker/; or leave the services out: `towline up RESOURCE…`",
	}}
}

// Check says what keeps Compose services from coming up, and else the version of
// the plugin.
func (c CLI) Check(ctx context.Context) (version string, err error) {
	version, plugin := c.ask(ctx, "compose", "version", "--short")
	switch {
	case errors.Is(plugin, exec.ErrNotFound):
		return "", notInstalled()
	case plugin != nil:
		return "", &Failure{Problem: config.Problem{
			Message: "docker has no Compose plugin: `docker compose` is no command of it",
			Hint:    "install the plugin, v2.20 or newer: https://docs.docker.com/compose/install/linux/ (docker-compose-plugin of Docker's own packages)",
		}}
	case older(version):
		return "", &Failure{Problem: config.Problem{
			Message: fmt.Sprintf("the Compose plugin of docker is of version %s, and v2.20 or newer is needed", version),
			Hint:    "install a newer one: https://docs.docker.com/compose/install/linux/",
		}}
	}
	if said, daemon := c.ask(ctx, "version", "--format", "{{.Server.Version}}"); daemon != nil {
		return "", &Failure{Passing: true, Problem: config.Problem{
			Message: "docker does not answer: " + said,
			Hint:    "start it, or set DOCKER_HOST to where it runs; it is tried again by itself",
		}}
	}
	return version, nil
}

// ask runs a short docker command for its last line.
func (c CLI) ask(ctx context.Context, args ...string) (string, error) {
	said := &tail{}
	err := c.Shell.Run(ctx, command.Call{
		Command: config.Command{Argv: append([]string{"docker"}, args...), Dir: "/"}, Stdout: said, Stderr: said, Unset: ofCompose[:],
	})
	return said.last(), err
}

// older reports whether a version is before the oldest. One that cannot be read
// is not.
func older(version string) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	for i, want := range oldest {
		if i >= len(parts) {
			return false
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n != want {
			return err == nil && n < want
		}
	}
	return false
}
