package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/server/run/rollout"
	"github.com/towline-dev/towline/starlark/config"
)

// cluster is a Cluster, an Owner and a rollout.Kube that writes down what it
// is asked to do.
type cluster struct {
	mu      sync.Mutex
	did     []string
	slow    time.Duration     // of an apply
	refuse  error             // of the next apply
	options kube.ApplyOptions // of the last apply
	owned   []map[string]any
	there   []kube.Applied // what Current answers
	labels  []map[string]any
	patch   []map[string]any
	busy    int // patches that somebody else is quicker than
	others  []map[string]any
	hidden  error // of Others
	stuck   error // of Pause, Resume and HandBack
}

func (c *cluster) note(what string, objects []map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range objects {
		what += " " + kube.RefOf(o).Name
	}
	c.did = append(c.did, what)
}

func (c *cluster) Apply(ctx context.Context, objects []map[string]any, o kube.ApplyOptions) ([]kube.Applied, error) {
	c.note("apply", objects)
	c.options = o
	select {
	case <-ctx.Done():
		c.note("cancelled", nil)
		return nil, ctx.Err()
	case <-time.After(c.slow):
	}
	if err := c.refuse; err != nil {
		return nil, err
	}
	var applied []kube.Applied
	for _, object := range objects {
		ref := kube.RefOf(object)
		o.Progress(kube.Progress{Object: ref, Action: kube.Created})
		o.Progress(kube.Progress{Object: ref, Action: kube.Unchanged})
		o.Progress(kube.Progress{Object: ref, Action: kube.Waiting, Message: "for its end"})
		applied = append(applied, kube.Applied{Ref: ref, Content: object})
	}
	c.note("applied", objects)
	return applied, nil
}

func (c *cluster) Delete(_ context.Context, objects []map[string]any, _ kube.DeleteOptions) error {
	c.note("delete", objects)
	return nil
}

func (c *cluster) Current(_ context.Context, objects []map[string]any) ([]kube.Applied, error) {
	c.note("current", objects)
	if c.refuse != nil {
		return nil, c.refuse
	}
	current := slices.Clone(c.there)
	if current == nil {
		for _, o := range objects {
			current = append(current, kube.Applied{Ref: kube.RefOf(o), Content: ours(o)})
		}
	}
	return current, nil
}

// ours is an object as the workspace has applied it.
func ours(o map[string]any) map[string]any {
	u := (&unstructured.Unstructured{Object: o}).DeepCopy()
	labels := map[string]string{kube.LabelManagedBy: "towline", kube.LabelWorkspace: "ws"}
	maps.Copy(labels, u.GetLabels())
	u.SetLabels(labels)
	return u.Object
}

func (c *cluster) Patch(_ context.Context, object, patch map[string]any) (kube.Applied, error) {
	c.note("patch", []map[string]any{object})
	if c.busy > 0 {
		c.busy--
		return kube.Applied{}, &kube.Error{Kind: kube.Conflict, Op: "changing", Err: errors.New("modified")}
	}
	c.patch = append(c.patch, patch)
	return kube.Applied{Ref: kube.RefOf(object), Generation: 9, Content: object}, nil
}

func (c *cluster) Labelled(context.Context, string) ([]map[string]any, error) {
	return slices.Clone(c.labels), nil
}

func (c *cluster) Others(context.Context, string) ([]map[string]any, error) {
	return c.others, c.hidden
}

func (c *cluster) Owned(context.Context, string) ([]map[string]any, error) {
	if c.owned == nil {
		return nil, errors.New("cut")
	}
	return c.owned, nil
}

func (c *cluster) Identity() kube.Identity { return kube.Identity{Namespace: "dev"} }

func (c *cluster) Watch(ctx context.Context, _, _ string, _ func(kube.Event)) error {
	<-ctx.Done()
	return nil
}

func (c *cluster) WatchKind(ctx context.Context, _ kube.Ref, _ string, _ func(kube.Event)) error {
	<-ctx.Done()
	return nil
}

func (c *cluster) Logs(context.Context, kube.LogOptions, func(kube.LogLine)) error { return nil }

// images are Images with one agent.
type images struct{ err error }

func (images) Built(ref string) build.Result {
	return build.Result{Ref: ref + ":1", Config: build.ImageConfig{Entrypoint: []string{"/app"}}}
}
func (images) Config(context.Context, string) (build.ImageConfig, error) {
	return build.ImageConfig{Cmd: []string{"/serve"}}, nil
}
func (i images) Agent(_ context.Context, near string) (string, error) {
	return "agent-near-" + near, i.err
}

// bench is a Deployer and what it told.
type bench struct {
	*Deployer
	t       *testing.T
	cluster *cluster

	mu     sync.Mutex
	events []string
	lines  []string
}

func newBench(t *testing.T, images images) *bench {
	b := &bench{t: t, cluster: &cluster{}}
	add := func(list *[]string, text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		*list = append(*list, text)
	}
	log := output.Log{Emit: func(l output.Line) { add(&b.lines, strings.TrimSpace(l.Level+" "+l.Resource+": "+l.Text)) }}
	follower := rollout.Start(t.Context(), rollout.Options{
		WorkspaceID: "ws", Kube: b.cluster, Log: log, Tell: func(e engine.Event) {}, Container: func(rollout.Container) {}, Cluster: func(error) {},
	})
	b.Deployer = Start(t.Context(), Options{
		WorkspaceID: "ws", Cluster: b.cluster, Images: images, Rollout: follower, Shell: command.Shell{Log: log},
		Tell: func(e engine.Event) {
			switch e := e.(type) {
			case engine.Applied:
				add(&b.events, fmt.Sprintf("%s: %v", e.Resource, e.Problem))
			case engine.Retry:
				add(&b.events, "retry "+e.Resource)
			}
		},
		Deployed: func(res config.Resource) { add(&b.events, "deployed "+res.Name) },
		Dropped:  func(names []string) { add(&b.events, "dropped "+strings.Join(names, " ")) },
		Objects:  func(o []map[string]any) { add(&b.events, fmt.Sprintf("%d objects", len(o))) },
	})
	t.Cleanup(func() { b.Close(); follower.Close() })
	return b
}

func object(resource, kind, name string) config.Object {
	return config.Object{
		Resource: resource, Source: "/w/" + resource + ".yaml", Line: 7,
		Content: map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name}},
	}
}

func apply(name string) engine.Apply { return engine.Apply{Resource: config.Resource{Name: name}} }

func (b *bench) did(want ...string) {
	b.t.Helper()
	b.cluster.mu.Lock()
	defer b.cluster.mu.Unlock()
	if diff := cmp.Diff(want, b.cluster.did); diff != "" && len(want)+len(b.cluster.did) > 0 {
		b.t.Errorf("the cluster was asked (-want +got):\n%s", diff)
	}
	b.cluster.did = nil
}

// TestOneAfterTheOther: applies and deletions of a resource wait for each
// other, those of another do not, and what is dropped is not applied to its end.
func TestOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, images{})
		b.cluster.slow = time.Second
		web, db := object("web", "ConfigMap", "web"), object("db", "ConfigMap", "db")
		b.Configure(&config.Project{YAML: []config.Object{web, db}})
		b.Apply(apply("web"))
		synctest.Wait()
		b.Apply(apply("web"))
		synctest.Wait()
		b.Apply(apply("db"))
		synctest.Wait()
		b.did("apply web", "apply db")
		time.Sleep(1500 * time.Millisecond)
		b.cluster.mu.Lock()
		slices.Sort(b.cluster.did)
		b.cluster.mu.Unlock()
		b.did("applied db", "applied web", "apply web")
		b.Forget(engine.Forget{Objects: []config.Object{web, object("web", "Namespace", "stays")}, Dropped: []string{"web"}})
		b.Apply(apply("web"))
		time.Sleep(5 * time.Second)
		b.did("cancelled", "current web", "delete web", "apply web", "applied web")
		b.Apply(apply("db"))
		synctest.Wait()
		kept := object("db", "PersistentVolumeClaim", "data")
		kept.Content["metadata"].(map[string]any)["annotations"] = map[string]any{kube.AnnotationDownPolicy: "keep"}
		b.Forget(engine.Forget{Objects: []config.Object{db, kept}}) // one object of a resource that stays, and one that outlives it
		time.Sleep(5 * time.Second)
		b.did("apply db", "applied db", "current db", "delete db")
		if n := len(slices.DeleteFunc(b.events, func(e string) bool { return e != "web: <nil>" })); n != 2 {
			t.Errorf("web was answered %d times, want 2: what was dropped is not", n)
		}
	})
}

// TestApplyIsLate: what takes longer than the Tiltfile allows has failed, an
// apply of objects and a command alike, and what is given no limit has not.
func TestApplyIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, images{})
		b.cluster.slow = time.Minute
		p := &config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}}
		p.Settings.UpsertTimeout = 5 * time.Second
		b.Configure(p)
		b.Apply(apply("web"))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		b.did("apply web", "cancelled")
		const want = "applying took longer than the 5s that update_settings(k8s_upsert_timeout_secs=5) allows"
		if got := strings.Join(b.events, "\n"); !strings.Contains(got, want) {
			t.Errorf("told %q", got)
		}
		b.Configure(&config.Project{YAML: p.YAML})
		b.Apply(apply("web"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		b.did("apply web", "applied web")
	})
	b := newBench(t, images{})
	p := &config.Project{}
	p.Settings.UpsertTimeout = 50 * time.Millisecond
	b.Configure(p)
	e := apply("chart")
	e.Resource.CustomDeploy = &config.CustomDeploy{Apply: config.Command{Argv: []string{"sleep", "1000"}, Dir: t.TempDir()}}
	if _, problem, passing := b.deploy(t.Context(), e); problem == nil || !strings.HasPrefix(problem.Message, "applying took longer") || passing {
		t.Errorf("a command that hangs: %v, passing %v", problem, passing)
	}
}

// TestSideOfTheApply: the Tiltfile says on which side objects are applied.
func TestSideOfTheApply(t *testing.T) {
	for said, want := range map[string]bool{"": false, "auto": false, "true": false, "false": true} {
		b := newBench(t, images{})
		p := &config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}}
		p.Settings.ServerSideApply = said
		b.Configure(p)
		if _, problem, _ := b.deploy(t.Context(), apply("web")); problem != nil {
			t.Fatal(problem)
		}
		if got := b.cluster.options.ClientSide; got != want {
			t.Errorf("%q: on the client's side %v, want %v", said, got, want)
		}
	}
}

// TestRefusedObjectHasItsPlace: the problem names where the object is written.
func TestRefusedObjectHasItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, images{})
		b.Configure(&config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}})
		b.cluster.refuse = &kube.Error{Kind: kube.Invalid, Op: "applying", Object: "ConfigMap web", Err: errors.New("no")}
		b.Apply(apply("web"))
		time.Sleep(time.Second)
		synctest.Wait()
		b.cluster.refuse = errors.New("cut")
		b.Apply(apply("web"))
		time.Sleep(time.Second)
		synctest.Wait()
		if len(b.events) != 2 || !strings.Contains(b.events[0], "/w/web.yaml:7") || !strings.Contains(b.events[1], "cut") {
			t.Errorf("events %q", b.events)
		}
		if len(b.lines) != 2 || !strings.HasPrefix(b.lines[0], "error web: ") {
			t.Errorf("lines %q", b.lines)
		}
	})
}

// TestRefusedFieldHasItsLine, as far as it is written in the file.
func TestRefusedFieldHasItsLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yaml")
	const text = `kind: ConfigMap
---
# a comment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app.kubernetes.io/name: "not a label!"}
spec:
  template:
    spec:
      containers:
      - name: a
        image: x
      - name: b
        ports:
        - containerPort: 99999
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := config.Object{Source: file, Line: 4, Content: map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": "web"}}}
	for field, want := range map[string]int{
		"spec.template.spec.containers[1].ports[0].containerPort": 17, "metadata.labels": 8, "metadata.labels[app.kubernetes.io/name]": 8,
		".spec.replicas": 9, "spec.template.spec.containers[7].image": 12, "": 4, "spec.template.spec.initContainers[0].image": 11,
	} {
		err := &kube.Error{Kind: kube.Invalid, Object: "Deployment web", Causes: []kube.Cause{{Field: field}}, Err: errors.New("no")}
		if got := applyProblem(err, []config.Object{o}).Pos; got.File != file || got.Line != want {
			t.Errorf("%s: %v, want line %d", field, got, want)
		}
	}
	o.Source = "/gone.yaml"
	err := &kube.Error{Kind: kube.Invalid, Object: "Deployment web", Causes: []kube.Cause{{Field: "spec"}}, Err: errors.New("no")}
	if got := applyProblem(err, []config.Object{o}).Pos; got.Line != 4 {
		t.Errorf("a file that is gone: %v", got)
	}
}

// TestObjectsCarryTheAgent, its image or that of towline.agent(), or none.
func TestObjectsCarryTheAgent(t *testing.T) {
	p := &config.Project{Settings: config.Settings{Towline: map[string]any{"agent": []any{
		map[string]any{"resource": "mirrored", "enabled": true, "image": "mirror/agent:1"}, map[string]any{"resource": "db", "enabled": false},
	}}}}
	d := &Deployer{o: Options{Images: images{}}}
	for name, want := range map[string]string{"web": "agent-near-img", "mirrored": "mirror/agent:1", "db": ""} {
		e := engine.Apply{Resource: config.Resource{Name: name}, Images: map[string]string{"img": "img:1"}}
		opts, problem := d.injection(t.Context(), p, e)
		if problem != nil || opts.AgentImage != want || opts.Images["img"].Pushed != "img:1" {
			t.Errorf("%s: %+v, %v, want agent %q", name, opts, problem, want)
		}
	}
	d.o.Images = images{err: errors.New("no room")}
	if _, problem := d.injection(t.Context(), p, engine.Apply{Images: map[string]string{"img": ""}}); problem == nil || problem.Hint == "" {
		t.Errorf("an agent that cannot be pushed: %v", problem)
	}
}

// missing are images of a towline without an agent beside it.
type missing struct{ images }

func (missing) Agent(context.Context, string) (string, error) { return "", nil }

// TestMissingAgentIsTold: without towline-agent beside towline nothing is brought
// anywhere, which a person hears of, and a live update that needs it is an error.
func TestMissingAgentIsTold(t *testing.T) {
	b := newBench(t, images{})
	b.o.Images = missing{}
	img := config.Image{Ref: "img", LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w", Remote: "/srv"}}}
	p := &config.Project{Images: []config.Image{img}, YAML: []config.Object{{
		Resource: "web", ImageRefs: []config.ImageRef{{Ref: "img", Path: []string{"spec", "containers", "0", "image"}}},
		Content: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "web"}, "spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "img"}}}},
	}}}
	b.Configure(p)
	e := engine.Apply{Resource: config.Resource{Name: "web"}, Images: map[string]string{"img": "img:1"}}
	all, problem := b.objects(t.Context(), p, e)
	if problem != nil || !slices.Equal(all.agentless, []string{"img"}) {
		t.Errorf("%+v, %v: the image runs without an agent", all.agentless, problem)
	}
	b.mu.Lock()
	lines := strings.Join(b.lines, "\n")
	b.mu.Unlock()
	for _, want := range []string{"warn web: there is no towline-agent beside the towline program", "warn web: Pod web runs img without Towline's agent: a change builds the image in place of a live update"} {
		if !strings.Contains(lines, want) {
			t.Errorf("nothing says %q:\n%s", want, lines)
		}
	}
	e.Resource.CustomDeploy = &config.CustomDeploy{ContainerSelector: "c", LiveUpdate: img.LiveUpdate}
	if _, _, problem := b.bringAgents(t.Context(), engine.Apply{Resource: e.Resource}, nil); problem == nil || !strings.Contains(problem.Message, "there is no towline-agent beside the towline program") {
		t.Errorf("a live update that cannot reach its container: %v", problem)
	}
}

// TestCommandsApply: what a command prints is what it applied.
func TestCommandsApply(t *testing.T) {
	b := newBench(t, images{})
	dir := t.TempDir()
	sh := func(script string) config.Command {
		return config.Command{Argv: []string{"sh", "-c", script}, Dir: dir}
	}
	custom := func(applyScript, deleteScript string) config.Resource {
		d := &config.CustomDeploy{Apply: sh(applyScript), ImageDeps: []string{"img"}}
		if deleteScript != "" {
			d.Delete = sh(deleteScript)
		}
		return config.Resource{Name: "web", Pos: config.Position{File: "/w/Tiltfile", Line: 3}, CustomDeploy: d}
	}
	good := `echo {apiVersion: v1, kind: ConfigMap, metadata: {name: $TILT_IMAGE_0}}; echo "said $TILT_IMAGE_MAP_0" >&2`
	for script, want := range map[string]string{
		good:              "",
		"exit 3":          "exit status 3",
		"echo '{{{'":      "printed what is not YAML",
		"echo '[unclear'": "printed what is not YAML",
	} {
		_, problem, _ := b.deploy(t.Context(), engine.Apply{Resource: custom(script, ""), Images: map[string]string{"img": "pushed"}})
		if (problem == nil) != (want == "") || problem != nil && (!strings.Contains(problem.Message, want) || problem.Hint == "" || problem.Pos.Line != 3) {
			t.Errorf("%s: %+v, want %q", script, problem, want)
		}
	}
	b.did("current pushed")
	if !slices.Contains(b.lines, "web: said img") || !slices.Contains(b.events, "1 objects") {
		t.Errorf("lines %q, events %q", b.lines, b.events)
	}
	b.cluster.refuse = errors.New("cut")
	if _, problem, _ := b.deploy(t.Context(), engine.Apply{Resource: custom(good, "")}); problem == nil {
		t.Error("no problem though the objects cannot be read")
	}
	b.cluster.did = nil
	b.forget(t.Context(), engine.Forget{Deploys: []config.Resource{custom(good, "exit 4"), custom(good, "touch deleted"), custom(good, ""), {}}})
	if _, err := filepath.Glob(filepath.Join(dir, "deleted")); err != nil || !slices.ContainsFunc(b.lines, func(l string) bool { return strings.Contains(l, "exit status 4") }) {
		t.Errorf("after the deletions: %v, %q", err, b.lines)
	}
	b.did()
}

// TestDownDeletesWhatIsOurs: what carries the label, listed or known, but what
// is kept, another's, or a namespace that holds more.
func TestDownDeletesWhatIsOurs(t *testing.T) {
	b := newBench(t, images{})
	marked := func(kind, name, workspace string, more ...string) map[string]any {
		meta := map[string]any{"name": name, "labels": map[string]any{
			kube.LabelManagedBy: "towline", kube.LabelWorkspace: workspace,
		}}
		for i := 0; i+1 < len(more); i += 2 {
			if more[i] == kube.LabelMade {
				meta["labels"].(map[string]any)[more[i]] = more[i+1]
			} else {
				meta["annotations"] = map[string]any{more[i]: more[i+1]}
			}
		}
		return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": meta}
	}
	end := End{Applied: []map[string]any{
		marked("ConfigMap", "labelled", "ws"), marked("ConfigMap", "unlisted", "ws"), marked("ConfigMap", "taken", "other"),
		object("", "ConfigMap", "foreign").Content,
	}}
	end.Applied[3]["metadata"].(map[string]any)["labels"] = map[string]any{kube.LabelManagedBy: "Helm"}
	if err := b.Down(t.Context(), b.cluster, end); err == nil {
		t.Error("no error though the cluster does not answer")
	}
	b.cluster.owned = []map[string]any{
		marked("ConfigMap", "labelled", "ws"), marked("PersistentVolumeClaim", "data", "ws", kube.AnnotationDownPolicy, "keep"),
		marked("ClusterRole", "role", "ws"), marked("Namespace", "written", "ws"), marked("Namespace", "made", "ws", kube.LabelMade, "ws"),
	}
	down := func(want ...string) {
		t.Helper()
		b.cluster.did = nil
		if err := b.Down(t.Context(), b.cluster, end); err != nil {
			t.Fatal(err)
		}
		b.did(append([]string{"current unlisted taken foreign"}, want...)...)
	}
	down("delete labelled role unlisted", "delete made")
	b.cluster.others = []map[string]any{object("", "Pod", "somebody").Content}
	down("delete labelled role unlisted")
	// What one other workspace has taken over is its namespace too; what nobody's is in keeps it.
	theirs := marked("ConfigMap", "theirs", "heir")
	theirs["metadata"].(map[string]any)["annotations"] = map[string]any{kube.AnnotationOwner: "bert@vm:/shop"}
	b.cluster.others, b.cluster.patch = []map[string]any{theirs, marked("Secret", "more", "heir")}, nil
	down("delete labelled role unlisted", "patch made")
	if labels := b.cluster.patch[0]["metadata"].(map[string]any)["labels"].(map[string]any); labels[kube.LabelMade] != "heir" || labels[kube.LabelWorkspace] != "heir" {
		t.Errorf("the namespace is left to %v", labels)
	}
	if last := b.lines[len(b.lines)-1]; !strings.Contains(last, "left to bert@vm:/shop") {
		t.Errorf("line %q", last)
	}
	b.cluster.others = []map[string]any{theirs, marked("Secret", "more", "another")}
	down("delete labelled role unlisted")
	b.cluster.others, b.cluster.hidden = nil, &kube.Error{Kind: kube.Forbidden, Op: "listing", Object: "secrets", Err: errors.New("no")}
	down("delete labelled role unlisted")
	if last := b.lines[len(b.lines)-1]; !strings.Contains(last, "namespace made stays, since it may not be empty: listing secrets") {
		t.Errorf("a namespace that nobody can look into: %q", last)
	}
	end.Namespaces = true
	down("delete labelled role written made unlisted")
	// A command that fails is no reason to leave the rest, nor is it a success.
	end.Deploys = []config.Resource{{Name: "chart", CustomDeploy: &config.CustomDeploy{Delete: config.Command{Argv: []string{"false"}}}}}
	if err := b.Down(t.Context(), b.cluster, end); err == nil || !strings.Contains(err.Error(), "delete_cmd") {
		t.Errorf("a failed command: %v", err)
	}
	if did := b.cluster.did[len(b.cluster.did)-1]; did != "delete labelled role written made unlisted" {
		t.Errorf("after a failed command: %q", did)
	}
}

// TestLiveUpdatesReachWhatCommandsApplied: the containers that are meant get
// the agent through their workload, which gets back what it had.
func TestLiveUpdatesReachWhatCommandsApplied(t *testing.T) {
	b := newBench(t, images{})
	workload := func(kind string) kube.Applied {
		o := map[string]any{
			"kind": kind, "metadata": map[string]any{"name": "theirs"},
			"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{
				map[string]any{"name": "web", "image": "docker.io/library/web:7"}, map[string]any{"name": "side", "image": "img:1"},
			}}}},
		}
		return kube.Applied{Ref: kube.RefOf(o), Content: o}
	}
	steps := []config.Step{{Kind: config.StepSync}}
	p := &config.Project{Images: []config.Image{{Ref: "img", LiveUpdate: steps}, {Ref: "plain"}}}
	b.Configure(p)
	noop := config.Command{Argv: []string{"true"}}
	for _, test := range []struct {
		what      string
		deploy    config.CustomDeploy
		kind      string
		images    map[string]string
		patched   bool
		live      []string
		agentless []string
		problem   string
	}{
		{"by container", config.CustomDeploy{ContainerSelector: "web", LiveUpdate: steps}, "Deployment", nil, true, []string{"web"}, nil, ""},
		{"by image", config.CustomDeploy{ImageSelector: "web", LiveUpdate: steps}, "StatefulSet", nil, true, []string{"web"}, nil, ""},
		{"by image dependency", config.CustomDeploy{ImageDeps: []string{"img"}, LiveUpdate: steps}, "DaemonSet", nil, true, []string{"side"}, nil, ""},
		{"an image of the project", config.CustomDeploy{ImageDeps: []string{"img"}}, "Deployment", map[string]string{"img": "img:1"}, true, nil, nil, ""},
		{"an image without live update", config.CustomDeploy{ImageDeps: []string{"plain"}}, "Deployment", map[string]string{"plain": "img:1"}, false, nil, nil, ""},
		{"an image in a Job", config.CustomDeploy{ImageDeps: []string{"img"}}, "Job", map[string]string{"img": "img:1"}, false, nil, nil, ""},
		{"a Job", config.CustomDeploy{ContainerSelector: "web", LiveUpdate: steps}, "Job", nil, false, nil, nil, "a Job cannot be changed"},
		{"no such container", config.CustomDeploy{ContainerSelector: "nobody", LiveUpdate: steps}, "Deployment", nil, false, nil, nil, "has a container that is meant"},
		{"another tag", config.CustomDeploy{ImageSelector: "web:8", LiveUpdate: steps}, "Deployment", nil, false, nil, nil, "has a container that is meant"},
	} {
		test.deploy.Apply = noop
		b.cluster.busy = 2
		b.cluster.patch, b.cluster.there = nil, []kube.Applied{workload(test.kind)}
		e := engine.Apply{Resource: config.Resource{Name: "web", CustomDeploy: &test.deploy}, Images: test.images}
		_, a, problem := b.bringAgents(t.Context(), e, b.cluster.there)
		if ends := test.what == "an image in a Job"; ends != slices.Equal(a.ending, []string{"img"}) {
			t.Errorf("%s: %q run to an end", test.what, a.ending)
		}
		if (len(b.cluster.patch) == 1) != test.patched || !slices.Equal(a.live.Containers, test.live) || !slices.Equal(a.agentless, test.agentless) {
			t.Errorf("%s: %d patches, containers %q, agentless %q", test.what, len(b.cluster.patch), a.live.Containers, a.agentless)
		}
		if (problem == nil) != (test.problem == "") || problem != nil && !strings.Contains(problem.Message, test.problem) {
			t.Errorf("%s: %v, want %q", test.what, problem, test.problem)
		}
	}
	if !strings.Contains(strings.Join(b.lines, "\n"), "its pods are replaced once") {
		t.Errorf("nobody is told before: %q", b.lines)
	}
	b.asksBeforeItChanges(t, workload("Deployment"))

	// What another workspace's resource brought stays; ours is given back.
	theirs := workload("Deployment").Content
	theirs["metadata"].(map[string]any)["annotations"] = map[string]any{inject.Before: "{}", inject.ByResource: "web"}
	b.cluster.labels, b.cluster.patch, b.cluster.busy = []map[string]any{theirs}, nil, 1
	b.cluster.there = []kube.Applied{{Content: theirs}}
	b.forget(t.Context(), engine.Forget{Deploys: []config.Resource{{Name: "other"}}})
	if len(b.cluster.patch) != 0 {
		t.Error("another resource's workload was given back")
	}
	b.forget(t.Context(), engine.Forget{Deploys: []config.Resource{{Name: "web"}}})
	b.cluster.owned = []map[string]any{}
	if err := b.Down(t.Context(), b.cluster, End{}); err != nil || len(b.cluster.patch) != 2 {
		t.Errorf("given back %d times, %v", len(b.cluster.patch), err)
	}
	// Who may not search all namespaces knows where to look.
	theirs["metadata"].(map[string]any)["labels"] = map[string]any{inject.LabelAdopted: "ws"}
	b.cluster.labels, b.cluster.patch, b.cluster.there = nil, nil, []kube.Applied{{Content: theirs}, workload("DaemonSet")}
	if err := b.Down(t.Context(), b.cluster, End{Adopted: []map[string]any{theirs, workload("DaemonSet").Content}}); err != nil || len(b.cluster.patch) != 1 {
		t.Errorf("%d known workloads given back, %v", len(b.cluster.patch), err)
	}
	b.cluster.labels = []map[string]any{theirs}
	theirs["metadata"].(map[string]any)["annotations"].(map[string]any)[inject.Before] = "{"
	b.restoreWorkloads(t.Context(), b.cluster.labels)
	if last := b.lines[len(b.lines)-1]; !strings.Contains(last, "taking the agent out of Deployment theirs") {
		t.Errorf("log %q", last)
	}
}

// asksBeforeItChanges: a workload of somebody else's gets the agent only when
// a person said so.
func (b *bench) asksBeforeItChanges(t *testing.T, o kube.Applied) {
	attach, apply := []string{"kubectl", "get", "deployment/theirs", "-o", "yaml"}, []string{"sh", "-c", "kubectl apply -o yaml -f x.yaml"}
	towline := func(workspace string) map[string]any {
		return map[string]any{kube.LabelManagedBy: "towline", kube.LabelWorkspace: workspace}
	}
	for _, test := range []struct {
		argv      []string
		namespace string
		labels    map[string]any
		asks      string
	}{
		{attach, "dev", nil, ""},
		{attach, "shared", nil, "lives in another namespace"},
		{[]string{"sh", "-c", "kubectl get deployment/theirs -o yaml"}, "shared", nil, "lives in another namespace"},
		{apply, "shared", nil, ""},
		{attach, "dev", map[string]any{kube.LabelManagedBy: "tilt"}, "somebody's Tilt"},
		{attach, "dev", towline("another"), "belongs to another workspace, since"},
		{apply, "dev", towline("another"), "belongs to another workspace, since"},
		{attach, "dev", towline("ws"), ""},
		{attach, "dev", map[string]any{inject.LabelAdopted: "another"}, "has the agent of another workspace"},
		{attach, "shared", map[string]any{inject.LabelAdopted: "ws"}, ""}, // asked before
	} {
		for _, yes := range []bool{false, true} {
			o.Ref.Namespace = test.namespace
			meta := map[string]any{"name": "theirs", "namespace": test.namespace, "creationTimestamp": "2026-03-04T05:06:07Z"}
			if test.labels != nil {
				meta["labels"] = test.labels
			}
			o.Content["metadata"] = meta
			b.o.Namespace, b.o.Take = "dev", func(string) bool { return yes }
			b.cluster.busy, b.cluster.patch = 0, nil
			e := engine.Apply{Resource: config.Resource{Name: "web", CustomDeploy: &config.CustomDeploy{
				Apply: config.Command{Argv: test.argv}, ContainerSelector: "web", LiveUpdate: []config.Step{{Kind: config.StepSync}},
			}}}
			_, _, problem := b.bringAgents(t.Context(), e, []kube.Applied{o})
			if refused := test.asks != "" && !yes; (len(b.cluster.patch) == 0) != refused || (problem != nil) != refused {
				t.Errorf("%q in %s, %v, yes %v: %d patches, %v", test.argv, test.namespace, test.labels, yes, len(b.cluster.patch), problem)
			} else if refused && (problem.Cause != config.CauseTaken || !strings.Contains(problem.Message, test.asks) || !strings.Contains(problem.Hint, "--take-over")) {
				t.Errorf("%+v", problem)
			}
		}
	}
}

// TestWhatMayPassIsTriedAgain, later; what does not pass by itself is not, and
// nothing is when all has ended.
func TestWhatMayPassIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, images{})
		b.Configure(&config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}})
		retries := func(wait time.Duration) int {
			t.Helper()
			time.Sleep(wait)
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return strings.Count(strings.Join(b.events, "\n")+"\n", "retry web\n")
		}
		b.cluster.refuse = &kube.Error{Kind: kube.NotFound, Op: "applying", Object: "web", Err: errors.New("no such kind")}
		b.Apply(apply("web"))
		if n := retries(retryPause - time.Nanosecond); n != 0 {
			t.Errorf("%d retries before their time", n)
		}
		if n := retries(time.Nanosecond); n != 1 {
			t.Errorf("%d retries, want one", n)
		}
		if n := retries(time.Hour); n != 1 {
			t.Errorf("%d retries of one failure", n)
		}
		b.cluster.refuse = &kube.Error{Kind: kube.Invalid, Op: "applying", Object: "web", Err: errors.New("no")}
		b.Apply(apply("web"))
		if n := retries(time.Hour); n != 1 {
			t.Errorf("what does not pass is tried again")
		}
		b.cluster.refuse = &kube.Error{Kind: kube.NotFound, Op: "applying", Object: "web", Err: errors.New("no such kind")}
		b.Apply(apply("web"))
		synctest.Wait()
		b.Close() // does not wait for the pause
		if n := retries(time.Hour); n != 1 {
			t.Errorf("it is tried again after Close")
		}
	})
}

// TestFailuresAreSaid: what is tried again by itself is said once and counted, what
// a person or a change caused each time.
func TestFailuresAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, images{})
		b.Configure(&config.Project{YAML: []config.Object{object("web", "ConfigMap", "web")}})
		fails := func(why string, again bool) {
			b.cluster.refuse = &kube.Error{Kind: kube.NotFound, Op: "applying", Object: "web", Err: errors.New(why)}
			e := apply("web")
			e.Again = again
			b.Apply(e)
			synctest.Wait()
		}
		said := func(want int, why string) {
			t.Helper()
			b.mu.Lock()
			defer b.mu.Unlock()
			if n := strings.Count(strings.Join(b.lines, "\n"), why); n != want {
				t.Errorf("%q is said %d times, want %d: %q", why, n, want, b.lines)
			}
		}
		fails("no kind A", false)
		fails("no kind A", true)
		said(1, "no kind A")
		fails("no kind B", false) // an edit
		fails("no kind A", false) // and back
		fails("no kind A", true)
		said(2, "no kind A")
		fails("no kind A", false) // a trigger
		said(3, "no kind A")
		for range 9 {
			fails("no kind A", true)
		}
		said(1, "(10 times)")
		b.Forget(engine.Forget{Dropped: []string{"web"}})
		synctest.Wait()
		fails("no kind A", true)
		said(5, "no kind A")
	})
}
