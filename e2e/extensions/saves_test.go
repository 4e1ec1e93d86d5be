package extensions

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// sleeper is a Deployment of an image that nobody of the project builds.
func sleeper(name string) string {
	return fmt.Sprintf(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": %[1]q}, "spec": {"selector": {"matchLabels": {"app": %[1]q}},
"template": {"metadata": {"labels": {"app": %[1]q}}, "spec": {"terminationGracePeriodSeconds": 0,
"containers": [{"name": "c", "image": %[2]q, "command": ["sh", "-c", "mkdir -p /srv; exec sleep 100000"]}]}}}}`, name, base)
}

// saysYAML has one image in three containers of a pod, each with words of its
// own, in a pod that shares its processes, with a terminal, hooks and a probe;
// and images whose words the Tiltfile says.
const saysYAML = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: says}
spec:
  selector: {matchLabels: {app: says}}
  template:
    metadata: {labels: {app: says}}
    spec:
      shareProcessNamespace: true
      terminationGracePeriodSeconds: 1
      containers:
      - name: plain
        image: tl-ext-says
        tty: true
        stdin: true
        lifecycle:
          postStart: {exec: {command: [sh, -c, "echo started > /tmp/hook"]}}
          preStop: {exec: {command: ["true"]}}
        readinessProbe: {exec: {command: [cat, /tmp/hook]}, periodSeconds: 1}
      - {name: args, image: tl-ext-says, args: ["--mode=$(MODE)", "a b", "$$HOME"], env: [{name: MODE, value: worker}]}
      - {name: cmd, image: tl-ext-says, command: [sh, /app/says.sh, third]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kept}
spec:
  selector: {matchLabels: {app: kept}}
  template:
    metadata: {labels: {app: kept}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: tl-ext-kept, args: [--from-yaml]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: alone}
spec:
  selector: {matchLabels: {app: alone}}
  template:
    metadata: {labels: {app: alone}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: tl-ext-alone, args: [--from-yaml]}]}
`

// says is a program that notes how it was started, and has children.
const says = "#!/bin/sh\necho \"VERSION: $*\" >> /tmp/said\nsh -c 'sleep 100000' &\n(sleep 0.1 &)\nwhile :; do sleep 0.5; done\n"

// TestSavesReachWhatRuns: what is saved arrives in containers of somebody
// else's images, in each of the ways that there are, without a new pod; and
// programs that are restarted in place five times keep their words, and leave
// no process behind.
func TestSavesReachWhatRuns(t *testing.T) {
	t.Parallel()
	b := newBed(t, "saves", map[string]string{
		"Tiltfile": `
load('ext://file_sync_only', 'file_sync_only')
load('ext://k8s_attach', 'k8s_attach')
load('ext://helm_resource', 'helm_resource')
load('ext://restart_process', 'docker_build_with_restart')
default_registry('127.0.0.1:5000')
steps = [sync('src', '/srv')]
k8s_custom_deploy('commanded', apply_cmd='kubectl -n $NS apply -o yaml -f commanded.yaml', delete_cmd='kubectl -n $NS delete --ignore-not-found -f commanded.yaml',
    deps=['commanded.yaml'], container_selector='c', live_update=steps)
file_sync_only('$BASE', 'plain.yaml', live_update=steps)
k8s_attach('attached', 'deployment/there', namespace='$NS', deps=['src'], container_selector='c', live_update=steps)
helm_resource('charted', './chart', namespace='$NS', container_selector='c', live_update=steps)
restarts = [sync('app', '/app'), restart_container()]
docker_build('tl-ext-says', 'app', live_update=restarts)
docker_build_with_restart('tl-ext-kept', 'app', entrypoint=['sh', '/app/says.sh', 'set'], live_update=[sync('app', '/app')])
docker_build('tl-ext-alone', 'app', entrypoint=['sh', '/app/says.sh', 'set'], container_args=[], live_update=restarts)
k8s_yaml('says.yaml')
`,
		// The base has another name: whoever builds on an image that
		// file_sync_only declares is built anew with what it syncs.
		"src/index.html":         "one",
		"commanded.yaml":         sleeper("commanded"),
		"plain.yaml":             sleeper("plain"),
		"chart/Chart.yaml":       "{apiVersion: v2, name: charted, version: 0.1.0}\n",
		"chart/templates/d.yaml": sleeper("charted"),
		"says.yaml":              saysYAML,
		"app/says.sh":            strings.Replace(says, "VERSION", "v1", 1),
		"app/Dockerfile":         "FROM localhost:5000/busybox:1\nCOPY says.sh /app/\nENTRYPOINT [\"sh\", \"/app/says.sh\"]\nCMD [\"from-image\"]\n",
	})
	there, err := kube.Decode(strings.NewReader(sleeper("there")))
	b.must(err)
	_, err = b.cluster.Apply(t.Context(), there, kube.ApplyOptions{})
	b.must(err)
	b.up()

	synced, restarted := []string{"commanded", "plain", "attached", "charted"}, []string{"says", "kept", "alone"}
	pods := map[string]api.Target{}
	for _, name := range append(synced, restarted...) {
		pods[name] = b.target(name)
	}
	b.write("src/index.html", "two")
	for _, name := range synced {
		b.until(name+" has what was saved", func() bool { return b.exec(pods[name], "cat", "/srv/index.html") == "two" })
	}
	said := func(resource, container string) string {
		var out bytes.Buffer // nothing, while the container is not there
		_, _ = b.cluster.Exec(t.Context(), kube.ExecOptions{Namespace: b.namespace, Pod: pods[resource].Pod, Container: container, Argv: []string{"cat", "/tmp/said"}, Stdout: &out})
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return lines[len(lines)-1]
	}
	for i := 1; i <= 6; i++ {
		b.write("app/says.sh", strings.Replace(says, "VERSION", fmt.Sprint("v", i), 1))
		for _, want := range []struct{ resource, container, words string }{
			{"says", "plain", "from-image"}, {"says", "args", "--mode=worker a b $HOME"}, {"says", "cmd", "third"},
			{"kept", "c", "set --from-yaml"}, {"alone", "c", "set"},
		} {
			line := fmt.Sprintf("v%d: %s", i, want.words)
			b.until(fmt.Sprintf("%s of %s says %q", want.container, want.resource, line), func() bool { return said(want.resource, want.container) == line })
		}
	}
	for name, before := range pods {
		if after := b.target(name); after.PodUID != before.PodUID || after.Restarts != 0 {
			t.Errorf("%s was not changed in place:\n%+v\n%+v", name, before, after)
		}
	}
	b.until("old processes and their children are gone", func() bool {
		processes := b.exec(api.Target{Pod: pods["says"].Pod, Container: "plain"}, "ps", "-o", "stat,args")
		return strings.Count(processes, " sleep 100000\n")-strings.Count(processes, "sh -c sleep 100000\n") == 3 && !strings.Contains(processes, "\nZ")
	})
	b.down()
	b.wantGone("apps/v1", "Deployment", "commanded")
	b.want("apps/v1", "Deployment", "there", `"name":"there"`)
}
