package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// serveShop serves a project that is up, of a pod, a server and a service.
func serveShop(t *testing.T) {
	pos := config.Position{File: "/w/Tiltfile", Line: 3}
	s := api.Status{Up: true, Resources: []api.ResourceStatus{
		{Name: "web", Kind: config.KindK8s, State: api.StateReady, Text: "ready · in sync", Labels: []string{"front"}, Pos: pos,
			Images:   []api.ImageStatus{{Ref: "shop/web", Pushed: "reg/shop/web:1"}},
			Targets:  []api.Target{{Namespace: "dev", Pod: "web-1", Container: "app", Ready: true, Agent: true, Pid: 7, Process: "running", Sync: api.SyncInSync}},
			Forwards: []api.Forward{{Local: "127.0.0.1:8080", Remote: 80, URL: "http://127.0.0.1:8080"}, {Local: "127.0.0.1:9090", Remote: 90, Problem: "in use by postgres"}}},
		{Name: "site", Kind: config.KindLocal, State: api.StateCrashed, Text: "crashed: exit status 3: no such table", Pos: pos,
			Problem: &config.Problem{Message: "exit status 3: no such table", Hint: "look at its log"},
			Buttons: []config.Button{{Name: "seed", Text: "Seed It", Resource: "web"}}},
		{Name: "pods", Kind: config.KindLocal, State: api.StateReady, Text: "ready"},
	}}
	p := config.Project{
		Resources: []config.Resource{
			{Name: "web", Kind: config.KindK8s, Images: []string{"shop/web"}, ResourceDeps: []string{"site"}},
			{Name: "site", Kind: config.KindLocal, TriggerMode: config.TriggerManual, Local: &config.Local{ServeCmd: config.Command{Argv: []string{"serve", "a b"}}, Deps: []string{"/w/site"}}},
		},
		Images: []config.Image{{Ref: "shop/web", LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w/web", Remote: "/app"}}}},
		YAML:   []config.Object{{Resource: "web", Source: "/w/k8s.yaml", Line: 9, Content: map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": "web"}}}},
	}
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case api.RouteStatus:
			_ = json.NewEncoder(w).Encode(s)
		case api.RouteProject:
			_, _ = w.Write(p.AppendJSON(nil))
		case api.RouteLogs:
			for _, level := range []string{"", "error", "fatal"} {
				_ = json.NewEncoder(w).Encode(api.LogLine{Time: time.Now(), Resource: "site", Level: level, Text: "a line of level " + level})
			}
		}
	})
}

// printed is what a command writes to standard output.
func printed(t *testing.T, args string) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	root := rootCommand()
	root.SetArgs(strings.Split(args, " ")) // the last may be empty
	root.SetOut(w)
	read := make(chan string)
	go func() {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r)
		read <- b.String()
	}()
	err = root.ExecuteContext(t.Context())
	os.Stdout = before
	w.Close()
	return <-read, err
}

func TestGet(t *testing.T) {
	serveShop(t)
	for args, want := range map[string][]string{
		"get":                        {"NAME  KIND   STATE", "web   k8s    ready", "site  local  crashed"},
		"get site":                   {"site  local"},
		"get -o wide --label front":  {"LABELS", "front", "/w/Tiltfile:3"},
		"get -o name":                {"web\nsite\npods\n"},
		"get pod web":                {"web-1  app        web       true"},
		"get pods":                   {"pods  local"}, // a resource of that name is meant
		"get image -o wide":          {"shop/web  web       reg/shop/web:1"},
		"get forwards -o json":       {`"local": "127.0.0.1:8080"`, `"problem": "in use by postgres"`},
		"get forwards -o yaml":       {"- local: 127.0.0.1:8080\n  remote: 80\n"},
		"get objects":                {"Deployment/web  web"},
		"describe web":               {"Depends on:  site", "shop/web → reg/shop/web:1", "Deployment/web  /w/k8s.yaml:9", "app: running, ready; process 7 running, in-sync", "/w/web → /app", "127.0.0.1:9090 → 90  in use by postgres"},
		"describe site":              {"Problem:     exit status 3: no such table\nNext:        look at its log", "Serves:      serve 'a b'", "Updates:     when it is triggered", "/w/site", "a line of level error", "a line of level fatal"},
		"describe site --json":       {`"state": "crashed"`, `"serve_cmd"`},
		"version --json":             {`"version":"dev"`},
		"__complete exec ":           {"web\tready · in sync\nsite\t"},
		"__complete trigger web s":   {"site\t"},
		"__complete exec web -c ":    {"app\n"},
		"__complete status --label ": {"front\n"},
		"__complete button ":         {"seed\tSeed It\nweb\n"},
		"__complete button web ":     {"seed\tSeed It\n"},
	} {
		got, err := printed(t, args)
		for _, text := range want {
			if !strings.Contains(got, text) || err != nil {
				t.Errorf("%s: %v, lacks %q:\n%s", args, err, text, got)
			}
		}
	}
	if got, _ := printed(t, "describe site"); strings.Contains(got, "Pods:") || strings.Contains(got, "a line of level \n") {
		t.Errorf("a local resource: %s", got)
	}
}

// TestInsideRefuses what has no container, or is not said clearly.
func TestInsideRefuses(t *testing.T) {
	serveShop(t)
	for args, want := range map[string]string{
		"exec": "which resource is not said", "exec web": "which command to run is not said", "shell web sh": "shell takes one resource",
		"exec site -- true": "site runs on this machine", "exec nope -- true": `there is no resource "nope"`, "shell s*": "site runs on this machine",
		"exec * -- true": `"*" is 3 resources, and one is meant`, "shell web": "not up in a cluster", "get -o xml": `-o cannot be "xml"`, "describe": "lacks its arguments",
	} {
		_, err := printed(t, args)
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// TestChooseContainer: the newest ready pod comes first; of its containers one
// that runs, and rather one that the Tiltfile builds.
func TestChooseContainer(t *testing.T) {
	run, wait := kube.ContainerRunning, kube.ContainerWaiting
	pod := kube.Pod{Name: "web-1", Namespace: "dev", Containers: []kube.Container{
		{Name: "proxy", Image: "envoy", State: run}, {Name: "app", Image: "reg/shop/web:1", State: run},
		{Name: "old", State: wait, Reason: "CrashLoopBackOff", RestartCount: 2, ExitCode: 3},
	}}
	for _, test := range []struct {
		at      inside
		targets []api.Target
		pods    []kube.Pod
		want    string
	}{
		{inside{}, []api.Target{{Pod: "web-1", Container: "app"}}, []kube.Pod{pod}, "web-1 app"},
		{inside{}, []api.Target{{Pod: "web-0", Container: "app"}}, []kube.Pod{pod}, "web-1 proxy"},
		{inside{}, nil, []kube.Pod{pod}, "web-1 proxy"},
		{inside{container: "app"}, nil, []kube.Pod{pod}, "web-1 app"},
		{inside{pod: "web-0"}, nil, []kube.Pod{pod, {Name: "web-0", Containers: pod.Containers[:1]}}, "web-0 proxy"},
		{inside{pod: "web-9"}, nil, []kube.Pod{pod}, `web has no pod "web-9"`},
		{inside{container: "x"}, nil, []kube.Pod{pod}, `pod web-1 has no container "x"`},
		{inside{container: "old"}, nil, []kube.Pod{pod}, "container old of pod web-1 does not run: waits: it crashes again and again, and is started again after a pause (last exit code 3)"},
		{inside{}, nil, []kube.Pod{{Name: "web-2", Containers: pod.Containers[2:]}}, "no container of pod web-2 runs"},
		{inside{}, nil, nil, "web has no pod"},
	} {
		o, err := test.at.choose(&api.ResourceStatus{Name: "web", Targets: test.targets}, test.pods)
		got := o.Pod + " " + o.Container
		if p := new(config.Problem); errors.As(err, &p) {
			got = p.Message
		}
		if got != test.want {
			t.Errorf("%+v: got %q, want %q", test.at, got, test.want)
		}
	}
}

// TestDescribedCrash: what has ended has no number and is not ready, though its
// container, which the agent keeps, is.
func TestDescribedCrash(t *testing.T) {
	pod := kube.Pod{Name: "api-1", Containers: []kube.Container{{Name: "app", State: kube.ContainerRunning, Ready: true}, {Name: "side", State: kube.ContainerRunning, Ready: true}}}
	d := description{r: &api.ResourceStatus{Targets: []api.Target{{Pod: "api-1", Container: "app", Agent: true, Process: "backoff (exit code 2)", Sync: api.SyncInSync}}}}
	got := d.pod(&pod)
	for _, want := range []string{"1/2 ready", "app: running, not ready; process backoff (exit code 2), in-sync", "side: running, ready"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}
