package extensions

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// webhookAway refuses pods of an app by a webhook that is not there, until it is
// called off.
func (b *bed) webhookAway(app string) (returns func()) {
	b.t.Helper()
	hook := map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": map[string]any{"name": b.namespace},
		"webhooks": []any{map[string]any{
			"name": "guard.example.com", "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 1, "admissionReviewVersions": []any{"v1"},
			"clientConfig":      map[string]any{"service": map[string]any{"namespace": b.namespace, "name": "away"}},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": b.namespace}},
			"objectSelector":    map[string]any{"matchLabels": map[string]any{"app": app}},
			"rules":             []any{map[string]any{"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"}}},
		}},
	}
	returns = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.cluster.Delete(ctx, []map[string]any{hook}, kube.DeleteOptions{}); err != nil && !kube.IsKind(err, kube.NotFound) {
			b.t.Error(err)
		}
	}
	b.t.Cleanup(returns)
	_, err := b.cluster.Apply(b.t.Context(), []map[string]any{hook}, kube.ApplyOptions{})
	b.must(err)
	pod := map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "probe", "labels": map[string]any{"app": app}},
		"spec": map[string]any{"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": []any{map[string]any{"name": "c", "image": base, "command": []any{"true"}}}},
	}
	b.until("the webhook refuses pods", func() bool {
		_, err := b.cluster.Apply(b.t.Context(), []map[string]any{pod}, kube.ApplyOptions{})
		if err == nil { // it was let in: the API server does not know the webhook yet
			err = b.cluster.Delete(b.t.Context(), []map[string]any{pod}, kube.DeleteOptions{})
			b.must(err)
			return false
		}
		return strings.Contains(err.Error(), "failed calling webhook")
	})
	return returns
}

// TestRefusedPods brings up workloads whose pods a quota, a LimitRange and a
// webhook that is away refuse: no error, and nothing hangs; what fits is synced into, and
// what is changed so that it fits comes up.
func TestRefusedPods(t *testing.T) {
	t.Parallel()
	const tiltfile = `
docker_build('tl-ext-quota', 'app', live_update=[sync('app/public', '/srv')])
def workload(kind, name, spec, resources, image='$BASE'):
    spec['template'] = {'metadata': {'labels': {'app': name}}, 'spec': {
        'restartPolicy': 'Never' if kind == 'Job' else 'Always', 'terminationGracePeriodSeconds': 1,
        'containers': [{'name': 'c', 'image': image, 'command': ['true'] if kind == 'Job' else ['sleep', '100000'], 'resources': resources}]}}
    if kind != 'Job':
        spec['selector'] = {'matchLabels': {'app': name}}
    version = 'batch/v1' if kind == 'Job' else 'apps/v1'
    k8s_yaml(encode_yaml({'apiVersion': version, 'kind': kind, 'metadata': {'name': name}, 'spec': spec}))
def cpu(n, memory='8Mi'):
    all = {'cpu': n, 'memory': memory, 'ephemeral-storage': '20Mi'}
    return {'requests': all, 'limits': all}
k8s_yaml('rules.yaml')
workload('Deployment', 'silent', {}, SILENT)
workload('StatefulSet', 'big', {'serviceName': 'big'}, BIG)
workload('Job', 'small', {}, SMALL)
workload('Deployment', 'fits', {}, cpu('20m'))
workload('Deployment', 'injected', {}, cpu('20m', '64Mi'), image='tl-ext-quota')
workload('Deployment', 'guarded', {}, GUARDED)
`
	refused := strings.NewReplacer("SILENT", "{'limits': {'memory': '8Mi'}}", "BIG", "cpu('500m')", "SMALL", "cpu('1m')", "GUARDED", "cpu('20m')").Replace(tiltfile)
	b := newBed(t, "refused", map[string]string{"Tiltfile": refused, "rules.yaml": `
apiVersion: v1
kind: ResourceQuota
metadata: {name: tight}
spec: {hard: {requests.cpu: 300m, limits.cpu: 300m, requests.memory: 256Mi, limits.memory: 256Mi, requests.ephemeral-storage: 1Gi, limits.ephemeral-storage: 1Gi}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: least}
spec: {limits: [{type: Container, min: {cpu: 10m}}]}
`, "app/Dockerfile": "FROM $BASE\nCOPY public /srv\n", "app/public/text": "one"})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	returns := b.webhookAway("guarded")
	out, err := b.run(ctx, "up", "--detach", "--timeout", "90s", "--namespace", b.namespace)
	if err == nil || strings.Contains(out, "not ready after") {
		t.Errorf("up: %v, want exit code 1 soon:\n%s", err, out)
	}
	status := b.towline("status") // with exit code 0
	for _, want := range []string{"▲ silent", "▲ big", "▲ small", "▲ guarded", "webhook guard.example.com", "quota tight", "LimitRange", "fits", "waiting: big: ", "kubectl describe resourcequota tight"} {
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
	injected := b.target("injected") // what brings the agent has all that the rules want
	b.write("app/public/text", "two")
	b.until("the save is in the pod", func() bool { return b.exec(injected, "cat", "/srv/text") == "two" })
	returns()
	b.write("Tiltfile", strings.NewReplacer("SILENT", "cpu('20m')", "BIG", "cpu('20m')", "SMALL", "cpu('20m')", "GUARDED", "cpu('21m')").Replace(tiltfile))
	b.up()
	b.down()
}
