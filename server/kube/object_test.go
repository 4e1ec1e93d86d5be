package kube

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/towline-dev/towline/starlark/config"
)

func TestLabelValue(t *testing.T) {
	for text, want := range map[string]string{
		"shop": "shop", "/home/me/my shop": "home-me-my-shop", "ünïcode": "n-code", "-a-": "a", "": "",
		strings.Repeat("x", 70): strings.Repeat("x", 63),
	} {
		if got := LabelValue(text); got != want {
			t.Errorf("LabelValue(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAddLabels(t *testing.T) {
	labels := map[string]string{"k": "v"}
	for name, text := range map[string]string{
		"deployment": "kind: Deployment\nspec: {template: {metadata: {labels: {a: b}}, spec: {}}}",
		"cron job":   "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {}}}}}",
		"config map": "kind: ConfigMap\ndata: {template: x}",
	} {
		u, err := copyObject(parse(t, "apiVersion: v1\nmetadata: {name: web, labels: {mine: 'yes'}}\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		addLabels(u, labels)
		if got := u.GetLabels(); got["k"] != "v" || got["mine"] != "yes" {
			t.Errorf("%s: labels %v", name, got)
		}
		want := map[string]int{"deployment": 2, "cron job": 2, "config map": 1}[name]
		body, err := u.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(body), `"k":"v"`); got != want {
			t.Errorf("%s: the label is there %d times, want %d: %s", name, got, want, body)
		}
	}
}

func TestPhases(t *testing.T) {
	kinds := []schema.GroupKind{
		{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}, {Group: "apps", Kind: "Deployment"},
		{Kind: "Secret"}, {Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, {Kind: "Namespace"},
	}
	slices.SortStableFunc(kinds, func(a, b schema.GroupKind) int { return phase(a) - phase(b) })
	var got []string
	for _, k := range kinds {
		got = append(got, k.Kind)
	}
	want := []string{"Namespace", "CustomResourceDefinition", "Secret", "Deployment", "MutatingWebhookConfiguration"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestFlatten(t *testing.T) {
	list := parse(t, "apiVersion: v1\nkind: List\nitems: [{kind: A}, {kind: ConfigMapList, items: [{kind: B}]}]")
	var got []string
	for _, o := range flatten([]map[string]any{list, {"kind": "C"}}) {
		got = append(got, o["kind"].(string))
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// TestNodeWithoutALog: what the node says instead of a log is no line of it.
func TestNodeWithoutALog(t *testing.T) {
	for _, excuse := range []string{"unable to retrieve container logs for containerd://36cd", `failed to try resolving symlinks in path "/x.log": lstat /x.log: no such file or directory`} {
		err := readLines(strings.NewReader("2026-11-21T10:00:00Z unable to retrieve container logs for me\n"+excuse), time.Time{}, func(l LogLine) {
			if l.Text != "unable to retrieve container logs for me" {
				t.Errorf("line %q", l.Text)
			}
		})
		if !IsKind(err, NotFound) {
			t.Errorf("%s: %v", excuse, err)
		}
	}
}

func TestReadLines(t *testing.T) {
	const log = "2026-11-21T10:00:00.000000001Z one\n2026-11-21T10:00:00.000000002Z two \r\n2026-11-21T10:00:01Z \nno stamp\n2026-11-21T10:00:02Z last"
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		since time.Time
		want  []string
	}{
		{time.Time{}, []string{"one", "two ", "", "no stamp", "last"}},
		{at.Add(2), []string{"two ", "", "no stamp", "last"}},
		{at.Add(time.Second + 1), []string{"no stamp", "last"}},
	} {
		var got []string
		if err := readLines(strings.NewReader(log), test.since, func(l LogLine) { got = append(got, l.Text) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("since %v (-want +got):\n%s", test.since, diff)
		}
	}
}

func TestReadLongLines(t *testing.T) {
	long := strings.Repeat("x", maxLogLine+100)
	var total int
	var times []time.Time
	err := readLines(strings.NewReader("2026-11-21T10:00:00Z "+long+"\n2026-11-21T10:00:01Z y\n"), time.Time{}, func(l LogLine) {
		total += len(l.Text)
		times = append(times, l.Time)
	})
	if err != nil || total != len(long)+1 || len(times) != 3 || times[0] != times[1] || times[1] == times[2] {
		t.Errorf("%d bytes at %v, %v", total, times, err)
	}
}

func TestParseRegistryHosting(t *testing.T) {
	for text, want := range map[string]*config.Registry{
		"host: localhost:5001": {Host: "localhost:5001"},
		"host: localhost:5001\nhostFromContainerRuntime: registry:5000\nhelp: https://x": {Host: "localhost:5001", HostFromCluster: "registry:5000"},
		"host: localhost:5001\nhostFromContainerRuntime: localhost:5001":                 {Host: "localhost:5001"},
		"host: localhost:5001\nhostFromClusterNetwork: registry.kube:80/":                {Host: "localhost:5001", HostFromPods: "registry.kube:80"},
		"hostFromClusterNetwork: registry:5000":                                          nil,
		"":                                                                               nil,
	} {
		got, err := parseRegistryHosting(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if _, err := parseRegistryHosting("\t:"); err == nil {
		t.Error("a document that is not YAML was taken")
	}
}

func TestNodeWords(t *testing.T) {
	const message = `error forwarding port 9 to pod abc, uid : failed to execute portforward in network namespace "/x": failed to connect to localhost:9 inside namespace "abc", IPv4: dial tcp4 127.0.0.1:9: connect: connection refused`
	if got := nodeWords(message); got != "connection refused: nothing listens there" {
		t.Errorf("got %q", got)
	}
	if got := nodeWords("an error\n"); got != "an error" {
		t.Errorf("got %q", got)
	}
}
