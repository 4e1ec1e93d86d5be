package extensions

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/server/kube"
)

// TestThePermissionsOfTheDocsAreEnough brings a project up, updates it live and
// takes it down with the Role of docs/permissions.md and nothing else.
func TestThePermissionsOfTheDocsAreEnough(t *testing.T) {
	t.Parallel()
	b := newBed(t, "permissions", map[string]string{
		"Tiltfile": `
allow_k8s_contexts('towline-testbed')
default_registry('127.0.0.1:5000')
docker_build('permissions-web', 'web', live_update=[sync('web/public', '/srv')])
k8s_yaml('web.yaml')
`,
		"web/Dockerfile":        "FROM $BASE\nCOPY public /srv\n",
		"web/public/index.html": "first\n",
		"web.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: web-conf}
data: {a: "1"}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: web, image: permissions-web, command: [sleep, "100000"]}
`,
	})
	text, err := os.ReadFile("../../docs/permissions.md")
	b.must(err)
	_, role, _ := strings.Cut(string(text), "```yaml\n")
	role, _, found := strings.Cut(role, "```")
	if !found {
		t.Fatal("docs/permissions.md has no Role")
	}
	b.write("rights/role.yaml", role+`---
apiVersion: v1
kind: ServiceAccount
metadata: {name: developer}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: developer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: towline}
subjects: [{kind: ServiceAccount, name: developer, namespace: $NS}]
---
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: developer, annotations: {kubernetes.io/service-account.name: developer}}
`)
	b.applyFile("rights/role.yaml")
	var token string
	b.until("the account has a token", func() bool {
		data, _ := b.object("v1", "Secret", "developer")["data"].(map[string]any)
		token, _ = data["token"].(string)
		return token != ""
	})
	b.becomes(token)
	if out := b.towline("doctor", "--namespace", b.namespace); !strings.Contains(out, "✓ rights") {
		t.Errorf("doctor says:\n%s", out)
	}
	if out, err := b.run(t.Context(), "doctor", "--namespace", "kube-system"); err == nil || !strings.Contains(out, "✗ rights") {
		t.Errorf("in a namespace of somebody else's doctor says: %v\n%s", err, out)
	}
	b.up()
	pod := b.target("web").Pod
	b.write("web/public/index.html", "second\n")
	b.until("the save is in the pod", func() bool {
		target := b.target("web")
		return target.LastSync != nil && target.LastSync.Files > 0 && target.Sync == "in-sync"
	})
	if now := b.target("web").Pod; now != pod {
		t.Errorf("pod %s was replaced by %s: the save was a build", pod, now)
	}
	b.loses("deployments", "list")
	b.towline("daemon", "--stop")
	if out, err := b.run(t.Context(), "up", "--detach", "--namespace", b.namespace, "--timeout", "1m"); err == nil || contains(out, "not ready after") {
		t.Errorf("up of what cannot be seen: %v\n%s", err, out)
	}
	b.says([]string{"status"}, "error: web: ", "whether Deployment web in namespace "+b.namespace+" is ready cannot be seen: watching deployments: ",
		`cannot list resource "deployments" in API group "apps" in the namespace "`+b.namespace+`"`)
	b.down()
	b.wantGone("apps/v1", "Deployment", "web")
}

// loses takes a right to a kind away from the Role that was applied.
func (b *bed) loses(kind, verb string) {
	b.t.Helper()
	role := b.object("rbac.authorization.k8s.io/v1", "Role", "towline")
	for _, rule := range role["rules"].([]any) {
		rule := rule.(map[string]any)
		if is := func(r any) bool { return r == kind }; slices.ContainsFunc(rule["resources"].([]any), is) {
			rule["verbs"] = slices.DeleteFunc(rule["verbs"].([]any), func(v any) bool { return v == verb })
		}
	}
	_, err := b.cluster.Patch(b.t.Context(), role, map[string]any{"rules": role["rules"]})
	b.must(err)
	b.until("the account may not "+verb+" "+kind, func() bool {
		cmd := exec.CommandContext(b.t.Context(), "kubectl", "-n", b.namespace, "auth", "can-i", verb, kind)
		cmd.Env = b.env
		out, _ := cmd.Output() // no is an error, too
		return strings.TrimSpace(string(out)) == "no"
	})
}

// applyFile applies the objects of a file of the workspace, one after the
// other, as the cluster's administrator: the Secret of an account that is not
// there yet would be deleted.
func (b *bed) applyFile(file string) {
	b.t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, file))
	b.must(err)
	for document := range strings.SplitSeq(string(data), "---\n") {
		var object map[string]any
		b.must(yaml.Unmarshal([]byte(document), &object))
		_, err := b.cluster.Apply(b.t.Context(), []map[string]any{object}, kube.ApplyOptions{})
		b.must(err)
	}
}

// becomes makes later commands those of the account with a token, which is in
// base64 as a Secret has it.
func (b *bed) becomes(token string) {
	b.t.Helper()
	plain, err := base64.StdEncoding.DecodeString(token)
	b.must(err)
	b.kubeconfig(func(config map[string]any) {
		for _, user := range config["users"].([]any) {
			user.(map[string]any)["user"] = map[string]any{"token": string(plain)}
		}
	})
}
