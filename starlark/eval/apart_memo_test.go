package eval

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
)

// manifestProject is a Tiltfile whose resources depend on manifests in all ways.
const manifestProject = `
docker_build('example/web', 'src')
docker_build('example/api:v1', 'src')
docker_build('example/tool', 'src', match_in_env_vars=MATCH)
k8s_yaml(['web.yaml', 'api.yaml', 'service.yaml', 'rest.yaml'])
k8s_yaml('twice.yaml', allow_duplicates=True)
k8s_yaml('twice.yaml', allow_duplicates=True)
KINDS
k8s_resource('web', port_forwards='8080:80')
for kind in [o['kind'] for o in read_yaml_stream('seen.yaml')]:
    local_resource(kind.lower(), 'true')
k8s_yaml('seen.yaml')
`

// deployment is a Deployment whose parts may be other ones.
func deployment(name string, parts map[string]string) string {
	part := func(key, or string) string {
		if p, ok := parts[key]; ok {
			return p
		}
		return or
	}
	return fmt.Sprintf(`apiVersion: %s
kind: %s
metadata: {name: %s, annotations: {note: '%s'}%s}
spec:
  replicas: %s
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: %s}}
    spec: {containers: [{name: %s, image: '%s', env: [{name: TOOL, value: '%s'}]}]}
%s`, part("version", "apps/v1"), part("kind", "Deployment"), part("name", name), part("note", "1"), part("namespace", ""), part("replicas", "1"),
		part("label", name), part("container", "main"), part("image", "example/"+name), part("env", "none"), part("more", ""))
}

func manifestFiles(match, kinds string) map[string]string {
	config := func(name string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {image: example/tool}\n"
	}
	return map[string]string{
		"Tiltfile": strings.NewReplacer("MATCH", match, "KINDS", kinds).Replace(manifestProject), "src/Dockerfile": "FROM scratch\n",
		"web.yaml": deployment("web", nil), "api.yaml": deployment("api", map[string]string{"image": "example/api:v1"}),
		"service.yaml": service("web", 80), "rest.yaml": config("rest") +
			"---\napiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: hunter2-hunter2}\n",
		"twice.yaml": config("twice"), "seen.yaml": config("seen"),
	}
}

func service(selects string, port int) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: %s}, ports: [{port: %d}]}\n", selects, port)
}

// mended reports whether an outcome is an earlier one with other manifests.
func mended(got, before outcome) bool { return got.shares(before) && &got.YAML[0] != &before.YAML[0] }

// TestMemoMends: a manifest that changes in what nothing depends on takes the old
// one's place; any other one is evaluated again. Either way the outcome is that
// of an evaluation that keeps nothing.
func TestMemoMends(t *testing.T) {
	with := func(key, value string) string { return deployment("web", map[string]string{key: value}) }
	for name, test := range map[string]struct {
		file, text   string
		match, kinds string
		want         bool
	}{
		"replicas":                          {"web.yaml", with("replicas", "3"), "", "", true},
		"an annotation":                     {"web.yaml", with("note", "2"), "", "", true},
		"lines move":                        {"web.yaml", "# a comment\n\n" + with("note", "2"), "", "", true},
		"a variable":                        {"web.yaml", with("env", "example/tool"), "", "", true},
		"data of a file that is read twice": {"twice.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata: {b: c}\n", "", "", true},
		"a variable that may be an image":   {"web.yaml", with("env", "example/tool"), "True", "", false},
		"what a path leads to":              {"web.yaml", with("note", "example/tool"), "", "k8s_kind('Deployment', image_json_path='{.metadata.annotations.note}')", false},
		"where no path leads":               {"twice.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata: {b: c}\n", "", "k8s_kind('Deployment', image_json_path='{.metadata.annotations.note}')", true},
		"another name":                      {"api.yaml", deployment("other", nil), "", "", false},
		"another kind":                      {"api.yaml", strings.Replace(deployment("api", map[string]string{"kind": "StatefulSet"}), "replicas: 1", "serviceName: api", 1), "", "", false},
		"a namespace":                       {"api.yaml", deployment("api", map[string]string{"namespace": ", namespace: other"}), "", "", false},
		"the default namespace by name":     {"api.yaml", deployment("api", map[string]string{"namespace": ", namespace: default", "image": "example/api:v1"}), "", "", false},
		"an image":                          {"web.yaml", with("image", "example/tool"), "", "", false},
		"a tag":                             {"api.yaml", deployment("api", map[string]string{"image": "example/api:v2"}), "", "", false},
		"a label that a Service selects":    {"web.yaml", with("label", "other"), "", "", false},
		"a Service's port":                  {"service.yaml", service("web", 81), "", "", true},
		"a Service's selector":              {"service.yaml", service("api", 80), "", "", false},
		"a container's name":                {"web.yaml", with("container", "hunter2-hunter2"), "", "", false},
		"an object more":                    {"api.yaml", deployment("api", map[string]string{"more": "---\n" + deployment("more", nil)}), "", "", false},
		"a field that is not known":         {"web.yaml", with("more", "  nonsense: 1\n"), "", "", false},
		"a Secret":                          {"rest.yaml", strings.Replace(manifestFiles("", "")["rest.yaml"], "hunter2", "hunter3", 1), "", "", false},
		"no YAML":                           {"web.yaml", "a: [\n", "", "", false},
		"a NUL":                             {"web.yaml", with("note", "2") + "# \x00\n", "", "", false},
		"what the Tiltfile sees":            {"seen.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata: {b: c}\n", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if test.match == "" {
				test.match = "False"
			}
			m := newMemo(t, manifestFiles(test.match, test.kinds))
			first, _ := m.again(outcome{})
			if first.Error != nil {
				t.Fatal(first.Error)
			}
			m.put(test.file, test.text)
			second, taken := m.again(first)
			if got := mended(second, first); got != test.want || taken {
				t.Errorf("mended: %v, want %v; taken as it was: %v", got, test.want, taken)
			}
			if _, taken := m.again(second); second.Error == nil && !taken {
				t.Error("nothing changed, and it was evaluated again")
			}
			m.put(test.file, manifestFiles(test.match, test.kinds)[test.file])
			m.again(second)
		})
	}
}

// TestMemoMendsRandom edits manifests at random, several between two evaluations
// too, and compares each outcome with one of nothing kept.
func TestMemoMendsRandom(t *testing.T) {
	for seed := range 4 {
		rng := rand.New(rand.NewSource(int64(seed)))
		m := newMemo(t, manifestFiles([]string{"False", "True"}[seed%2], []string{"", "k8s_kind('Deployment', image_json_path='{.metadata.annotations.note}')"}[seed/2]))
		rounds, mends := 120, 0
		var before outcome
		for range rounds {
			for range 1 + rng.Intn(3) {
				m.put(randomManifest(rng))
			}
			got, _ := m.again(before)
			if before.Project != nil && mended(got, before) {
				mends++
			}
			before = got
		}
		if seed == 0 && mends < rounds/8 {
			t.Errorf("%d of %d were mended", mends, rounds)
		}
	}
}

func randomManifest(rng *rand.Rand) (file, text string) {
	name := []string{"web", "api"}[rng.Intn(2)]
	choices := map[string][]string{
		"replicas": {"1", "2", "3"}, "note": {"1", "2", "example/tool"}, "env": {"none", "example/tool"}, "image": {"example/web", "example/api:v1", "alpine"},
		"label": {"web", "api"}, "container": {"main", "side"}, "namespace": {"", ", namespace: default", ", namespace: n"}, "name": {name, name + "-2"},
		"more": {"", "  nonsense: 1\n", "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"},
	}
	parts := map[string]string{"image": "example/" + name}
	for _, key := range []string{"replicas", "note", "env", "image", "label", "container", "namespace", "name", "more"} {
		harmless := key == "replicas" || key == "note" || key == "env"
		if harmless || rng.Intn(25) == 0 {
			parts[key] = choices[key][rng.Intn(len(choices[key]))]
		}
	}
	if rng.Intn(12) == 0 {
		return "service.yaml", service([]string{"web", "web", "api"}[rng.Intn(3)], 80+rng.Intn(2))
	}
	if rng.Intn(12) == 0 {
		return "twice.yaml", fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata: {n: '%d'}\n", rng.Intn(3))
	}
	return name + ".yaml", deployment(name, parts)
}
