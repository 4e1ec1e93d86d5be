package extensions

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// podsYAML are Deployments whose pods are lost, each in another way.
func podsYAML() string {
	const mounts = `, volumeMounts: [{name: v, mountPath: %s}]}`
	volume := func(name, container, path, volume string) string {
		return strings.Replace(flow(name, container+fmt.Sprintf(mounts, path), 0), "containers:", "volumes: [{name: v, emptyDir: "+volume+"}], containers:", 1)
	}
	return flow("deleted", "{name: c, image: tl-ext-pods}", 0) +
		flow("drained", "{name: c, image: tl-ext-pods}", 0) +
		volume("evicted", "{name: c, image: tl-ext-pods", "/scratch", "{sizeLimit: 1Mi}") +
		flow("hungry", `{name: c, image: tl-ext-hungry, resources: {limits: {memory: 64Mi}}}`, 0) +
		volume("full", "{name: c, image: tl-ext-full", "/data", "{medium: Memory, sizeLimit: 2Mi}")
}

// TestPodsThatAreLost: a pod is deleted, evicted by a drain, evicted by its node for the
// disk that it fills, killed for its memory, and has no room for what is saved. What is
// saved before arrives in the next pod, and each is told of until it is mended.
func TestPodsThatAreLost(t *testing.T) {
	t.Parallel()
	b := newBed(t, "pods", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-pods', 'app', live_update=[sync('app', '/app'), restart_container()])
docker_build('tl-ext-hungry', 'hungry', live_update=[sync('hungry', '/app'), restart_container()])
docker_build('tl-ext-full', 'full', live_update=[initial_sync(), sync('full/data', '/data')])
k8s_yaml('all.yaml')
`,
		"all.yaml":       podsYAML(),
		"app/Dockerfile": "FROM $BASE\nCOPY run.sh /app/\nCMD [\"sh\", \"/app/run.sh\"]\n", "app/run.sh": noting("0"),
		"hungry/Dockerfile": "FROM $BASE\nCOPY run.sh /app/\nCMD [\"sh\", \"/app/run.sh\"]\n", "hungry/run.sh": noting("0"),
		"full/Dockerfile": "FROM $BASE\nCMD [\"sleep\", \"100000\"]\n", "full/data/text": "0",
	})
	b.up()
	lost := []string{"deleted", "drained", "evicted"}
	before := map[string]api.Target{}
	for _, name := range append(lost, "hungry", "full") {
		before[name] = b.target(name)
	}
	b.write("app/run.sh", noting("1")) // the next pods' image does not have it
	for _, name := range lost {
		b.started(name, "0", "1")
	}

	b.kubectl("delete", "pod", before["deleted"].Pod, "--wait=false")
	b.evict(before["drained"].Pod)
	b.exec(before["evicted"], "dd", "if=/dev/zero", "of=/scratch/large", "bs=1M", "count=4")

	b.write("hungry/run.sh", "exec tail /dev/zero\n")
	b.says([]string{"status", "hungry"}, "hungry", "crashed", "memory")
	b.write("full/data/large", strings.Repeat("0123456789abcdef", 4<<20/16))
	b.says([]string{"status", "full"}, "full", "no space left on device")
	b.fails([]string{"status"}, "no space left on device", "memory")
	b.fails([]string{"wait", "--timeout", "1m", "full", "hungry"}, "no space left on device", "memory", "hint: free space there")
	if logs := b.towline("logs", "full"); strings.Count(logs, "building tl-ext-full") > 3 { // one of a fresh disk is a cure, more are none
		t.Errorf("a full disk leads to one build after the other:\n%s", logs)
	}

	for _, name := range lost {
		b.until(name+" has another pod", func() bool {
			pods := b.running(name)
			return len(pods) == 1 && pods[0] != before[name].Pod
		})
		b.runs(name, "1")
		b.ready(name)
	}
	b.says([]string{"logs", "evicted"}, "Evicted")

	b.write("hungry/run.sh", noting("2"))
	b.write("full/data/large", "small by now")
	b.started("hungry", "0", "2")
	b.ready()
	full := b.target("full")
	if text := b.exec(full, "cat", "/data/text", "/data/large"); text != "0small by now" || full.PodUID != before["full"].PodUID {
		t.Errorf("where there was no room is %q, in %+v", text, full)
	}
	b.until("status has one pod for each", func() bool {
		var s api.Status
		b.must(json.Unmarshal([]byte(b.towline("status", "--json")), &s))
		return !slices.ContainsFunc(s.Resources, func(r api.ResourceStatus) bool { return len(r.Targets) != 1 || r.State != api.StateReady })
	})
	b.down()
	for name := range before {
		b.wantGone("apps/v1", "Deployment", name)
	}
	b.until("no pod is left", func() bool { return b.kubectl("get", "pods", "-o", "name") == "" })
}

// noting is a program that notes its start.
func noting(version string) string {
	return "echo " + version + " >> /tmp/said; exec sleep 100000\n"
}

// started waits until a resource's pod has started just these versions.
func (b *bed) started(resource string, versions ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s has started with %q", resource, versions), func() bool {
		pods := b.running(resource)
		return len(pods) == 1 && slices.Equal(b.noted(pods[0]), versions)
	})
}

// runs waits until a resource's new pod runs a version, which it started once; before
// that it ran what its image has, where the daemon was slow to bring more.
func (b *bed) runs(resource, version string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%s runs %q", resource, version), func() bool {
		pods := b.running(resource)
		if len(pods) != 1 {
			return false
		}
		noted := b.noted(pods[0])
		return slices.Equal(noted, []string{version}) || slices.Equal(noted, []string{"0", version})
	})
}

// noted is what a pod's program has noted, nothing while it is not there.
func (b *bed) noted(pod string) []string {
	cmd := exec.CommandContext(b.t.Context(), "kubectl", "-n", b.namespace, "exec", pod, "-c", "c", "--", "cat", "/tmp/said")
	cmd.Env = administrator()
	out, _ := cmd.Output()
	return strings.Fields(string(out))
}

// running are the pods of a resource that are neither over nor on their way out.
func (b *bed) running(resource string) (names []string) {
	b.t.Helper()
	for _, p := range b.pods(resource) {
		if p.Phase != "Failed" && p.Phase != "Succeeded" {
			names = append(names, p.Name)
		}
	}
	return names
}

// evict drains a pod, as the upgrade of a node does.
func (b *bed) evict(pod string) {
	b.t.Helper()
	b.write("eviction.json", fmt.Sprintf(`{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": %q, "namespace": "$NS"}}`, pod))
	b.kubectl("create", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/eviction", b.namespace, pod), "-f", "eviction.json")
}

// administrator is the environment of who may all, in the cluster of the tests.
func administrator() []string {
	return append(os.Environ(), "KUBECONFIG="+os.Getenv("TOWLINE_TEST_KUBECONFIG"))
}
