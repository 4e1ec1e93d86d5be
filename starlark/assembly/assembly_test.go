package assembly_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// object is the YAML of an object: its kind, its name, and what is written of
// labels or images behind them.
func object(kind, name string, more ...string) string {
	version := map[string]string{"Deployment": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1"}[kind]
	if version == "" {
		version = "v1"
	}
	if strings.Contains(kind, "/") {
		i := strings.LastIndexByte(kind, '/')
		version, kind = kind[:i], kind[i+1:]
	}
	text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s}\n", version, kind, name)
	for _, m := range more {
		what, arg, _ := strings.Cut(m, "=")
		text += map[string]string{
			"image":    "spec: {template: {metadata: {labels: {app: " + name + "}}, spec: {containers: [{name: c, image: '" + arg + "'}]}}}\n",
			"env":      "spec: {template: {spec: {containers: [{name: c, image: alpine, env: [{name: IMAGE, value: '" + arg + "'}]}]}}}\n",
			"selector": "spec: {selector: {app: " + arg + "}}\n",
			"runs":     "spec: {runs: '" + arg + "'}\n",
			"pod":      "spec: {template: {metadata: {labels: {app: " + arg + "}}}}\n",
		}[what]
	}
	return text
}

// newSet declares objects, and images by their refs.
func newSet(t testing.TB, images []string, objects ...string) *assembly.Set {
	t.Helper()
	x := &image.Index{Names: image.Names{Cache: cache.New()}}
	for _, ref := range images {
		img := &image.Image{}
		ref, img.MatchInEnvVars = strings.CutSuffix(ref, " in env")
		name, err := x.Names.ImageName(ref)
		if err != nil {
			t.Fatal(err)
		}
		img.SetName(name)
		if err := x.Add(img); err != nil {
			t.Fatal(err)
		}
	}
	s := assembly.NewSet(x, func(name string) error {
		if name == "local" {
			return fmt.Errorf("local_resource named %q already exists", name)
		}
		return nil
	})
	if err := declare(t, s, false, objects...); err != nil {
		t.Fatal(err)
	}
	return s
}

func declare(t testing.TB, s *assembly.Set, twice bool, objects ...string) error {
	t.Helper()
	manifests, err := manifest.Read(strings.Join(objects, "---\n"), s.Images.Names, manifest.NewTypes())
	if err != nil {
		t.Fatal(err)
	}
	return s.Declare(assembly.ObjectsOf(manifests, config.Position{File: "/Tiltfile", Line: 1}, "/k8s.yaml"), twice)
}

// assembled is a line for each resource: its name, its objects, its images and
// what else a test looks at.
func assembled(s *assembly.Set) (string, error) {
	if err := s.Assemble(); err != nil {
		return "", err
	}
	p := config.NewProject("/Tiltfile")
	s.AddTo(p, value.TriggerAuto)
	s.AddLoose(p)
	var b strings.Builder
	for _, res := range p.Resources {
		var objects []string
		for _, key := range res.Objects {
			parts := strings.Split(key, ":")
			objects = append(objects, parts[1]+"/"+parts[0])
		}
		fmt.Fprintf(&b, "%s: %s", res.Name, strings.Join(objects, " "))
		if len(res.Images) > 0 {
			fmt.Fprintf(&b, " builds %s", strings.Join(res.Images, " "))
		}
		if res.PodReadiness != config.ReadinessWait && res.Name != assembly.Uncategorized {
			fmt.Fprintf(&b, " (%s)", res.PodReadiness)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func rule(t *testing.T, kind, path string) *assembly.Rule {
	t.Helper()
	sel, err := manifest.NewSelector("", kind, "", "")
	if err != nil {
		t.Fatal(err)
	}
	p, err := manifest.ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	return &assembly.Rule{Selector: sel, Paths: []manifest.Path{p}}
}

func TestAssemble(t *testing.T) {
	manual := false
	for _, test := range []struct {
		name    string
		images  []string
		objects []string
		set     func(*testing.T, *assembly.Set)
		want    string
	}{
		{"a workload and its Service", []string{"web"},
			[]string{object("Service", "web", "selector=web"), object("Service", "db", "selector=db"), object("Deployment", "web", "image=web:v1")}, nil,
			"web: service/web deployment/web builds web\nuncategorized: service/db\n"},
		{"the shortest names", nil,
			[]string{object("Deployment", "web", "image=a"), object("Job", "web", "image=b"), object("Job", "once", "image=c")}, nil,
			"web:deployment: deployment/web\nweb:job: job/web (succeeded)\nonce: job/once (succeeded)\n"},
		{"pods without an image that is known", nil, []string{object("Deployment", "web", "pod=web"), object("Service", "w", "selector=web")}, nil,
			"web: service/w deployment/web\n"},
		{"an image in a variable", []string{"tool in env"}, []string{object("Deployment", "web", "env=tool")}, nil,
			"web: deployment/web builds tool\n"},
		{"a variable that names another image", []string{"tool"}, []string{object("Deployment", "web", "env=tool")}, nil,
			"web: deployment/web\n"},
		{"a rule for a kind", []string{"web"}, []string{object("example.com/v1/App", "shop", "runs=web:v2")},
			func(t *testing.T, s *assembly.Set) { s.AddRule(rule(t, "App", "{.spec.runs}")) },
			"shop: app/shop builds web\n"},
		{"a CronJob is not waited for", nil, []string{object("CronJob", "nightly")}, nil, "nightly: cronjob/nightly (ignore)\n"},
		{"objects of a group", nil, []string{object("ConfigMap", "a"), object("Secret", "b"), object("ConfigMap", "c")},
			func(_ *testing.T, s *assembly.Set) {
				s.AddOptions(&assembly.Options{Workload: "group", NewName: "group", Grouped: true, Objects: []string{"b", "a:configmap"}})
			},
			"group: configmap/a secret/b (ignore)\nuncategorized: configmap/c\n"},
		{"another name, by which it is known then", []string{"web"}, []string{object("Deployment", "web", "image=web")},
			func(_ *testing.T, s *assembly.Set) {
				s.AddOptions(&assembly.Options{Workload: "web", NewName: "shop", AutoInit: &manual})
				s.AddOptions(&assembly.Options{Workload: "shop", Readiness: config.ReadinessIgnore})
			},
			"shop: deployment/web builds web (ignore)\n"},
		{"a Service of two workloads goes with the first", nil,
			[]string{object("Service", "s", "selector=web"), object("Deployment", "web", "image=a"), object("Job", "j", "pod=web")}, nil,
			"web: service/s deployment/web\nj: job/j (succeeded)\n"},
		{"a name that was given up is free", nil, []string{object("Deployment", "web", "image=a"), object("ConfigMap", "c")},
			func(_ *testing.T, s *assembly.Set) {
				s.AddOptions(&assembly.Options{Workload: "web", NewName: "shop"})
				s.AddOptions(&assembly.Options{Workload: "web", NewName: "web", Grouped: true, Objects: []string{"c"}})
			},
			"shop: deployment/web\nweb: configmap/c (ignore)\n"},
		{"names by a function", nil, []string{object("Deployment", "web", "image=web")},
			func(_ *testing.T, s *assembly.Set) {
				s.Names = func(w []value.ObjectID) ([]string, error) { return []string{"my-" + w[0].Name + "-" + w[0].Group}, nil }
			},
			"my-web-apps: deployment/web\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSet(t, test.images, test.objects...)
			if test.set != nil {
				test.set(t, s)
			}
			got, err := assembled(s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAssembleErrors(t *testing.T) {
	web, job := object("Deployment", "web", "image=web"), object("Job", "job", "image=job")
	options := func(all ...assembly.Options) func(*testing.T, *assembly.Set) {
		return func(_ *testing.T, s *assembly.Set) {
			for i := range all {
				s.AddOptions(&all[i])
			}
		}
	}
	for _, test := range []struct {
		name    string
		objects []string
		set     func(*testing.T, *assembly.Set)
		want    string
	}{
		{"no such workload", []string{web, job}, options(assembly.Options{Workload: "wab"}), `unknown resource "wab". known k8s resources: job, web`},
		{"a local resource's name", []string{object("Deployment", "local", "image=a")}, nil, `local_resource named "local" already exists`},
		{"a name that is taken", []string{web, job}, options(assembly.Options{Workload: "web", NewName: "job"}), `rename "web" to "job": k8s_resource named "job" already exists`},
		{"no such object", []string{web}, options(assembly.Options{Workload: "web", Objects: []string{"cm"}}), `fragment "cm" could be found. Possible objects are: "web:Deployment:default"`},
		{"an object that is taken", []string{web}, options(assembly.Options{Workload: "web", Objects: []string{"web"}}), "could be found in remaining YAML"},
		{"two objects", []string{object("ConfigMap", "a"), object("Secret", "a"), web}, options(assembly.Options{Workload: "web", Objects: []string{"a"}}), `"a" is not a unique fragment`},
		{"no fragment", []string{web}, options(assembly.Options{Workload: "web", Objects: []string{""}}), "selector can't be empty"},
		{"too many parts", []string{web}, options(assembly.Options{Workload: "web", Objects: []string{"a:b:c:d"}}), "Too many parts in selector"},
		{"a backslash at the end", []string{web}, options(assembly.Options{Workload: "web", Objects: []string{`a\`}}), "a backslash may only stand"},
		{"no image's name", []string{object("Deployment", "web", "image=A B")}, nil, "finding images in web: parsing A B"},
		{"a path to no text", []string{object("ConfigMap", "c")}, func(t *testing.T, s *assembly.Set) { s.AddRule(rule(t, "ConfigMap", "{.metadata}")) }, "finding image in ConfigMap/c: May only match strings"},
		{"an image that a custom deployment needs", nil, func(t *testing.T, s *assembly.Set) {
			res, err := s.NewResource("custom")
			if err != nil {
				t.Fatal(err)
			}
			res.CustomDeploy = &config.CustomDeploy{ImageDeps: []string{"none"}}
		}, `resource "custom": image build "none" not found`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSet(t, nil, test.objects...)
			if test.set != nil {
				test.set(t, s)
			}
			if got, err := assembled(s); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q and %v, want the error %q", got, err, test.want)
			}
		})
	}
}

func TestDeclare(t *testing.T) {
	s := newSet(t, nil, object("ConfigMap", "a"))
	if err := declare(t, s, false, object("ConfigMap", "a")); err == nil || !strings.Contains(err.Error(), "Duplicate YAML: ConfigMap a\n") {
		t.Errorf("the same object twice: %v", err)
	}
	if err := declare(t, s, true, object("ConfigMap", "a")); err != nil || len(s.Objects()) != 2 {
		t.Errorf("the same object twice, as is allowed: %v, %d objects", err, len(s.Objects()))
	}
	if err := declare(t, s, false, "apiVersion: v1\nkind: ConfigMap\n"); err == nil || !strings.Contains(err.Error(), "a ConfigMap has no metadata.name") {
		t.Errorf("an object without a name: %v", err)
	}
}

func TestGeneratedNames(t *testing.T) {
	job := "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: once-}\n"
	s, again := newSet(t, nil, job, job), newSet(t, nil, job)
	first, second := s.Objects()[0].Of.Name, s.Objects()[1].Of.Name
	if !strings.HasPrefix(first, "once-") || first == second || again.Objects()[0].Of.Name != first {
		t.Errorf("got %s and %s, and %s in another set", first, second, again.Objects()[0].Of.Name)
	}
}

func TestNewResourceIsOneOfItsName(t *testing.T) {
	s := newSet(t, nil)
	if !s.Empty() || s.Has("a") {
		t.Error("a new set is not empty")
	}
	for _, want := range []string{"", `k8s_resource named "a"`} {
		if _, err := s.NewResource("a"); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func ExampleSet() {
	x := &image.Index{Names: image.Names{Cache: cache.New()}}
	s := assembly.NewSet(x, func(string) error { return nil })
	yaml := object("Service", "web", "selector=web") + "---\n" + object("Deployment", "web", "image=shop/web")
	manifests, _ := manifest.Read(yaml, x.Names, manifest.NewTypes())
	_ = s.Declare(assembly.ObjectsOf(manifests, config.Position{}, "web.yaml"), false)
	_ = s.Assemble()
	p := config.NewProject("Tiltfile")
	s.AddTo(p, value.TriggerAuto)
	fmt.Println(p.Resources[0].Name, p.Resources[0].Objects)
	// Output: web [web:service:default:core web:deployment:default:apps]
}
