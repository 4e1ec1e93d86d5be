package kube

import (
	"strings"
	"testing"
	"time"
)

// podWith is a pod that is scheduled, with one container of that status.
func podWith(c Container) *Pod {
	c.Name, c.Image = "c", "example.test/web:1"
	if c.State == "" {
		c.State = ContainerWaiting
	}
	return &Pod{Name: "web-1", Node: "n", Phase: "Running", Containers: []Container{c}}
}

// TestCauseIsTold: what a person reads of a pod that does not come up names the
// cause and no chain of components, does not change while the kubelet goes
// through its attempts, and is an error as soon as waiting is of no use.
func TestCauseIsTold(t *testing.T) {
	const chain = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown`
	const pull = `rpc error: code = NotFound desc = failed to pull and unpack image "example.test/web:1": failed to resolve reference "example.test/web:1": example.test/web:1: not found`
	const noProgram = `container c cannot be started: exec: "/nope": stat /nope: no such file or directory`
	const noImage = "container c has no image: example.test/web:1 cannot be pulled: not found"
	for _, test := range []struct {
		name  string
		c     Container
		stuck bool
		want  string
	}{
		{"pull fails", Container{Reason: "ErrImagePull", Message: pull}, true, noImage},
		{"and is held back", Container{Reason: "ImagePullBackOff", Message: `Back-off pulling image "example.test/web:1": ErrImagePull: ` + pull}, true, noImage},
		{"and is held back by an older kubelet", Container{Reason: "ImagePullBackOff", Message: `Back-off pulling image "example.test/web:1"`}, true, "container c has no image: example.test/web:1 cannot be pulled"},
		{"of Docker Hub", Container{Reason: "ErrImagePull", Message: `failed to pull and unpack image "docker.io/a/b:1": failed to resolve reference "docker.io/a/b:1": pull access denied, repository does not exist or may require authorization`}, true, "container c has no image: example.test/web:1 cannot be pulled: pull access denied, repository does not exist or may require authorization"},
		{"name of no image", Container{Reason: "InvalidImageName", Message: `couldn't parse image name "A/b": invalid reference format`}, true, `container c has no image: example.test/web:1 cannot be pulled: couldn't parse image name "A/b": invalid reference format`},
		{"no such program", Container{Reason: "RunContainerError", Message: chain}, true, noProgram},
		{"again", Container{Reason: "CrashLoopBackOff", Last: Termination{Reason: "StartError", Message: chain}, ExitCode: 128}, true, noProgram},
		{"between", Container{State: ContainerTerminated, Reason: "StartError", Message: chain, ExitCode: 128}, false, noProgram},
		{"settings", Container{Reason: "CreateContainerConfigError", Message: `configmap "settings" not found`}, true, `container c cannot be created: configmap "settings" not found`},
		{"root", Container{Reason: "CreateContainerConfigError", Message: `container has runAsNonRoot and image will run as root (pod: "web-1_ns(4d7c)", container: c)`}, true, "container c cannot be created: container has runAsNonRoot and image will run as root"},
		{"crashed once", Container{Reason: "CrashLoopBackOff", RestartCount: 1, ExitCode: 1}, false, "container c crashes again and again (exit code 1)"},
		{"crashes", Container{Reason: "CrashLoopBackOff", RestartCount: 3, ExitCode: 1}, true, "container c crashes again and again (exit code 1)"},
		{"memory", Container{Reason: "CrashLoopBackOff", RestartCount: 1, ExitCode: 137, Last: Termination{Reason: "OOMKilled"}}, true, "container c was killed: it used more memory than its limit"},
		{"memory, once", Container{State: ContainerTerminated, Reason: "OOMKilled", ExitCode: 137}, false, "container c was killed: it used more memory than its limit"},
		{"between two starts", Container{State: ContainerTerminated, Reason: "Error", ExitCode: 3, RestartCount: 3}, true, "container c crashes again and again (exit code 3)"},
		{"before its first", Container{State: ContainerTerminated, Reason: "Error", ExitCode: 3, RestartCount: 2}, false, "container c exited with code 3"},
		{"ends well", Container{Reason: "CrashLoopBackOff", RestartCount: 1, Last: Termination{Reason: "Completed"}}, true, "container c ends again and again (exit code 0)"},
	} {
		p := podWith(test.c)
		if got := p.Rollout(); got.Message != test.want || !got.Failed || p.Stuck() != test.stuck {
			t.Errorf("%s: stuck %v, %+v\nwant %v, %q", test.name, p.Stuck(), got, test.stuck, test.want)
		}
		p.InitContainers, p.Containers = p.Containers, []Container{{Name: "main", State: ContainerWaiting, Reason: "PodInitializing"}}
		if got := p.Rollout().Message; got != "init "+test.want || p.Stuck() != test.stuck {
			t.Errorf("%s, of an init container: stuck %v, %q", test.name, p.Stuck(), got)
		}
	}
}

// TestNoticesTellTheCause: what only the cluster's events say, of the run that
// they are about.
func TestNoticesTellTheCause(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	unhealthy := func(message string, after time.Duration) Notice {
		return Notice{Warning: true, Reason: "Unhealthy", Container: "c", Message: message, At: start.Add(after).Truncate(time.Second)}
	}
	mount := func(message string) Notice {
		return Notice{Warning: true, Reason: "FailedMount", Message: message, At: start}
	}
	runs := Container{State: ContainerRunning, ID: "containerd://1", StartedAt: start}
	loops := Container{Reason: "CrashLoopBackOff", RestartCount: 3, ExitCode: 137, ID: "containerd://1", Last: Termination{Reason: "Error", StartedAt: start}}
	comes := Container{Reason: "ContainerCreating"}
	for _, test := range []struct {
		name  string
		c     Container
		said  []Notice
		stuck bool
		want  string
	}{
		{"nothing", runs, nil, false, "container c runs but is not ready"},
		{"readiness", runs, []Notice{unhealthy("Readiness probe failed: db is away\nat 3:04\n", 0)}, false, "container c runs, but its readiness probe fails: db is away"},
		{"without a word", runs, []Notice{unhealthy("Readiness probe failed: ", 0)}, false, "container c runs, but its readiness probe fails"},
		{"late", runs, []Notice{unhealthy(`Readiness probe errored and resulted in unknown state: rpc error: code = DeadlineExceeded`, 0)}, false, "container c runs, but its readiness probe fails: rpc error: code = DeadlineExceeded"},
		{"startup", runs, []Notice{unhealthy("Startup probe failed: dial tcp 10.1.2.3:80: connect: connection refused", time.Second)}, false, "container c runs, but its startup probe fails: dial tcp 10.1.2.3:80: connect: connection refused"},
		{"of the run before", runs, []Notice{unhealthy("Readiness probe failed: old", -time.Minute)}, false, "container c runs but is not ready"},
		{"of another container", runs, []Notice{{Warning: true, Reason: "Unhealthy", Container: "other", Message: "Readiness probe failed: x", At: start}}, false, "container c runs but is not ready"},
		{"another probe", runs, []Notice{unhealthy("Liveness probe failed: x", 0)}, false, "container c runs but is not ready"},
		{"the last", runs, []Notice{unhealthy("Readiness probe failed: 1", 0), unhealthy("Liveness probe failed: x", 0), unhealthy("Readiness probe failed: 2", time.Second)}, false, "container c runs, but its readiness probe fails: 2"},
		{"liveness", loops, []Notice{unhealthy("Liveness probe failed: HTTP probe failed with statuscode: 503", time.Second)}, true, "container c is started again and again, since its liveness probe fails: HTTP probe failed with statuscode: 503"},
		{"long ago", loops, []Notice{unhealthy("Liveness probe failed: x", -time.Minute)}, true, "container c crashes again and again (exit code 137)"},
		{"volume", comes, []Notice{mount(`MountVolume.SetUp failed for volume "v" : configmap "settings" not found`)}, true, `volume v cannot be mounted: configmap "settings" not found`},
		{"key", comes, []Notice{mount(`MountVolume.SetUp failed for volume "v" : references non-existent secret key: tls.crt`)}, true, "volume v cannot be mounted: references non-existent secret key: tls.crt"},
		{"disk", comes, []Notice{mount(`MountVolume.MountDevice failed for volume "data" : rpc error: code = Internal desc = busy`)}, false, "volume data cannot be mounted: rpc error: code = Internal desc = busy"},
		{"slow", comes, []Notice{mount(`Unable to attach or mount volumes: unmounted volumes=[v]: timed out waiting for the condition`)}, false, "its volumes cannot be mounted: Unable to attach or mount volumes: unmounted volumes=[v]: timed out waiting for the condition"},
		{"it came", runs, []Notice{mount(`MountVolume.SetUp failed for volume "v" : configmap "settings" not found`)}, false, "container c runs but is not ready"},
		{"network", comes, []Notice{{Warning: true, Reason: "FailedCreatePodSandBox", Message: `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "ab": plugin not found`}}, false, "its sandbox cannot be made: plugin not found"},
		{"no complaint", runs, []Notice{{Reason: "Unhealthy", Container: "c", Message: "Readiness probe failed: x", At: start}, {Warning: true, Reason: "BackOff", Container: "c", At: start}}, false, "container c runs but is not ready"},
	} {
		p := podWith(test.c)
		for _, n := range test.said {
			p.Said = Complaints(p.Said, n)
		}
		if got := p.Rollout().Message; got != test.want || p.Stuck() != test.stuck {
			t.Errorf("%s: stuck %v, %q\nwant %v, %q", test.name, p.Stuck(), got, test.stuck, test.want)
		}
	}
}

func TestComplaintsAreBounded(t *testing.T) {
	var said []Notice
	for range 100 {
		for _, probe := range []string{"Readiness", "Liveness", "Startup", "Unknown"} {
			said = Complaints(said, Notice{Warning: true, Reason: "Unhealthy", Message: probe + " probe failed: " + strings.Repeat("x", len(said))})
		}
		said = Complaints(said, Notice{Warning: true, Reason: "FailedMount"})
	}
	if len(said) != 5 {
		t.Errorf("%d complaints are remembered of five kinds", len(said))
	}
}

func TestSchedulerWords(t *testing.T) {
	for words, want := range map[string]string{
		"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.": "0/1 nodes are available: 1 Insufficient cpu",
		`0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available.`:                                         `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector`,
		`0/1 nodes are available: persistentvolumeclaim "gone" not found. not found`:                                                                                 `0/1 nodes are available: persistentvolumeclaim "gone" not found. not found`,
		"no memory": "no memory",
	} {
		if got := schedulerWords(words); got != want {
			t.Errorf("%q: got %q", words, got)
		}
	}
}

func TestLongCausesAreCut(t *testing.T) {
	if got := because(strings.Repeat("é", 400)); len(got) > longest+len(": …") || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes, ending with %q", len(got), got[len(got)-8:])
	}
}

func TestContainerIn(t *testing.T) {
	for field, want := range map[string]string{"spec.containers{web}": "web", "spec.initContainers{seed}": "seed", "spec.ephemeralContainers{debug}": "debug", "": "", "spec": ""} {
		if got := containerIn(field); got != want {
			t.Errorf("%q: got %q", field, got)
		}
	}
}
