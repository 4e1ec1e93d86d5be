package extensions

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/kube"
)

// TestObjects brings up what makes plain objects: namespaces, config maps,
// secrets, deployments and jobs.
func TestObjects(t *testing.T) {
	t.Parallel()
	b := newBed(t, "objects", map[string]string{
		"Tiltfile": `
load('ext://namespace', 'namespace_create', 'namespace_inject')
load('ext://configmap', 'configmap_create', 'configmap_from_dict')
load('ext://secret', 'secret_create_generic', 'secret_from_dict', 'secret_create_tls', 'secret_yaml_registry')
load('ext://deployment', 'deployment_create', 'job_create')
namespace_create('$NS-made', labels=['a: b'])
configmap_create('files', from_file=['dir', 'k=dir/one'], namespace='$NS')
configmap_create('settings', from_env_file='.env')
k8s_yaml(configmap_from_dict('dict', inputs={'a': '1'}))
secret_create_generic('login', from_file='password=dir/one')
k8s_yaml(secret_from_dict('token', inputs={'token': 'xyz'}))
k8s_yaml(secret_yaml_registry('registry', flags_dict={'docker-username': 'u', 'docker-password': 'p'}))
k8s_yaml(namespace_inject(configmap_from_dict('injected'), '$NS-made'))
deployment_create('web', image='$BASE', command=['sleep', '100000'], ports=['80:8080'],
    env=[{'name': 'A', 'value': 'b'}], readiness_probe={'exec': {'command': ['true']}})
job_create('migrate', image='$BASE', command='echo migrated')
k8s_yaml(helm('chart', name='rel'))
`,
		"chart/Chart.yaml":        "{apiVersion: v2, name: chart, version: 0.1.0}\n",
		"chart/templates/cm.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: released, namespace: {{ .Release.Namespace }}}, data: {host: \"db.{{ .Release.Namespace }}.svc\"}}\n",
		"dir/one":                 "1\n", "dir/two": "2\n", ".env": "A=b\n",
	})
	b.deleteAtEnd("tl-ext-objects-made") // down leaves namespaces
	b.up()
	b.want("v1", "Namespace", "tl-ext-objects-made", `"a":"b"`)
	b.want("v1", "ConfigMap", "files", `"k":"1\n"`, `"two":"2\n"`)
	b.want("v1", "ConfigMap", "settings", `"A":"b"`)
	b.want("v1", "ConfigMap", "dict", `"a":"1"`)
	b.want("v1", "Secret", "login", `"password":"MQo="`)
	b.want("v1", "Secret", "token", `"token":"eHl6"`, `"type":"Opaque"`)
	b.want("v1", "Secret", "registry", `"type":"kubernetes.io/dockerconfigjson"`)
	b.want("v1", "ConfigMap", "released", `"host":"db.tl-ext-objects.svc"`) // a chart's namespace is the project's
	b.want("apps/v1", "Deployment", "web", `"readyReplicas":1`, `"readinessProbe"`)
	b.want("v1", "Service", "web", `"targetPort":8080`)
	b.want("batch/v1", "Job", "migrate", `"succeeded":1`)
	b.down()
	b.wantGone("apps/v1", "Deployment", "web")
	b.wantGone("v1", "ConfigMap", "dict")
	b.wantGone("v1", "Secret", "token")
}

// chart is a chart of one deployment.
func chart(version string) map[string]string {
	return map[string]string{
		"web/Chart.yaml":  "apiVersion: v2\nname: web\nversion: " + version + "\n",
		"web/values.yaml": "image: " + base + "\ntext: default\nextra: true\n",
		"web/templates/web.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: web, image: "{{ .Values.image }}", command: [sleep, "100000"], env: [{name: TEXT, value: "{{ .Values.text }}"}]}
`,
		"web/templates/extra.yaml": "{{ if .Values.extra }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-extra}\n{{ end }}\n",
	}
}

// serveChart is a repository of that chart on loopback.
func serveChart(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range chart("1.0.0") {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("tar", "-C", dir, "-czf", filepath.Join(dir, "web.tgz"), "web").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.yaml"), []byte("apiVersion: v1\nentries: {web: [{name: web, version: 1.0.0, urls: [web.tgz]}]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

func TestHelmRemote(t *testing.T) {
	t.Parallel()
	b := newBed(t, "remote", map[string]string{"Tiltfile": fmt.Sprintf(`
load('ext://helm_remote', 'helm_remote')
helm_remote('web', repo_url='%s', release_name='remote', namespace='$NS', set=['text=hello'])
`, serveChart(t))})
	b.up()
	b.want("apps/v1", "Deployment", "remote", `"readyReplicas":1`, `"value":"hello"`)
	b.want("v1", "ConfigMap", "remote-extra")
	b.down()
	b.wantGone("apps/v1", "Deployment", "remote")
}

// TestHelmResource installs a chart of a repository, and a local one with an
// image of the project; then its values change.
func TestHelmResource(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Tiltfile": fmt.Sprintf(`
load('ext://helm_resource', 'helm_resource', 'helm_repo')
default_registry('127.0.0.1:5000')
helm_repo('mine', '%s', resource_name='mine-repo')
helm_resource('stored', 'mine/web', namespace='$NS', flags=['--set', 'text=a b'], resource_deps=['mine-repo'])
docker_build('tl-ext/web', '.', dockerfile='Dockerfile')
helm_resource('local', './web', namespace='$NS', image_deps=['tl-ext/web'], image_keys=['image'], flags=['--values=dev.yaml'])
`, serveChart(t)),
		"Dockerfile": "FROM " + base + "\nCOPY dev.yaml /dev.yaml\n", "dev.yaml": "text: first\n",
	}
	for file, text := range chart("1.0.0") {
		files[file] = text
	}
	b := newBed(t, "helm", files)
	b.up()
	b.want("apps/v1", "Deployment", "stored", `"readyReplicas":1`, `"value":"a b"`, base)
	b.want("apps/v1", "Deployment", "local", `"readyReplicas":1`, `"value":"first"`, `"image":"127.0.0.1:5000/tl-ext_web:`)
	b.want("v1", "ConfigMap", "local-extra")

	b.write("dev.yaml", "text: second\nextra: false\n")
	b.until("the release is upgraded", func() bool { return b.object("v1", "ConfigMap", "local-extra") == nil })
	b.want("apps/v1", "Deployment", "local", `"value":"second"`)
	b.want("v1", "ConfigMap", "stored-extra")
	b.towline("wait", "local") // what the upgrade left out is not missed

	extra := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "stored-extra"}}
	b.must(b.cluster.Delete(t.Context(), []map[string]any{extra}, kube.DeleteOptions{}))
	b.until("what was deleted by hand is missed", func() bool {
		out, _ := b.run(t.Context(), "status")
		return strings.Contains(out, "ConfigMap stored-extra in namespace "+b.namespace+" is gone") && strings.Contains(out, "towline trigger stored")
	})
	b.towline("trigger", "stored")
	b.until("it is brought back", func() bool { return b.object("v1", "ConfigMap", "stored-extra") != nil })
	b.towline("wait", "stored")

	b.down()
	b.wantGone("apps/v1", "Deployment", "local")
	b.wantGone("apps/v1", "Deployment", "stored")
	b.wantGone("v1", "Secret", "towline.release.local")
}

// TestRestartProcess: after a save the process runs anew in the same container,
// and there is no second image.
func TestRestartProcess(t *testing.T) {
	t.Parallel()
	b := newBed(t, "restart", map[string]string{
		"Tiltfile": `
load('ext://restart_process', 'docker_build_with_restart')
load('ext://deployment', 'deployment_create')
default_registry('127.0.0.1:5000')
docker_build_with_restart('tl-ext-web', 'app', entrypoint=['sh', '/app/run.sh'], live_update=[sync('app', '/app')])
deployment_create('web', image='tl-ext-web')
`,
		"app/Dockerfile": "FROM " + base + "\nCOPY . /app\n",
		"app/run.sh":     "cp /app/text /tmp/started\nwhile true; do sleep 1; done\n",
		"app/text":       "one",
	})
	b.up()
	before := b.target("web")
	if got := b.exec(before, "cat", "/tmp/started"); got != "one" {
		t.Errorf("started with %q", got)
	}
	b.write("app/text", "two")
	b.until("the process has the new text", func() bool { return b.exec(before, "cat", "/tmp/started") == "two" })
	after := b.target("web")
	if after.PodUID != before.PodUID || after.Image != before.Image || after.Restarts != 0 || after.Pid == before.Pid {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// TestAttach: what runs already is followed and neither changed nor deleted;
// its files can be fetched and commands run in it.
func TestAttach(t *testing.T) {
	t.Parallel()
	b := newBed(t, "attach", map[string]string{
		"Tiltfile": `
load('ext://k8s_attach', 'k8s_attach')
load('ext://tarfetch', 'tarfetch')
load('ext://execute_in_pod', 'execute_in_pod')
load('ext://wait_for_it', 'wait_for_it')
load('ext://min_k8s_version', 'min_k8s_version')
min_k8s_version('1.20')
wait_for_it("kubectl get deployment/there -n $NS -o jsonpath='{.status.readyReplicas}'", expected_output='1')
print('hostname: ' + str(execute_in_pod('there', 'cat /etc/motto', namespace='$NS')))
k8s_attach('there', 'deployment/there', namespace='$NS', port_forwards=[])
tarfetch('fetch', 'deployment/there', '/files', 'fetched', namespace='$NS', ignore=['*.tmp'])
`,
	})
	labels := map[string]any{"app": "there"}
	_, err := b.cluster.Apply(t.Context(), []map[string]any{{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "there"},
		"spec": map[string]any{"selector": map[string]any{"matchLabels": labels}, "template": map[string]any{
			"metadata": map[string]any{"labels": labels},
			"spec": map[string]any{"terminationGracePeriodSeconds": 0, "containers": []any{map[string]any{
				"name": "c", "image": base,
				"command": []any{"sh", "-c", "mkdir /files; echo hi >/files/a.txt; echo no >/files/b.tmp; echo tow >/etc/motto; echo its own words; sleep 100000"},
			}}},
		}},
	}}, kube.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.until("its pod has its files", func() bool {
		cmd := exec.Command("kubectl", "exec", "deployment/there", "-n", b.namespace, "--", "cat", "/etc/motto")
		cmd.Env = b.env
		return cmd.Run() == nil
	})
	uid := func() any { return b.object("apps/v1", "Deployment", "there")["metadata"].(map[string]any)["uid"] }
	before := uid()
	b.up()
	if logs := b.towline("logs"); !strings.Contains(logs, "hostname: tow") {
		t.Errorf("execute_in_pod printed nothing: %s", logs)
	}
	b.until("its log is followed", func() bool { return strings.Contains(b.towline("logs", "there"), "its own words") })
	b.towline("trigger", "fetch")
	b.until("the file is fetched", func() bool {
		data, err := os.ReadFile(filepath.Join(b.dir, "fetched", "a.txt"))
		return err == nil && string(data) == "hi\n"
	})
	if _, err := os.Stat(filepath.Join(b.dir, "fetched", "b.tmp")); err == nil {
		t.Error("an ignored file was fetched")
	}
	b.down()
	if uid() != before {
		t.Error("the attached deployment was replaced")
	}
}

// TestGitResource builds and deploys what a repository on this disk holds.
func TestGitResource(t *testing.T) {
	t.Parallel()
	repo := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "--quiet", "--initial-branch=main")
	if err := os.WriteFile(filepath.Join(repo, "Dockerfile"), []byte("FROM "+base+"\nENTRYPOINT [\"sleep\", \"100000\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "--quiet", "-m", "first")
	bare := filepath.Join(t.TempDir(), "service.git")
	git("clone", "--quiet", "--bare", repo, bare)
	b := newBed(t, "git", map[string]string{"Tiltfile": fmt.Sprintf(`
load('ext://git_resource', 'git_resource')
default_registry('127.0.0.1:5000')
git_resource('service', 'file://%s#main', namespace='$NS')
`, bare)})
	b.up()
	b.want("apps/v1", "Deployment", "service", `"readyReplicas":1`, `"image":"127.0.0.1:5000/service-image:`)
}

// TestCertManager installs it from a release that a stand-in of curl has: three
// deployments of an image that the test bed has.
func TestCertManager(t *testing.T) {
	t.Parallel()
	var yaml strings.Builder
	yaml.WriteString("apiVersion: v1\nkind: Namespace\nmetadata: {name: cert-manager}\n")
	for _, name := range []string{"cert-manager", "cert-manager-cainjector", "cert-manager-webhook"} {
		fmt.Fprintf(&yaml, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %[1]s, namespace: cert-manager}\nspec:\n  selector: {matchLabels: {app: %[1]s}}\n"+
			"  template: {metadata: {labels: {app: %[1]s}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: %[2]s, command: [sleep, '100000']}]}}\n", name, base)
	}
	b := newBed(t, "certs", map[string]string{
		"release.yaml": yaml.String(),
		"bin/curl":     "#!/bin/sh\nexec cat \"$(dirname \"$0\")/../release.yaml\"\n",
		"Tiltfile":     "load('ext://cert_manager', 'deploy_cert_manager')\ndeploy_cert_manager(version='v1.14.0')\nlocal_resource('done', 'true')\n",
	})
	ctx := t.Context()
	b.takeNamespace("cert-manager")
	b.deleteAtEnd("cert-manager")
	b.env = append(b.env, "PATH="+filepath.Join(b.dir, "bin")+":"+os.Getenv("PATH"))
	b.up()
	found, err := b.cluster.Current(ctx, []map[string]any{{"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "cert-manager-webhook", "namespace": "cert-manager"}}})
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}
