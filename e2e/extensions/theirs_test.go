package extensions

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/kube"
)

const theirsTiltfile = "k8s_yaml(['web.yaml', 'conf.yaml'])\nk8s_resource(new_name='conf', objects=['conf:configmap'])\n"

// TestTwoWorkspacesOneNamespace: the second one is asked before it takes what the
// first brought up, and the first takes nothing of it down; then somebody deletes
// by hand what is up.
func TestTwoWorkspacesOneNamespace(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Tiltfile": theirsTiltfile, "web.yaml": noPods("web"),
		"conf.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: {a: '1'}}\n",
	}
	b := newBed(t, "theirs", files)
	other := b.neighbour(files)
	b.up()
	first := b.object("apps/v1", "Deployment", "web")
	out, err := other.run(t.Context(), "up", "--detach", "--namespace", b.namespace)
	if err == nil || !contains(out, "error: ", "it belongs to ", ":"+b.dir+", since 20", "--take-over", "--namespace NAME") {
		t.Errorf("the second one's up: %v\n%s", err, out)
	}
	asked := other.towline("answer")
	if !contains(asked, "Deployment web in namespace "+b.namespace, ":"+b.dir+", since 20", "towline up --namespace NAME", "towline answer take-over yes") {
		t.Errorf("what is asked:\n%s", asked)
	}
	if other.towline("answer", "take-over", "no"); uid(b.object("apps/v1", "Deployment", "web")) != uid(first) {
		t.Error("an unanswered question changed the Deployment")
	}
	b.want("v1", "ConfigMap", "conf", ":"+b.dir+`"`)

	other.towline("answer", "take-over", "yes")
	other.towline("wait", "--timeout", "2m")
	for _, o := range []struct{ version, kind, name string }{{"apps/v1", "Deployment", "web"}, {"v1", "ConfigMap", "conf"}} {
		other.want(o.version, o.kind, o.name, `"`+kube.AnnotationSince+`":"20`, ":"+other.dir+`"`)
		b.says([]string{"status"}, o.kind+" "+o.name+" in namespace "+b.namespace+" was taken over by", ":"+other.dir)
	}
	b.down()
	other.want("v1", "ConfigMap", "conf", ":"+other.dir+`"`)
	other.want("apps/v1", "Deployment", "web", ":"+other.dir+`"`)

	for kind, version := range map[string]string{"Deployment": "apps/v1", "ConfigMap": "v1"} {
		name := map[string]string{"Deployment": "web", "ConfigMap": "conf"}[kind]
		before := other.object(version, kind, name)
		b.must(b.cluster.Delete(t.Context(), []map[string]any{before}, kube.DeleteOptions{}))
		other.says([]string{"status"}, kind+" "+name+" in namespace "+b.namespace+" is gone: it was deleted in the cluster", "towline trigger "+name)
		if kind == "Deployment" {
			other.up()
		} else {
			other.towline("trigger", name)
			other.towline("wait", name, "--timeout", "2m")
		}
		if now := other.object(version, kind, name); now == nil || uid(now) == uid(before) {
			t.Errorf("%s %s was not brought back: %v", kind, name, now)
		}
	}
	other.down()
	other.wantGone("apps/v1", "Deployment", "web")
	other.wantGone("v1", "ConfigMap", "conf")
	if out := strings.TrimSpace(other.towline("status")); !strings.Contains(out, "Nothing is up") {
		t.Errorf("at the end status says:\n%s", out)
	}
}

// noPods is a Deployment that is ready without a pod, as nothing of what is tested has
// to do with pods.
func noPods(name string) string {
	return strings.Replace(sleeper(name), `"spec": {"selector"`, `"spec": {"replicas": 0, "selector"`, 1)
}

func uid(object map[string]any) any { return object["metadata"].(map[string]any)["uid"] }
