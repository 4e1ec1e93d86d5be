package extensions

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestRefusedPods brings up workloads whose pods a quota and a LimitRange refuse:
// no error, and nothing hangs; what is changed so that it fits comes up.
func TestRefusedPods(t *testing.T) {
	const tiltfile = `
def workload(kind, name, spec, resources):
    spec['template'] = {'metadata': {'labels': {'app': name}}, 'spec': {
        'restartPolicy': 'Never' if kind == 'Job' else 'Always', 'terminationGracePeriodSeconds': 1,
        'containers': [{'name': 'c', 'image': '$BASE', 'command': ['true'] if kind == 'Job' else ['sleep', '100000'], 'resources': resources}]}}
    if kind != 'Job':
        spec['selector'] = {'matchLabels': {'app': name}}
    version = 'batch/v1' if kind == 'Job' else 'apps/v1'
    k8s_yaml(encode_yaml({'apiVersion': version, 'kind': kind, 'metadata': {'name': name}, 'spec': spec}))
def cpu(n):
    return {'requests': {'cpu': n, 'memory': '8Mi'}, 'limits': {'cpu': n, 'memory': '8Mi'}}
k8s_yaml('rules.yaml')
workload('Deployment', 'silent', {}, SILENT)
workload('StatefulSet', 'big', {'serviceName': 'big'}, BIG)
workload('Job', 'small', {}, SMALL)
workload('Deployment', 'fits', {}, cpu('20m'))
`
	refused := strings.NewReplacer("SILENT", "{'limits': {'memory': '8Mi'}}", "BIG", "cpu('500m')", "SMALL", "cpu('1m')").Replace(tiltfile)
	b := newBed(t, "refused", map[string]string{"Tiltfile": refused, "rules.yaml": `
apiVersion: v1
kind: ResourceQuota
metadata: {name: tight}
spec: {hard: {requests.cpu: 300m, limits.cpu: 300m}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: least}
spec: {limits: [{type: Container, min: {cpu: 10m}}]}
`})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := b.run(ctx, "up", "--detach", "--timeout", "90s", "--namespace", b.namespace)
	if err == nil || strings.Contains(out, "not ready after") {
		t.Errorf("up: %v, want exit code 1 soon:\n%s", err, out)
	}
	status := b.towline("status") // with exit code 0
	for _, want := range []string{"▲ silent", "▲ big", "▲ small", "quota tight", "LimitRange", "fits", "waiting: big: ", "kubectl describe resourcequota tight"} {
		if !strings.Contains(strings.Join(strings.Fields(status), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("status says nothing of %q:\n%s", want, status)
		}
	}
	if failed := b.towline("status", "--failed"); !strings.Contains(failed, "small") || strings.Contains(failed, "fits") {
		t.Errorf("--failed lists:\n%s", failed)
	}
	if out, err := b.run(ctx, "wait", "small"); err == nil {
		t.Errorf("wait ends well:\n%s", out)
	}
	b.write("Tiltfile", strings.NewReplacer("SILENT", "cpu('20m')", "BIG", "cpu('20m')", "SMALL", "cpu('20m')").Replace(tiltfile))
	b.up()
	b.down()
}
