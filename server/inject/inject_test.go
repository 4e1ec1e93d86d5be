package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/starlark/config"
)

// object decodes YAML as the project does.
func object(t *testing.T, text string, refs ...config.ImageRef) config.Object {
	t.Helper()
	o := config.Object{Key: "it:test", ImageRefs: refs}
	if err := yaml.Unmarshal([]byte(text), &o.Content); err != nil {
		t.Fatal(err)
	}
	return o
}

// imageAt is where an object names the image app.
func imageAt(path string) config.ImageRef {
	return config.ImageRef{Ref: "app", Path: strings.Split(path, ".")}
}

// options has the image app, with an entrypoint and a command of its own.
func options() Options {
	return Options{
		WorkspaceID: "w1", Resource: "web", AgentImage: "reg/agent:1",
		Images: map[string]Image{"app": {
			Spec: config.Image{Ref: "app"}, Pushed: "reg:5000/app:1", Entrypoint: []string{"/entry"}, Cmd: []string{"image-arg"},
		}},
	}
}

// deployment has the given lines in its pod's spec, and one container with the
// given lines.
func deployment(pod, container string) string {
	return "kind: Deployment\nspec:\n  template:\n    spec:\n" + indent(6, pod) +
		"      containers:\n      - name: c\n        image: app\n" + indent(8, container)
}

func indent(n int, text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.Repeat(" ", n) + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}

const ofDeployment = "spec.template.spec.containers.0.image"

// rewrite rewrites a deployment and returns its pod's spec and the container.
func rewrite(t *testing.T, pod, container string, opts Options) (Result, map[string]any, map[string]any) {
	t.Helper()
	r, err := Object(object(t, deployment(pod, container), imageAt(ofDeployment)), opts)
	if err != nil {
		t.Fatal(err)
	}
	spec := at(r.Object, "spec", "template", "spec")
	return r, spec, spec["containers"].([]any)[0].(map[string]any)
}

func TestImagePaths(t *testing.T) {
	tests := []struct {
		name, text string
		ref        config.ImageRef
		want       string // YAML of the object
		fails      string
	}{
		{"a field", "spec: {image: app}", imageAt("spec.image"), "spec: {image: 'reg:5000/app:1'}", ""},
		{"an element", "args: [x, app]", imageAt("args.1"), "args: [x, 'reg:5000/app:1']", ""},
		{
			"repository and tag", "spec: {img: {repo: app, tag: dev, pull: Always}}",
			config.ImageRef{Ref: "app", Path: []string{"spec", "img"}, RepoField: "repo", TagField: "tag"},
			"spec: {img: {repo: 'reg:5000/app', tag: '1', pull: Always}}", "",
		},
		{"an image that was not built", "spec: {image: other}", config.ImageRef{Ref: "other", Path: []string{"spec", "image"}}, "spec: {image: other}", ""},
		{"an element that is not there", "args: [x]", imageAt("args.1"), "", "no element 1"},
		{"a field of a text", "args: x", imageAt("args.image"), "", "no field image"},
		{"a field of an element that is not there", "args: []", imageAt("args.0.image"), "", "no element 0"},
		{"no path", "args: x", config.ImageRef{Ref: "app"}, "", "empty"},
		{
			"repository in a text", "img: app",
			config.ImageRef{Ref: "app", Path: []string{"img"}, RepoField: "repo", TagField: "tag"}, "", "repository and tag",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Object(object(t, test.text, test.ref), options())
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) || !strings.Contains(err.Error(), "it:test") {
					t.Errorf("error = %v, want %q and the object", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, test.want).Content, r.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if r.Template != "" || len(r.Containers) > 0 {
				t.Errorf("an object without a pod has template %q and containers %v", r.Template, r.Containers)
			}
		})
	}
}

func TestSplitTag(t *testing.T) {
	for ref, want := range map[string][2]string{
		"a": {"a", "latest"}, "a:1": {"a", "1"}, "h:5000/a": {"h:5000/a", "latest"}, "h:5000/a:1": {"h:5000/a", "1"},
	} {
		if repo, tag := splitTag(ref); repo != want[0] || tag != want[1] {
			t.Errorf("splitTag(%s) = %s, %s, want %v", ref, repo, tag, want)
		}
	}
}

// TestWhatTheAgentRuns holds the kubelet's rules: a command replaces the
// image's entrypoint and its arguments, args replace its arguments, an empty
// list is none, and $(NAME) is expanded in what the object says, not in what
// the image says.
func TestWhatTheAgentRuns(t *testing.T) {
	tests := []struct {
		name, container string
		image           config.Image
		entry, cmd      []string // of the image
		want            []string
		fails           bool
	}{
		{"the image's", "", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/e", "a"}, false},
		{"the image's command alone", "", config.Image{}, nil, []string{"sh", "-c", "x"}, []string{"sh", "-c", "x"}, false},
		{"args", "args: [b, '1']", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/e", "b", "1"}, false},
		{"command", "command: [/c]", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/c"}, false},
		{"command and args", "command: [/c]\nargs: [b]", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/c", "b"}, false},
		{"no args is not said", "args: []", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/e", "a"}, false},
		{"no command is not said", "command: []\nargs: [b]", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/e", "b"}, false},
		{"null", "command: null\nargs: null", config.Image{}, []string{"/e"}, []string{"a"}, []string{"/e", "a"}, false},
		{"docker_build's entrypoint", "command: [/c]\nargs: [b]", config.Image{Entrypoint: []string{"/o"}}, []string{"/e"}, []string{"a"}, []string{"/o", "b"}, false},
		{"its entrypoint and no args", "command: [/c]", config.Image{Entrypoint: []string{"/o"}}, []string{"/e"}, []string{"a"}, []string{"/o"}, false},
		{"its container_args are none", "args: [b]", config.Image{Entrypoint: []string{"/o"}, HasContainerArgs: true}, nil, nil, []string{"/o"}, false},
		{"its container_args", "args: [b]", config.Image{HasContainerArgs: true, ContainerArgs: []string{"z"}}, []string{"/e"}, nil, []string{"/e", "z"}, false},
		{"both", "args: [b]", config.Image{Entrypoint: []string{"/o"}, HasContainerArgs: true, ContainerArgs: []string{"z"}}, nil, nil, []string{"/o", "z"}, false},
		{"docker_build_with_restart and args", "args: [b]", config.Image{RestartEntrypoint: []string{"/r", "x"}}, nil, nil, []string{"/r", "x", "b"}, false},
		{"docker_build_with_restart", "command: [/c]", config.Image{RestartEntrypoint: []string{"/r", "x"}}, nil, nil, []string{"/r", "x"}, false},
		{"a dollar of the image", "", config.Image{}, []string{"sh", "-c"}, []string{"echo $$ $(HOME)"}, []string{"sh", "-c", "echo $$$$ $$(HOME)"}, false},
		{"a dollar of the object", "command: [echo, $(HOME)]", config.Image{}, nil, nil, []string{"echo", "$(HOME)"}, false},
		{"nothing", "", config.Image{LiveUpdate: []config.Step{{}}}, nil, nil, nil, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			opts := options()
			test.image.Ref = "app"
			opts.Images["app"] = Image{Spec: test.image, Pushed: "p:1", Entrypoint: test.entry, Cmd: test.cmd}
			if test.fails {
				_, err := Object(object(t, deployment("", test.container), imageAt(ofDeployment)), opts)
				if err == nil || !strings.Contains(err.Error(), "ENTRYPOINT") {
					t.Errorf("error = %v, want one that names the next step", err)
				}
				return
			}
			r, _, c := rewrite(t, "", test.container, opts)
			got := append(texts(c["command"]), texts(c["args"])...)
			if diff := cmp.Diff(client.InitCommand("c", client.InitOptions{}, test.want), got); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
			if len(texts(c["command"])) != 1 {
				t.Errorf("command = %v, want the agent alone", c["command"])
			}
			if diff := cmp.Diff(map[string]string{"c": "app"}, r.Containers); diff != "" {
				t.Errorf("containers (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhoIsSupervised says which pods get the agent. The others get their
// images and labels.
func TestWhoIsSupervised(t *testing.T) {
	template := "template: {spec: {%s containers: [{name: c, image: app}]}}"
	always, never := fmt.Sprintf(template, ""), fmt.Sprintf(template, "restartPolicy: Never,")
	const inTemplate = "spec.template.spec.containers.0.image"
	tests := []struct {
		kind, spec, path string
		pod              string // path of the pod's spec
		want             bool
	}{
		{"Deployment", always, inTemplate, "spec.template.spec", true},
		{"StatefulSet", always, inTemplate, "spec.template.spec", true},
		{"DaemonSet", always, inTemplate, "spec.template.spec", true},
		{"ReplicaSet", always, inTemplate, "spec.template.spec", true},
		{"ReplicationController", always, inTemplate, "spec.template.spec", true},
		{"Job", never, inTemplate, "spec.template.spec", false},
		{"Job", always, inTemplate, "spec.template.spec", false},
		{"CronJob", "jobTemplate: {spec: {" + never + "}}", "spec.jobTemplate.spec.template.spec.containers.0.image", "spec.jobTemplate.spec.template.spec", false},
		{"Rollout", always, inTemplate, "spec.template.spec", false}, // unknown: its owner may not stand it
		{"Pod", "containers: [{name: c, image: app}]", "spec.containers.0.image", "spec", true},
		{"Pod", "restartPolicy: OnFailure, containers: [{name: c, image: app}]", "spec.containers.0.image", "spec", false},
		{"Pod", "restartPolicy: Always, containers: [{name: c, image: app}]", "spec.containers.0.image", "spec", true},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			o := object(t, "kind: "+test.kind+"\nspec: {"+test.spec+"}", imageAt(test.path))
			r, err := Object(o, options())
			if err != nil {
				t.Fatal(err)
			}
			pod := at(r.Object, strings.Split(test.pod, ".")...)
			container := pod["containers"].([]any)[0].(map[string]any)
			_, installed := pod["initContainers"]
			_, changed := container["command"]
			if installed != test.want || changed != test.want || (len(r.Containers) > 0) != test.want {
				t.Errorf("installer %v, command %v, containers %v, want %v", installed, changed, r.Containers, test.want)
			}
			if container["image"] != "reg:5000/app:1" || r.Template == "" {
				t.Errorf("image = %v, template %q", container["image"], r.Template)
			}
		})
	}
}

// TestRestOfThePodIsUntouched has other containers, init containers and
// volumes beside the image's.
func TestRestOfThePodIsUntouched(t *testing.T) {
	text := `kind: Deployment
metadata: {name: web, labels: {mine: x}}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
      - {name: migrate, image: app, command: [/migrate]}
      containers:
      - {name: sidecar, image: envoy, livenessProbe: {tcpSocket: {port: 1}}}
      - name: c
        image: app
        env: [{name: A, value: b}]
        livenessProbe: {tcpSocket: {port: 1}}
        startupProbe: {tcpSocket: {port: 1}}
        readinessProbe: {tcpSocket: {port: 1}}
        resources: {limits: {memory: 64Mi}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
`
	o := object(t, text, imageAt("spec.template.spec.containers.1.image"), imageAt("spec.template.spec.initContainers.0.image"))
	before, err := json.Marshal(o.Content)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Object(o, options())
	if err != nil {
		t.Fatal(err)
	}
	if after, err := json.Marshal(o.Content); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the project's object was changed: %s %v", after, err)
	}
	argv := anys(client.InitCommand("c", client.InitOptions{}, []string{"/entry", "image-arg"})[1:])
	want := object(t, `kind: Deployment
metadata: {name: web, labels: {mine: x}}
spec:
  template:
    metadata: {labels: {app: web, towline.dev/workspace: w1, towline.dev/resource: web, towline.dev/template: `+"'"+r.Template+"'"+`}}
    spec:
      initContainers:
      - name: towline-agent
        image: reg/agent:1
        imagePullPolicy: IfNotPresent
        resources: {limits: {memory: 64Mi}}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          capabilities: {drop: [ALL]}
          seccompProfile: {type: RuntimeDefault}
        volumeMounts: [{name: towline-bin, mountPath: `+wire.BinDir+`}]
      - {name: migrate, image: 'reg:5000/app:1', command: [/migrate]}
      containers:
      - {name: sidecar, image: envoy, livenessProbe: {tcpSocket: {port: 1}}}
      - name: c
        image: reg:5000/app:1
        command: [`+wire.BinPath+`]
        env: [{name: A, value: b}]
        readinessProbe: {tcpSocket: {port: 1}}
        resources: {limits: {memory: 64Mi}}
        volumeMounts:
        - {name: data, mountPath: /data}
        - {name: towline-bin, mountPath: `+wire.BinDir+`, readOnly: true}
        - {name: towline-run-0, mountPath: `+wire.RunRoot+`}
      volumes:
      - {name: data, emptyDir: {}}
      - {name: towline-run-0, emptyDir: {}}
      - {name: towline-bin, emptyDir: {}}
`).Content
	spec := at(want, "spec", "template", "spec")
	spec["containers"].([]any)[1].(map[string]any)["args"] = argv
	installer := spec["initContainers"].([]any)[0].(map[string]any)
	installer["command"] = anys(client.InstallCommand())
	installer["securityContext"].(map[string]any)["runAsUser"] = int64(agentUser)
	if diff := cmp.Diff(want, r.Object); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

// TestInstallerAsksForNoMoreThanThePod varies the pod's security context. The
// container's own stays as it is.
func TestInstallerAsksForNoMoreThanThePod(t *testing.T) {
	own := "securityContext: {runAsUser: 7, readOnlyRootFilesystem: true, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, seccompProfile: {type: Localhost, localhostProfile: p}}"
	tests := []struct {
		pod     string
		user    string // of the installer, "<nil>": the pod's
		nonRoot bool
	}{
		{"", "65532", true},
		{"securityContext: {}", "65532", true},
		{"securityContext: {runAsNonRoot: true}", "65532", true},
		{"securityContext: {fsGroup: 5}", "65532", true},
		{"securityContext: {runAsUser: 1000}", "<nil>", true},
		{"securityContext: {runAsUser: 0}", "<nil>", false},
	}
	for _, test := range tests {
		_, spec, c := rewrite(t, test.pod, own, options())
		want := object(t, deployment(test.pod, own)).Content
		wantSpec := at(want, "spec", "template", "spec")
		if diff := cmp.Diff(wantSpec["securityContext"], spec["securityContext"]); diff != "" {
			t.Errorf("%q: the pod's context (-want +got):\n%s", test.pod, diff)
		}
		if diff := cmp.Diff(wantSpec["containers"].([]any)[0].(map[string]any)["securityContext"], c["securityContext"]); diff != "" {
			t.Errorf("%q: the container's context (-want +got):\n%s", test.pod, diff)
		}
		ctx := at(spec["initContainers"].([]any)[0].(map[string]any), "securityContext")
		if fmt.Sprint(ctx["runAsUser"]) != test.user || ctx["runAsNonRoot"] != test.nonRoot {
			t.Errorf("%q: the installer runs as %v, non-root %v, want %s, %v", test.pod, ctx["runAsUser"], ctx["runAsNonRoot"], test.user, test.nonRoot)
		}
		if ctx["allowPrivilegeEscalation"] != false || ctx["readOnlyRootFilesystem"] != true {
			t.Errorf("%q: the installer asks for %v", test.pod, ctx)
		}
	}
}

func TestNoAgentImageNoAgent(t *testing.T) {
	opts := options()
	opts.AgentImage = ""
	opts.Images["app"] = Image{Spec: config.Image{Ref: "app", Entrypoint: []string{"/o"}}, Pushed: "p:1"}
	r, spec, c := rewrite(t, "", "livenessProbe: {}", opts)
	if spec["initContainers"] != nil || c["livenessProbe"] == nil || len(r.Containers) > 0 {
		t.Errorf("the pod was changed: %v", spec)
	}
	if diff := cmp.Diff([]any{"/o"}, c["command"]); diff != "" {
		t.Errorf("docker_build's entrypoint (-want +got):\n%s", diff)
	}
}

// TestOtherObjectsAreUntouched has objects without pods, however much they
// look like it.
func TestOtherObjectsAreUntouched(t *testing.T) {
	for _, text := range []string{
		"kind: Secret\nmetadata: {name: s}\ndata: {app: YXBw}\nstringData: {image: app}",
		"kind: ConfigMap\nmetadata: {name: s, labels: {a: b}}\ndata: {spec: '{\"template\": 1}'}",
		"kind: Service\nspec: {selector: {app: web}, template: x}",
		"kind: Thing\nspec: {template: {spec: {containers: none}}}",
		"kind: Deployment\nspec: {}",
	} {
		o := object(t, text)
		r, err := Object(o, options())
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(o.Content, r.Object); diff != "" || r.Template != "" {
			t.Errorf("%s: template %q, object (-want +got):\n%s", text, r.Template, diff)
		}
	}
}

// TestSameInputSameBytes is what spares an apply, and so a rollout.
func TestSameInputSameBytes(t *testing.T) {
	var first []byte
	template := ""
	for i := range 50 {
		opts := options()
		for k := range 20 {
			ref := fmt.Sprintf("other-%d", k)
			opts.Images[ref] = Image{Spec: config.Image{Ref: ref}, Pushed: ref + ":1"}
		}
		r, _, _ := rewrite(t, "securityContext: {runAsUser: 1}", "env: [{name: A, value: b}]", opts)
		data, err := json.Marshal(r.Object)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first, template = data, r.Template
		} else if !bytes.Equal(first, data) || template != r.Template {
			t.Fatalf("another result:\n%s\n%s", first, data)
		}
	}
}

// TestTemplateHashTellsPodsApart changes the object in ways that do, or do
// not, make other pods of it.
func TestTemplateHashTellsPodsApart(t *testing.T) {
	hash := func(edit func(map[string]any, *Options)) string {
		o, opts := object(t, deployment("", ""), imageAt(ofDeployment)), options()
		edit(o.Content, &opts)
		r, err := Object(o, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := at(r.Object, "spec", "template", "metadata", "labels")[LabelTemplate]; got != r.Template {
			t.Errorf("label %v, template %s", got, r.Template)
		}
		return r.Template
	}
	base := hash(func(map[string]any, *Options) {})
	if got := hash(func(o map[string]any, _ *Options) { at(o, "spec")["replicas"] = int64(3) }); got != base {
		t.Error("another number of replicas is another template")
	}
	edits := map[string]func(map[string]any, *Options){
		"image": func(_ map[string]any, o *Options) {
			img := o.Images["app"]
			img.Pushed = "reg:5000/app:2"
			o.Images["app"] = img
		},
		"agent":    func(_ map[string]any, o *Options) { o.AgentImage = "reg/agent:2" },
		"resource": func(_ map[string]any, o *Options) { o.Resource = "other" },
		"pod":      func(o map[string]any, _ *Options) { at(o, "spec", "template", "spec")["nodeName"] = "n" },
	}
	for name, edit := range edits {
		if hash(edit) == base {
			t.Errorf("another %s is the same template", name)
		}
	}
}

// TestEachContainerHasItsOwnPlace: the folder in which an agent listens for its
// key is mounted into no other container.
func TestEachContainerHasItsOwnPlace(t *testing.T) {
	o := object(t, `kind: Pod
spec:
  containers:
  - {name: a, image: app, securityContext: {runAsUser: 1000}}
  - {name: other, image: envoy}
  - {name: b, image: app, securityContext: {runAsUser: 2000}}
`, imageAt("spec.containers.0.image"), imageAt("spec.containers.2.image"))
	r, err := Object(o, options())
	if err != nil {
		t.Fatal(err)
	}
	users := map[any][]any{}
	for _, c := range at(r.Object, "spec")["containers"].([]any) {
		container := c.(map[string]any)
		mounts, _ := container["volumeMounts"].([]any)
		for _, m := range mounts {
			if mount := m.(map[string]any); mount["mountPath"] == wire.RunRoot {
				users[mount["name"]] = append(users[mount["name"]], container["name"])
			}
		}
	}
	if diff := cmp.Diff(map[any][]any{"towline-run-0": {"a"}, "towline-run-1": {"b"}}, users); diff != "" {
		t.Errorf("who has which folder (-want +got):\n%s", diff)
	}
	defined := map[any]bool{}
	for _, v := range at(r.Object, "spec")["volumes"].([]any) {
		defined[v.(map[string]any)["name"]] = true
	}
	for name := range users {
		if !defined[name] {
			t.Errorf("volume %v is not defined", name)
		}
	}
}

// TestWaitsForTheDaemon says which images cannot run before they were synced.
func TestWaitsForTheDaemon(t *testing.T) {
	initial := config.Step{Kind: config.StepInitialSync}
	sync := func(remote string) config.Step {
		return config.Step{Kind: config.StepSync, Local: "/src", Remote: remote}
	}
	for name, test := range map[string]struct {
		steps []config.Step
		mount string
		want  bool
	}{
		"over the folder":       {[]config.Step{initial, sync("/app")}, "{name: empty, mountPath: /app}", true},
		"over one above":        {[]config.Step{initial, sync("/srv"), sync("/app/src/")}, "{name: empty, mountPath: /app/}", true},
		"in the folder":         {[]config.Step{initial, sync("/app")}, "{name: empty, mountPath: /app/cache}", false},
		"of a like name":        {[]config.Step{initial, sync("/application")}, "{name: empty, mountPath: /app}", false},
		"no initial sync":       {[]config.Step{sync("/app")}, "{name: empty, mountPath: /app}", false},
		"what is no empty one":  {[]config.Step{initial, sync("/app")}, "{name: kept, mountPath: /app}", false},
		"nothing mounted there": {[]config.Step{initial, sync("/app")}, "{name: empty, mountPath: /tmp}", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := object(t, `kind: Pod
spec:
  containers:
  - {name: c, image: app, volumeMounts: [`+test.mount+`]}
  volumes: [{name: empty, emptyDir: {}}, {name: kept, persistentVolumeClaim: {claimName: kept}}]
`, imageAt("spec.containers.0.image"))
			opts := options()
			img := opts.Images["app"]
			img.Spec.LiveUpdate = test.steps
			opts.Images["app"] = img
			r, err := Object(o, opts)
			if err != nil {
				t.Fatal(err)
			}
			container := at(r.Object, "spec")["containers"].([]any)[0].(map[string]any)
			if got := slices.Contains(texts(container["args"]), "--no-start"); got != test.want {
				t.Errorf("waits: %v, want %v: %v", got, test.want, container["args"])
			}
		})
	}
}

// TestWithoutSettingsOfItsImage: an image that cannot be read runs as it is,
// where nothing is synced into it.
func TestWithoutSettingsOfItsImage(t *testing.T) {
	opts := options()
	opts.Images["app"] = Image{Spec: config.Image{Ref: "app"}, Pushed: "p:1"}
	r, spec, c := rewrite(t, "", "", opts)
	if len(r.Containers) > 0 || spec["initContainers"] != nil || c["command"] != nil || c["image"] != "p:1" {
		t.Errorf("%+v, container %v", r, c)
	}
}

// TestStatefulSetIsReplacedAtOnce, unless its order is said, or nothing of it
// is ours.
func TestStatefulSetIsReplacedAtOnce(t *testing.T) {
	for policy, want := range map[string]any{"": "Parallel", "podManagementPolicy: OrderedReady\n": "OrderedReady"} {
		text := strings.Replace(deployment("", ""), "kind: Deployment\nspec:\n", "kind: StatefulSet\nspec:\n"+indent(2, policy), 1)
		r, err := Object(object(t, text, imageAt(ofDeployment)), options())
		if err != nil || at(r.Object, "spec")["podManagementPolicy"] != want {
			t.Errorf("%q: %v, %v", policy, at(r.Object, "spec")["podManagementPolicy"], err)
		}
		r, err = Object(object(t, text), Options{})
		if got := at(r.Object, "spec")["podManagementPolicy"]; err != nil || got == "Parallel" {
			t.Errorf("%q, nothing of ours: %v, %v", policy, got, err)
		}
	}
}
