package buildpod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/towline-dev/towline/internal/podtest"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// fake is a cluster with one pod at most, which is as the test says at each look.
type fake struct {
	mu      sync.Mutex
	refused error
	applied []map[string]any
	anew    int
	looks   []func(*kube.Pod) // how the pod is, look by look; the last one goes on
	exec    func(ctx context.Context, o kube.ExecOptions) (int, error)
}

func (f *fake) Apply(_ context.Context, objects []map[string]any, o kube.ApplyOptions) ([]kube.Applied, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != nil {
		return nil, f.refused
	}
	if o.Labels[kube.LabelWorkspace] != "w" {
		return nil, fmt.Errorf("labels %v: `down` would not find it", o.Labels)
	}
	f.applied = objects
	if o.Anew {
		f.anew++
	}
	return nil, nil
}

func (f *fake) Pods(_ context.Context, namespace, selector string) ([]kube.Pod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.looks) == 0 {
		return nil, nil
	}
	p := kube.Pod{Name: nameOf("w"), Namespace: namespace, Phase: "Pending", Node: "n", Containers: []kube.Container{{Name: container, Image: "i"}}}
	f.looks[0](&p)
	if len(f.looks) > 1 {
		f.looks = f.looks[1:]
	}
	return []kube.Pod{{Name: "another"}, p}, nil
}

func (f *fake) Exec(ctx context.Context, o kube.ExecOptions) (int, error) { return f.exec(ctx, o) }

func ready(p *kube.Pod) { p.Phase, p.Ready = "Running", true }

func keeper(f *fake) *Keeper {
	return New(Options{Kube: f, WorkspaceID: "w", Namespace: "ns"})
}

// TestPodIsAwaited: what is waited for is said once, and what cannot come up is a
// problem with its cause.
func TestPodIsAwaited(t *testing.T) {
	waiting := func(p *kube.Pod) {
		p.Containers[0].State, p.Containers[0].Reason = kube.ContainerWaiting, "ContainerCreating"
	}
	for name, test := range map[string]struct {
		looks   []func(*kube.Pod)
		refused error
		problem string
		said    string
		anew    int
	}{
		"at once":    {looks: []func(*kube.Pod){ready}},
		"in a while": {looks: []func(*kube.Pod){waiting, waiting, ready}, said: "container buildkitd: ContainerCreating\n"},
		"no image": {looks: []func(*kube.Pod){func(p *kube.Pod) {
			p.Containers[0].State, p.Containers[0].Reason = kube.ContainerWaiting, "ImagePullBackOff"
		}}, problem: "i cannot be pulled"},
		"evicted":       {looks: []func(*kube.Pod){func(p *kube.Pod) { p.Phase, p.Reason = "Failed", "Evicted" }, waiting, ready}, said: "container buildkitd: ContainerCreating\n", anew: 1},
		"evicted again": {looks: []func(*kube.Pod){func(p *kube.Pod) { p.Phase, p.Reason, p.Message = "Failed", "Evicted", "disk" }}, problem: "Evicted: disk", anew: 1},
		"not allowed":   {refused: errors.New(`violates PodSecurity "baseline:latest": privileged`), problem: "violates PodSecurity"},
		"no cluster":    {refused: &kube.Error{Kind: kube.Unreachable, Op: "applying", Err: errors.New("refused")}, problem: "BuildKit does not run in the cluster"},
		"never": {looks: []func(*kube.Pod){func(p *kube.Pod) {
			p.Node, p.Reason, p.Message = "", "Unschedulable", "0/1 nodes are available: 1 Insufficient memory."
		}}, problem: "not ready after 5m0s: pod cannot be scheduled", said: "Insufficient memory"},
		"no pod": {problem: "not ready after 5m0s: waiting to be scheduled", said: "waiting to be scheduled\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{looks: test.looks, refused: test.refused}
				var said strings.Builder
				err := keeper(f).ready(t.Context(), build.RemoteOptions{Image: "i", Namespace: "ns", Output: &said})
				if test.problem == "" && err != nil || test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
					t.Errorf("%v, want %q", err, test.problem)
				}
				var p *config.Problem
				if err != nil && (!errors.As(err, &p) || p.Hint == "") {
					t.Errorf("%v says no next step", err)
				}
				if passes := kube.IsKind(test.refused, kube.Unreachable); build.Passing(err) != passes {
					t.Errorf("%v is tried again: %v", err, !passes)
				}
				if !strings.Contains(said.String(), test.said) || strings.Count(said.String(), "\n") > 1 {
					t.Errorf("said %q, want %q once", said.String(), test.said)
				}
				if f.anew != test.anew {
					t.Errorf("made anew %d times, want %d", f.anew, test.anew)
				}
			})
		})
	}
}

// TestWaitEndsWithItsCaller: a build that nobody wants any more does not wait.
func TestWaitEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{looks: []func(*kube.Pod){func(*kube.Pod) { cancel() }}}
	if _, _, err := keeper(f).Connect(ctx, build.RemoteOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

// TestPodHasNoMoreThanItNeeds: no token, no port; the node's network and a
// configuration only where the registry asks for them.
func TestPodHasNoMoreThanItNeeds(t *testing.T) {
	for name, test := range map[string]struct {
		o       build.RemoteOptions
		network bool
		objects int
	}{
		"plain registry in the cluster": {build.RemoteOptions{Image: "i", Registry: "registry:5000", Plain: true}, false, 2},
		"registry of the node":          {build.RemoteOptions{Image: "i", Registry: "127.0.0.1:5000", OnNode: true}, true, 1},
		"registry elsewhere":            {build.RemoteOptions{Image: "i", Registry: "ghcr.io"}, false, 1},
	} {
		all := objects("n", "ns", test.o)
		if len(all) != test.objects {
			t.Fatalf("%s: %d objects, want %d", name, len(all), test.objects)
		}
		if data, ok := all[0]["data"].(map[string]any); ok != (test.objects == 2) || ok && !strings.Contains(fmt.Sprint(data), "[registry.\"registry:5000\"]\n  http = true") {
			t.Errorf("%s: %v", name, all[0])
		}
		spec := all[len(all)-1]["spec"].(map[string]any)
		if spec["automountServiceAccountToken"] != false || (spec["hostNetwork"] == true) != test.network {
			t.Errorf("%s: %v", name, spec)
		}
		if _, ports := spec["containers"].([]any)[0].(map[string]any)["ports"]; ports {
			t.Errorf("%s: it has ports", name)
		}
	}
}

// TestConnection: what arrives at the address is a command's in the pod, both ways;
// the way there is gone with the build.
func TestConnection(t *testing.T) {
	f := &fake{looks: []func(*kube.Pod){ready}, exec: func(_ context.Context, o kube.ExecOptions) (int, error) {
		if o.Pod != nameOf("w") || o.Namespace != "ns" || !slices.Equal(o.Argv, []string{"buildctl", "dial-stdio"}) {
			t.Errorf("%+v", o)
		}
		got, err := io.ReadAll(o.Stdin)
		_, _ = o.Stdout.Write(append(got, '!'))
		return 0, err
	}}
	address, end, err := keeper(f).Connect(t.Context(), build.RemoteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, "unix://")
	if info, err := os.Stat(path[:strings.LastIndexByte(path, '/')]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v; want one of its owner alone", info, err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.UnixConn).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "hello!" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := end(); err != nil {
		t.Errorf("a connection that was ended here is told as lost: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// TestLostConnection: what the cluster said of it is known in the end, and one that
// hangs ends with the build.
func TestLostConnection(t *testing.T) {
	for name, exec := range map[string]func(ctx context.Context, o kube.ExecOptions) (int, error){
		"error": func(context.Context, kube.ExecOptions) (int, error) { return -1, errors.New("pod is gone") },
		"words": func(_ context.Context, o kube.ExecOptions) (int, error) {
			_, _ = io.WriteString(o.Stderr, "no daemon: pod is gone\n")
			return 1, nil
		},
		"hangs": nil,
	} {
		began := make(chan struct{}, 1)
		if exec == nil {
			exec = func(ctx context.Context, _ kube.ExecOptions) (int, error) {
				began <- struct{}{}
				<-ctx.Done()
				return -1, ctx.Err()
			}
		}
		address, end, err := keeper(&fake{looks: []func(*kube.Pod){ready}, exec: exec}).Connect(t.Context(), build.RemoteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("unix", strings.TrimPrefix(address, "unix://"))
		if err != nil {
			t.Fatal(err)
		}
		if name == "hangs" {
			podtest.Within(t, began, "the command in the pod")
		} else if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		lost := end()
		if told := lost != nil && strings.Contains(lost.Error(), "pod is gone"); told == (name == "hangs") {
			t.Errorf("%s: %v", name, lost)
		}
		conn.Close()
	}
}
