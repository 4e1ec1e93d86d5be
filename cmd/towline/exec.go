package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// exitCode ends the program with a code of another's.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func execCommand() *cobra.Command {
	cmd := insideCommand("exec RESOURCE -- COMMAND [ARGS...]", func(args []string) ([]string, error) {
		if len(args) == 0 {
			return nil, &config.Problem{Message: "which command to run is not said", Hint: "it comes after --, as in `towline exec web -- env`"}
		}
		return args, nil
	})
	cmd.Short = "Run a command in a resource's container"
	cmd.Long = `Runs a command in a container of a resource, with this terminal or with what is
piped in; its exit code is this one's. Of several pods the newest ready one is
taken, of several containers the first that the Tiltfile builds, or else the
first; -p and -c name others.`
	cmd.Example = "  towline exec web -- env\n  towline exec db -- psql -U shop\n  echo 'select 1' | towline exec db -c postgres -- psql"
	return cmd
}

func shellCommand() *cobra.Command {
	cmd := insideCommand("shell RESOURCE", func(args []string) ([]string, error) {
		if len(args) > 0 {
			return nil, &config.Problem{Message: "shell takes one resource", Hint: "`towline exec RESOURCE -- COMMAND` runs a command"}
		}
		return []string{"sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash || exec sh"}, nil
	})
	cmd.Short = "Open a shell in a resource's container"
	cmd.Long = "Opens bash, or sh, in a container of a resource; see `towline exec` for which."
	cmd.Example = "  towline shell web\n  towline shell web -c sidecar"
	return cmd
}

// inside says where a command runs.
type inside struct {
	pod, container string // "": the one that is meant
}

func insideCommand(use string, argv func([]string) ([]string, error)) *cobra.Command {
	var ws workspaceFlags
	var at inside
	cmd := &cobra.Command{
		Use: use,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &config.Problem{Message: "which resource is not said", Hint: usage(cmd)}
			}
			run, err := argv(args[1:])
			if err != nil {
				return err
			}
			p, err := lookAt(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			return at.run(cmd.Context(), p, args[0], run)
		},
	}
	ws.register(cmd)
	cmd.Flags().StringVarP(&at.container, "container", "c", "", "container of the pod")
	cmd.Flags().StringVarP(&at.pod, "pod", "p", "", "pod of the resource")
	return cmd
}

// run runs a command inside a resource, wherever that is.
func (at inside) run(ctx context.Context, p *project, name string, argv []string) error {
	r, spec, err := p.resource(name)
	if err != nil {
		return err
	}
	switch spec.Kind {
	case config.KindLocal:
		return &config.Problem{Message: r.Name + " runs on this machine, in no container", Hint: "run the command here", Pos: r.Pos}
	case config.KindCompose:
		if at != (inside{}) {
			return &config.Problem{Message: r.Name + " is a Compose service, of one container and no pod", Hint: "leave out -p and -c", Pos: r.Pos}
		}
		return composeExec(ctx, spec.Compose, argv)
	}
	c, err := p.cluster()
	if err != nil {
		return err
	}
	pods, err := p.pods(ctx, c, r)
	if err != nil {
		return err
	}
	o, err := at.choose(r, pods)
	if err != nil {
		return err
	}
	o.Argv = argv
	return execIn(ctx, c, o)
}

// choose says which container is meant, and on standard error if there are
// several.
func (at inside) choose(r *api.ResourceStatus, pods []kube.Pod) (kube.ExecOptions, error) {
	var names []string
	for _, p := range pods {
		names = append(names, p.Name)
	}
	i := 0
	if at.pod != "" {
		i = slices.Index(names, at.pod)
	}
	switch {
	case len(pods) == 0:
		return kube.ExecOptions{}, &config.Problem{Message: r.Name + " has no pod", Hint: "`towline status " + r.Name + "` shows what it waits for", Pos: r.Pos}
	case i < 0:
		return kube.ExecOptions{}, &config.Problem{Message: fmt.Sprintf("%s has no pod %q", r.Name, at.pod), Hint: "it has " + strings.Join(names, ", ")}
	}
	pod := pods[i]
	var containers []string
	running, meant := "", false
	for _, c := range pod.Containers {
		containers = append(containers, c.Name)
		built := slices.ContainsFunc(r.Targets, func(t api.Target) bool { return t.Pod == pod.Name && t.Container == c.Name })
		if c.State == kube.ContainerRunning && (running == "" || built && !meant) {
			running, meant = c.Name, built
		}
	}
	name := cmp.Or(at.container, running)
	c := pod.Container(name)
	switch {
	case c == nil && at.container != "":
		return kube.ExecOptions{}, &config.Problem{Message: fmt.Sprintf("pod %s has no container %q", pod.Name, at.container), Hint: "it has " + strings.Join(containers, ", ")}
	case c == nil || c.State != kube.ContainerRunning:
		p := &config.Problem{Message: "no container of pod " + pod.Name + " runs", Hint: "`towline describe " + r.Name + "` says why, `towline logs " + r.Name + "` what it printed"}
		if c != nil {
			p.Message = fmt.Sprintf("container %s of pod %s does not run: %s", c.Name, pod.Name, explained(c))
		}
		return kube.ExecOptions{}, p
	}
	if at.pod == "" && len(pods) > 1 || at.container == "" && len(containers) > 1 {
		fmt.Fprintf(os.Stderr, "in container %s of pod %s\n", name, pod.Name)
	}
	return kube.ExecOptions{Namespace: pod.Namespace, Pod: pod.Name, Container: name}, nil
}

// execIn runs a command with this terminal, or with what is piped.
func execIn(ctx context.Context, c *kube.Cluster, o kube.ExecOptions) error {
	stdin := int(os.Stdin.Fd())
	o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
	if term.IsTerminal(stdin) && !term.IsTerminal(int(os.Stdout.Fd())) {
		o.Stdin = nil // nobody types into what is shown to nobody
	} else if term.IsTerminal(stdin) {
		o.TTY, o.Stderr = true, nil
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		o.Sizes = sizes(ctx)
		before, err := term.MakeRaw(stdin)
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(stdin, before) }()
	}
	code, err := c.Exec(ctx, o)
	switch {
	case ctx.Err() != nil:
		return exitCode(128 + int(syscall.SIGINT))
	case err != nil:
		return inWords(o, err)
	case code != 0:
		return exitCode(code)
	}
	return nil
}

// inWords says why a command could not be run.
func inWords(o kube.ExecOptions, err error) error {
	var k *kube.Error
	if !errors.As(err, &k) {
		return err
	}
	p := k.Problem()
	switch text := err.Error(); {
	case strings.Contains(text, "executable file not found"), strings.Contains(text, "no such file or directory"):
		p.Message = fmt.Sprintf("container %s of pod %s has no %s", o.Container, o.Pod, o.Argv[0])
		p.Hint = "`towline shell` looks around in it"
		if strings.HasSuffix(o.Argv[0], "sh") {
			p.Hint = fmt.Sprintf("an image without a shell: `kubectl debug -n %s -it %s --image=busybox --target=%s` opens one beside it", o.Namespace, o.Pod, o.Container)
		}
	case kube.IsKind(err, kube.Forbidden):
		p.Hint = "it needs the right to create pods/exec in namespace " + o.Namespace + "; `towline doctor` shows which you have"
	}
	return p
}

// sizes tells a terminal's size now and each time it changes, until ctx ends.
func sizes(ctx context.Context) <-chan kube.Size {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	out := make(chan kube.Size)
	go func() { // ends with ctx
		defer close(out)
		defer signal.Stop(changed)
		for {
			columns, rows, err := term.GetSize(int(os.Stdout.Fd()))
			if err == nil {
				select {
				case out <- kube.Size{Columns: uint16(columns), Rows: uint16(rows)}:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// composeExec runs a command in the container of a Compose service.
func composeExec(ctx context.Context, c *config.Compose, argv []string) error {
	args := []string{"compose", "-p", c.Project, "exec"}
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		args = append(args, "-T")
	}
	cmd := exec.CommandContext(ctx, "docker", append(append(args, c.Service), argv...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.Exited() {
		return exitCode(ended.ExitCode())
	}
	return err
}
