package inject

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const theirs = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: n, resourceVersion: "7", annotations: {theirs: "1"}, labels: {app.kubernetes.io/managed-by: Helm}}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: migrate, image: db}]
      containers:
      - {name: web, image: web, command: [serve], args: ["-v"], livenessProbe: {tcpSocket: {port: 80}}, volumeMounts: [{name: data, mountPath: /data}]}
      - {name: side, image: other}
      volumes: [{name: data, emptyDir: {}}]
`

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// merged applies a merge patch (RFC 7386), as the server does.
func merged(t *testing.T, o, patch map[string]any) map[string]any {
	t.Helper()
	var merge func(a, b any) any
	merge = func(a, b any) any {
		patch, ok := b.(map[string]any)
		if !ok {
			return b
		}
		into, _ := a.(map[string]any)
		into = maps.Clone(into)
		if into == nil {
			into = map[string]any{}
		}
		for k, v := range patch {
			if v == nil {
				delete(into, k)
			} else {
				into[k] = merge(into[k], v)
			}
		}
		return into
	}
	data, err := json.Marshal(merge(o, patch)) // what the server has are JSON's types
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(data))
}

func adopt(t *testing.T, o map[string]any) map[string]any {
	t.Helper()
	patch, err := Adopt(o, map[string]Image{"web": {}}, "agent:1", Adopter{WorkspaceID: "ws", Resource: "res"})
	if err != nil {
		t.Fatal(err)
	}
	if patch == nil {
		return nil
	}
	return merged(t, o, patch)
}

// TestAdoptAndRestore: a workload gets the agent, once, and back what it had.
func TestAdoptAndRestore(t *testing.T) {
	before := decoded(t, theirs)
	got := adopt(t, before)
	spec := at(got, "spec", "template", "spec")
	container := spec["containers"].([]any)[0].(map[string]any)
	if texts(container["command"])[0] != "/.towline/bin/towline-agent" || container["livenessProbe"] != nil {
		t.Errorf("container %v", container)
	}
	if args := texts(container["args"]); args[len(args)-2] != "serve" || args[len(args)-1] != "-v" {
		t.Errorf("args %q", args)
	}
	if n := len(spec["initContainers"].([]any)); n != 2 || len(spec["volumes"].([]any)) != 3 || AdoptedBy(got) != "res" {
		t.Errorf("%d init containers, by %q: %v", n, AdoptedBy(got), got)
	}
	if at(got, "metadata", "labels")[LabelAdopted] != "ws" || at(got, "metadata", "labels")["app.kubernetes.io/managed-by"] != "Helm" {
		t.Errorf("labels %v", at(got, "metadata", "labels"))
	}
	if diff := cmp.Diff(at(before, "spec", "template", "metadata"), at(got, "spec", "template", "metadata")); diff != "" {
		t.Errorf("the pods' labels changed:\n%s", diff)
	}
	spec["initContainers"].([]any)[0].(map[string]any)["terminationMessagePath"] = "/a/default/of/the/server"
	if again := adopt(t, got); again != nil {
		t.Error("a second time changes it again")
	}
	patch, err := Restore(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, merged(t, got, patch)); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if patch, err := Restore(before); patch != nil || err != nil {
		t.Errorf("nothing to restore: %v, %v", patch, err)
	}
}

// TestAdoptAfterTheOtherProgramCameAgain: it set the command, and left the
// rest. What it says now counts, for the agent and for what is restored.
func TestAdoptAfterTheOtherProgramCameAgain(t *testing.T) {
	got := adopt(t, decoded(t, theirs))
	container := at(got, "spec", "template", "spec")["containers"].([]any)[0].(map[string]any)
	container["command"], container["image"] = []any{"serve2"}, "web:2"
	delete(container, "args")
	again := adopt(t, got)
	spec := at(again, "spec", "template", "spec")
	if n := len(spec["initContainers"].([]any)); n != 2 || len(spec["volumes"].([]any)) != 3 {
		t.Errorf("%d init containers, volumes %v", n, spec["volumes"])
	}
	if args := texts(spec["containers"].([]any)[0].(map[string]any)["args"]); args[len(args)-1] != "serve2" {
		t.Errorf("args %q", args)
	}
	patch, err := Restore(again)
	if err != nil {
		t.Fatal(err)
	}
	restored := at(merged(t, again, patch), "spec", "template", "spec")["containers"].([]any)[0].(map[string]any)
	if cmd := texts(restored["command"]); len(cmd) != 1 || cmd[0] != "serve2" || restored["image"] != "web:2" || restored["args"] != nil {
		t.Errorf("restored %v", restored)
	}
}

func TestWhatCannotBeAdopted(t *testing.T) {
	job := decoded(t, theirs)
	job["kind"] = "Job"
	if Adoptable(job) || Adoptable(map[string]any{"kind": "Deployment"}) || !Adoptable(decoded(t, theirs)) {
		t.Error("a Job's template cannot be changed, a Deployment's can")
	}
	if _, err := Adopt(decoded(t, theirs), map[string]Image{"nobody": {}}, "agent:1", Adopter{}); err == nil {
		t.Error("no error without a container")
	}
	if _, err := Adopt(decoded(t, theirs), map[string]Image{"side": {}}, "agent:1", Adopter{}); err == nil {
		t.Error("no error for a container of which nobody knows what it runs")
	}
	broken := adopt(t, decoded(t, theirs))
	at(broken, "metadata", "annotations")[Before] = "{"
	if _, err := Restore(broken); err == nil {
		t.Error("no error for an annotation that cannot be read")
	}
	pod := map[string]any{"kind": "Pod", "spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}}
	if got := Containers(pod); got["c"] != "i" {
		t.Errorf("containers of a pod: %v", got)
	}
}

// TestAgentless: images that an object runs where no agent can be, and those that it
// runs to an end.
func TestAgentless(t *testing.T) {
	const init = "spec.template.spec.initContainers.0.image"
	inits := "initContainers: [{name: i, image: app}]\n"
	sidecar := "initContainers: [{name: i, image: app, restartPolicy: Always}]\n"
	app := []string{"app"}
	for name, test := range map[string]struct {
		object          string
		refs            []string
		agent           string
		agentless, ends []string
	}{
		"a container":                       {deployment("", ""), []string{ofDeployment}, "agent:1", nil, nil},
		"no agent":                          {deployment("", ""), []string{ofDeployment}, "", app, nil},
		"also as init container of the pod": {deployment(inits, ""), []string{ofDeployment, init}, "agent:1", nil, nil},
		"an init container alone":           {deployment(inits, "") + "        env: [{name: X}]\n", []string{init}, "agent:1", nil, app},
		"a side car alone":                  {deployment(sidecar, "") + "        env: [{name: X}]\n", []string{init}, "agent:1", app, nil},
		"a job":                             {"kind: Job\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: app}]}}}", []string{ofDeployment}, "agent:1", nil, app},
		"a job that also names it":          {"kind: Job\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: app, env: [{name: I, value: app}]}]}}}", []string{ofDeployment, "spec.template.spec.containers.0.env.0.value"}, "agent:1", app, nil},
		"a cron job":                        {"kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c, image: app}]}}}}}", []string{"spec.jobTemplate.spec.template.spec.containers.0.image"}, "agent:1", nil, app},
		"a pod that is not restarted":       {"kind: Pod\nspec: {restartPolicy: Never, containers: [{name: c, image: app}]}", []string{"spec.containers.0.image"}, "agent:1", app, nil},
		"a pod that is restarted":           {"kind: Pod\nspec: {containers: [{name: c, image: app}]}", []string{"spec.containers.0.image"}, "agent:1", nil, nil},
		"a resource of another kind":        {"kind: Function\nspec: {image: app}", []string{"spec.image"}, "agent:1", app, nil},
		"a variable":                        {deployment("", "env: [{name: IMAGE, value: app}]\n"), []string{"spec.template.spec.containers.0.env.0.value"}, "agent:1", app, nil},
	} {
		o := object(t, test.object)
		for _, path := range test.refs {
			o.ImageRefs = append(o.ImageRefs, imageAt(path))
		}
		opts := options()
		opts.AgentImage = test.agent
		if strings.HasSuffix(name, " alone") {
			delete(at(o.Content, "spec", "template", "spec")["containers"].([]any)[0].(map[string]any), "image")
		}
		r, err := Object(o, opts)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(r.Agentless, test.agentless) || !slices.Equal(r.Ending, test.ends) {
			t.Errorf("%s: without an agent %q, to an end %q; want %q, %q", name, r.Agentless, r.Ending, test.agentless, test.ends)
		}
	}
}
