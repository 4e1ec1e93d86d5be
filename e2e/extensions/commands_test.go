package extensions

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const commandsTiltfile = `
config.define_bool('serve')
default_registry('127.0.0.1:5000')
for name, kind in [('learnt', {}), ('declared', {'outputs': ['declared/out']})]:
    local_resource('write-' + name, './write.sh ' + name, deps=['src'], **kind)
for name in ['learnt', 'declared']:
    docker_build('tl-ext-' + name, name, live_update=[sync(name + '/out', '/app/out'), restart_container()])
docker_build('tl-ext-built', 'learnt')
k8s_yaml('pods.yaml')
k8s_resource('learnt', resource_deps=['write-learnt'])
k8s_resource('built', resource_deps=['write-learnt'])
if config.parse().get('serve'):
    local_resource('changing', serve_cmd='echo $$ > served; exec sleep 100000')
else:
    k8s_yaml('changing.yaml')
`

// writes is a command that empties a folder and writes three files into it, slowly.
const writes = `#!/bin/sh
version=$(cat src/version)
rm -rf "$1/out"
mkdir -p "$1/out"
for name in a b c; do sleep 0.2; echo "$version" > "$1/out/$name"; done
`

// TestSavesReachPodsThroughCommands: what a command writes arrives when it has ended, as
// one change with one restart, or one build, whether it is learnt or declared what it
// writes. Meanwhile a resource of one name becomes another thing, and back.
func TestSavesReachPodsThroughCommands(t *testing.T) {
	t.Parallel()
	const dockerfile = "FROM $BASE\nCOPY out /app/out\nCMD echo $(cat /app/out/a /app/out/b /app/out/c) | tee -a /tmp/said; exec sleep 100000\n"
	pod := func(name string) string {
		return fmt.Sprintf("---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: %[1]s}, spec: {selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, "+
			"spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-%[1]s}]}}}}\n", name)
	}
	b := newBed(t, "commands", map[string]string{
		"Tiltfile": commandsTiltfile, "write.sh": writes, "src/version": "1\n", "changing.yaml": sleeper("changing"),
		"learnt/Dockerfile": dockerfile, "declared/Dockerfile": dockerfile,
		"pods.yaml": pod("learnt") + pod("declared") + pod("built"),
	})
	b.up()
	said := func(resource string) []string {
		return strings.Split(strings.TrimSpace(b.exec(b.target(resource), "cat", "/tmp/said")), "\n")
	}
	want := []string{"1 1 1"}
	for version := 2; version <= 3; version++ {
		line := strings.TrimSpace(strings.Repeat(fmt.Sprint(version, " "), 3))
		want = append(want, line)
		b.write("src/version", fmt.Sprintln(version))
		for _, resource := range []string{"learnt", "declared"} {
			b.until(fmt.Sprintf("%s has %q", resource, line), func() bool { return slices.Contains(said(resource), line) })
		}
		b.until(fmt.Sprintf("built logs %q", line), func() bool { return strings.Contains(b.towline("logs", "built"), line) })
		b.towline("wait", "--timeout", "2m")
	}
	for _, resource := range []string{"learnt", "declared"} {
		if got := said(resource); !slices.Equal(got, want) {
			t.Errorf("%s was started with %q, want %q", resource, got, want)
		}
	}
	b.want("apps/v1", "Deployment", "built", `"deployment.kubernetes.io/revision":"3"`)
	b.becomesAnother()
	b.down()
}

// becomesAnother has a resource be a local server in place of a Deployment, and a
// StatefulSet in place of that.
func (b *bed) becomesAnother() {
	b.t.Helper()
	serves := func() bool {
		text, err := os.ReadFile(filepath.Join(b.dir, "served"))
		pid, notYet := strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && notYet == nil && syscall.Kill(pid, 0) == nil
	}
	b.towline("args", "--", "--serve")
	b.until("the server runs", serves)
	b.towline("wait", "changing", "--timeout", "2m")
	b.until("the Deployment is gone", func() bool { return b.object("apps/v1", "Deployment", "changing") == nil })
	b.write("changing.yaml", strings.Replace(sleeper("changing"), `"Deployment"`, `"StatefulSet"`, 1))
	b.towline("args", "--clear")
	b.towline("wait", "changing", "--timeout", "2m")
	b.want("apps/v1", "StatefulSet", "changing", `"readyReplicas":1`)
	b.until("the server has ended", func() bool { return !serves() })
	b.write("changing.yaml", sleeper("changing"))
	b.until("the Deployment is back", func() bool { return b.object("apps/v1", "Deployment", "changing") != nil })
	b.towline("wait", "changing", "--timeout", "2m")
	b.until("the StatefulSet is gone", func() bool { return b.object("apps/v1", "StatefulSet", "changing") == nil })
}
