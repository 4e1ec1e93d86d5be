package extensions

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/e2e/story"
)

const reportedTiltfile = `
load('ext://helm_resource', 'helm_resource')
default_registry('127.0.0.1:5000')
k8s_yaml(['pods.yaml', 'before.yaml'])
k8s_resource('ports', port_forwards=['PORT1:8080', 'PORT2:8081'])
docker_build('tl-ext-before', 'before')
docker_build('example.test/tl-ext/base', 'base')
docker_build('tl-ext-child', 'child', build_args={'flavour': 'base'})
sets = ['annotations.example\\.com/owner=team a', 'command={sh,-c,echo a\\, b}', 'greeting=hello\\, world', 'drop=null']
k8s_yaml(helm('chart', name='plain', values=['first.yaml', 'second.yaml'], set=sets + ['zip=00123']))
flags = ['-f', 'first.yaml', '--values=second.yaml', '--set-string', 'zip=123']
for s in sets:
    flags += ['--set', s]
helm_resource('released', './chart', flags=flags)
helm_resource('hooked', './hooked', flags=['--set', 'migrate=' + str(read_file('migrate.txt')).strip()], deps=['hooked', 'migrate.txt'])
`

const reportedChart = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-conf, namespace: {{ .Release.Namespace }}, annotations: {{ toJson .Values.annotations }}}
data:
  all: {{ printf "%s %s %s %s" (toJson .Values.command) .Values.greeting (toJson .Values.drop) .Values.mode | quote }}
  zip: {{ printf "%T %v" .Values.zip .Values.zip | quote }}
  host: db.{{ .Release.Namespace }}.svc
`

const reportedHooks = `{{ $hook := "helm.sh/hook" }}
apiVersion: v1
kind: ConfigMap
metadata: {name: migration, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "-5", helm.sh/hook-delete-policy: before-hook-creation}}
data: {command: {{ .Values.migrate | quote }}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation}}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: c, image: "$BASE", command: [sh, -c, "$(COMMAND)"],
    env: [{name: COMMAND, valueFrom: {configMapKeyRef: {name: migration, key: command}}}]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: announce, annotations: {helm.sh/hook: post-install}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "$BASE", command: [echo, installed]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: served}
`

// flow is a Deployment whose pod has these containers.
func flow(name, containers string, grace int) string {
	return fmt.Sprintf("---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, "+
		"spec: {terminationGracePeriodSeconds: %[3]d, containers: [%[2]s]}}}}\n", name, containers, grace)
}

// chatters writes more than a kubelet keeps in one file, and goes on.
const chatters = `i=0; pad=$(head -c 990 /dev/zero | tr '\0' x); while [ $i -lt 11500 ]; do echo "$i $pad"; i=$((i+1)); done; n=0; while :; do echo tick $n; n=$((n+1)); sleep 0.2; done`

// TestWhatWasReported brings up, in the namespace of the context, what people reported
// of tools like this one.
func TestWhatWasReported(t *testing.T) {
	t.Parallel()
	var ports [2]int
	for i := range ports {
		var err error
		if ports[i], err = story.FreePort(); err != nil {
			t.Fatal(err)
		}
	}
	const serve = `{name: c%d, image: "$BASE", command: [sh, -c, 'trap "" TERM; mkdir /w; hostname > /w/index.html; httpd -f -p %[1]d -h /w & while :; do sleep 1; done'], readinessProbe: {tcpSocket: {port: %[1]d}, periodSeconds: 1}}`
	b := newBed(t, "reported", map[string]string{
		"Tiltfile": strings.NewReplacer("PORT1", fmt.Sprint(ports[0]), "PORT2", fmt.Sprint(ports[1])).Replace(reportedTiltfile),
		"pods.yaml": flow("twice", `{name: c, image: "$BASE", command: [sh, -c, "echo path is $WAY; sleep 100000"], env: [{name: WAY, value: theirs}, {name: WAY, value: mine}]}`, 0) +
			flow("ports", fmt.Sprintf(serve, 8080)+", "+fmt.Sprintf(serve, 8081), 3) +
			flow("base", "{name: c, image: example.test/tl-ext/base}", 0) + flow("child", "{name: c, image: tl-ext-child}", 0) +
			flow("chatty", fmt.Sprintf("{name: c, image: \"$BASE\", command: [sh, -c, %q]}", chatters), 0),
		"old.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: before}\ndata: {a: '1', gone: 'yes'}\n" +
			flow("before", `{name: c, image: "$BASE", command: [sleep, "100001"], env: [{name: A, value: "1"}, {name: GONE, value: "yes"}]}`, 0),
		"before.yaml":       "{apiVersion: v1, kind: ConfigMap, metadata: {name: before}, data: {a: '2'}}\n" + flow("before", `{name: c, image: tl-ext-before, env: [{name: A, value: "2"}]}`, 0),
		"before/Dockerfile": "FROM $BASE\nCMD [\"sleep\", \"100000\"]\n",
		"base/Dockerfile":   "FROM $BASE\nCOPY version /version\nCMD echo base $(cat /version); exec sleep 100000\n", "base/version": "1\n",
		"child/Dockerfile": "ARG registry=example.test\nARG flavour=unused\nFROM ${registry}/tl-ext/${flavour} AS b\nFROM $BASE\nCOPY --from=b /version /base-version\nCMD echo child on $(cat /base-version); exec sleep 100000\n",
		"first.yaml":       "{greeting: first, mode: '0755'}\n", "second.yaml": "greeting: second\n",
		"chart/Chart.yaml": "{apiVersion: v2, name: chart, version: 0.1.0}\n", "chart/templates/conf.yaml": reportedChart,
		"chart/values.yaml":         "{annotations: {}, command: [sleep, '1'], greeting: none, zip: none, drop: {this: please}}\n",
		"chart/templates/NOTES.txt": "notes\n", "chart/templates/tests/test.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: {{ .Release.Name }}-test, annotations: {helm.sh/hook: test}}}\n",
		"hooked/Chart.yaml": "{apiVersion: v2, name: hooked, version: 0.1.0}\n", "hooked/templates/all.yaml": reportedHooks, "migrate.txt": "echo migrated\n",
	})
	b.kubeconfig(func(config map[string]any) {
		for _, c := range config["contexts"].([]any) {
			c.(map[string]any)["context"].(map[string]any)["namespace"] = b.namespace
		}
	})
	b.kubectl("apply", "-f", "old.yaml")
	b.towline("up", "--detach")

	b.says([]string{"logs", "twice"}, "path is mine")
	for name, zip := range map[string]string{"plain": "string 00123", "released": "string 123"} {
		b.want("v1", "ConfigMap", name+"-conf", `"all":"[\"sh\",\"-c\",\"echo a, b\"] hello, world null 0755"`, `"example.com/owner":"team a"`, `"zip":"`+zip+`"`, `"host":"db.`+b.namespace+`.svc"`)
		b.wantGone("v1", "ConfigMap", name+"-test")
	}
	for _, kind := range [][2]string{{"v1", "ConfigMap"}, {"apps/v1", "Deployment"}} {
		object := b.object(kind[0], kind[1], "before")
		annotations := object["metadata"].(map[string]any)["annotations"].(map[string]any)
		delete(annotations, "kubectl.kubernetes.io/last-applied-configuration") // kubectl's own memory
		for _, old := range []string{"gone:", "GONE", "100001"} {
			if text := fmt.Sprint(object); strings.Contains(text, old) {
				t.Errorf("%s before still has %s: %s", kind[1], old, text)
			}
		}
	}
	migrated := b.object("batch/v1", "Job", "migrate")
	if done, served := stamp(migrated, "status", "completionTime"), stamp(b.object("v1", "ConfigMap", "served"), "metadata", "creationTimestamp"); done == "" || served < done {
		t.Errorf("the migration was done at %q, what needs it was made at %q", done, served)
	}
	b.want("batch/v1", "Job", "announce", `"name":"announce"`)

	b.says([]string{"logs", "base"}, "base 1")
	b.says([]string{"logs", "child"}, "child on 1")
	b.write("base/version", "2\n")
	b.forwardsGoOn(ports)
	b.says([]string{"logs", "base"}, "base 2")
	b.says([]string{"logs", "child"}, "child on 2")
	b.logGoesOn()

	b.write("migrate.txt", "echo cannot migrate; exit 1\n")
	b.says([]string{"status"}, "hooked", "error: hooked: ")
	if again := b.object("batch/v1", "Job", "migrate"); again == nil || uid(again) == uid(migrated) {
		t.Error("the migration did not run again")
	}
	b.down()
	b.wantGone("apps/v1", "Deployment", "before")
}

// stamp is a time of an object, "" for none.
func stamp(object map[string]any, part, name string) string {
	m, _ := object[part].(map[string]any)
	text, _ := m[name].(string)
	return text
}

// kubectl runs it in the bed's namespace.
func (b *bed) kubectl(args ...string) string {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "kubectl", append([]string{"-n", b.namespace}, args...)...)
	cmd.Dir, cmd.Env = b.dir, b.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// forwardsGoOn: forwards to two containers of a pod lead to the pod that replaces it, also
// while the old one takes its time to end.
func (b *bed) forwardsGoOn(ports [2]int) {
	b.t.Helper()
	client := http.Client{Timeout: 3 * time.Second}
	get := func(port int) string {
		answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			return ""
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body) // what is cut off is no pod's name
		return strings.TrimSpace(string(text))
	}
	var seen []string
	for _, replace := range [][]string{nil, {"rollout", "restart", "deployment/ports"}, {"delete", "pod", "-l", "app=ports", "--wait=false"}} {
		if replace != nil {
			b.kubectl(replace...)
		}
		b.until(fmt.Sprintf("both forwards lead to a new pod after %q", replace), func() bool {
			first, second := get(ports[0]), get(ports[1])
			if first == "" || first != second || slices.Contains(seen, first) {
				return false
			}
			seen = append(seen, first)
			return true
		})
	}
	if n := strings.Count(b.towline("logs", "ports"), "forward"); n > 20 {
		b.t.Errorf("%d lines about forwards:\n%s", n, b.towline("logs", "ports"))
	}
}

// logGoesOn: the kubelet begins a new file of a log that is long, and none of its lines is
// lost or comes twice.
func (b *bed) logGoesOn() {
	b.t.Helper()
	b.until("the kubelet has begun a new file", func() bool {
		first := b.kubectl("logs", "deployment/chatty", "--limit-bytes=9")
		return first != "" && !strings.HasPrefix(first, "0 ")
	})
	ticks := func(text string) (found []int) {
		for line := range strings.Lines(text) {
			if _, number, is := strings.Cut(strings.TrimSpace(line), "tick "); is {
				n, err := strconv.Atoi(number)
				b.must(err)
				found = append(found, n)
			}
		}
		return found
	}
	last := ticks(b.kubectl("logs", "deployment/chatty", "--tail=1"))
	var all []int
	b.until("the log goes on", func() bool {
		all = ticks(b.towline("logs", "chatty", "--tail", "300"))
		return len(all) > 0 && (len(last) == 0 || slices.Max(all) >= last[0])
	})
	for i, n := range all {
		if n != all[0]+i {
			b.t.Fatalf("tick %d follows %d", n, all[i-1])
		}
	}
}
