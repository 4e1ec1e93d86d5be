package extensions

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// stuck are workloads that cannot come up, each with what is said of it; the
// text is a container and what else its pod has, after a bar.
var stuck = []struct{ name, spec, says string }{
	{"crashes", `{name: c, image: tl-ext-stuck, readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}}`, `error: crashes: \S+ crashes-\S+: the process ended: exit code 3`},
	{"unaided", `{name: c, image: $BASE, command: [sh, -c, exit 4], readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}}`, `error: unaided: .* container c crashes again and again \(exit code 4\)`},
	{"ends", `{name: c, image: $BASE, command: ["true"], readinessProbe: {exec: {command: ["true"]}}}`, `error: ends: .* container c ends again and again \(exit code 0\)`},
	{"killed", `{name: c, image: $BASE, command: [sleep, "1000"], livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}}`, `error: killed: .* started again and again, since its liveness probe fails`},
	{"unstarted", `{name: c, image: $BASE, command: [sleep, "1000"], startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 1}}`, `error: unstarted: .* started again and again, since its startup probe fails`},
	{"away", `{name: c, image: "127.0.0.1:5000/no-such-image:1"}`, `error: away: .* container c has no image: 127.0.0.1:5000/no-such-image:1 cannot be pulled: not found`},
	{"no-program", `{name: c, image: $BASE, command: [/no/such/program]}`, `error: no-program: .* container c cannot be started: exec: "/no/such/program"`},
	{"big", `{name: c, image: $BASE, resources: {requests: {memory: 900Gi}}}`, `waiting: big: .* no node takes its pods .*Insufficient memory`},
	{"no-secret", `{name: c, image: $BASE, volumeMounts: [{name: v, mountPath: /v}]}|volumes: [{name: v, secret: {secretName: not-there}}]`, `error: no-secret: .* volume v cannot be mounted: secret "not-there" not found`},
	{"no-settings", `{name: c, image: $BASE, envFrom: [{configMapRef: {name: not-there}}]}`, `error: no-settings: .* container c cannot be created: configmap "not-there" not found`},
	{"no-account", `{name: c, image: $BASE}|serviceAccountName: not-there`, `waiting: no-account: .* the service account not-there is not there`},
	{"no-init", `{name: c, image: $BASE}|initContainers: [{name: i, image: $BASE, command: [sh, -c, exit 5]}]`, `error: no-init: .* init container i crashes again and again \(exit code 5\)`},
}

// TestWhatCannotComeUp: up ends soon where workloads cannot become ready, with
// the cause of each; what is mended comes up.
func TestWhatCannotComeUp(t *testing.T) {
	t.Parallel()
	var yaml strings.Builder
	for _, w := range stuck {
		container, pod, _ := strings.Cut(w.spec, "|")
		fmt.Fprintf(&yaml, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %[1]s}\nspec:\n  selector: {matchLabels: {app: %[1]s}}\n  template:\n    metadata: {labels: {app: %[1]s}}\n"+
			"    spec:\n      terminationGracePeriodSeconds: 0\n      containers: [%[2]s]\n      %[3]s\n---\n", w.name, container, pod)
	}
	yaml.WriteString(`
{apiVersion: batch/v1, kind: Job, metadata: {name: job}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, image: $BASE, command: [sh, -c, exit 7]}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: pod}, spec: {restartPolicy: Never, terminationGracePeriodSeconds: 0, containers: [{name: c, image: $BASE, command: [sh, -c, exit 6]}]}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: set}, spec: {selector: {matchLabels: {app: set}}, template: {metadata: {labels: {app: set}}, spec: {
  terminationGracePeriodSeconds: 0, containers: [{name: c, image: "127.0.0.1:5000/no-such-image:2"}]}}}}
`)
	b := newBed(t, "stuck", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-stuck', 'app', live_update=[sync('app', '/app'), restart_container()])
k8s_yaml('all.yaml')
`,
		"all.yaml":       yaml.String(),
		"app/Dockerfile": "FROM $BASE\nCOPY run.sh /app/\nCMD [\"sh\", \"/app/run.sh\"]\n",
		"app/run.sh":     "echo no database; exit 3\n",
	})
	out, err := b.run(t.Context(), "up", "--detach", "--timeout", "150s", "--namespace", b.namespace)
	if err == nil || strings.Contains(out, "not all is ready after") {
		t.Errorf("up: %v, want exit code 1 when all causes are known:\n%s", err, out)
	}
	says := []string{`error: job: .* container c exited with code 7`, `error: pod: .* container c exited with code 6`, `error: set: .* container c has no image: 127.0.0.1:5000/no-such-image:2 cannot be pulled`}
	for _, w := range stuck {
		says = append(says, w.says)
	}
	status, _ := b.run(t.Context(), "status")
	for _, want := range says {
		if !regexp.MustCompile(`(?m)^` + want).MatchString(out) {
			t.Errorf("up does not end with %s", want)
		}
		if words := regexp.MustCompile(`(?m)^` + want); !words.MatchString(status) {
			t.Errorf("status has no %s", want)
		}
	}
	if t.Failed() {
		t.Logf("up:\n%s\nstatus:\n%s", out, status)
	}
	b.write("app/run.sh", "exec httpd -f -p 80 -h /app\n")
	b.ready("crashes")
}
