package extensions

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// agentless are workloads of two images with a live update, the first of which
// runs where nothing can be synced into it; the other has the agent.
const agentless = `
{apiVersion: batch/v1, kind: Job, metadata: {name: job}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: tl-ext-agentless, command: [sh, /app/once.sh]}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: once}, spec: {restartPolicy: Never, containers: [{name: c, image: tl-ext-agentless, command: [sh, /app/once.sh]}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: on-failure}, spec: {restartPolicy: OnFailure, terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-agentless}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: prepared}, spec: {terminationGracePeriodSeconds: 0, initContainers: [{name: i, image: tl-ext-agentless, command: [sh, /app/once.sh]}], containers: [{name: c, image: "$BASE", command: [sleep, "100000"]}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: init}, spec: {selector: {matchLabels: {app: init}}, template: {metadata: {labels: {app: init}}, spec: {terminationGracePeriodSeconds: 0,
  initContainers: [{name: i, image: tl-ext-agentless, command: [sh, /app/once.sh]}], containers: [{name: c, image: "$BASE", command: [sleep, "100000"]}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: sidecar}, spec: {selector: {matchLabels: {app: sidecar}}, template: {metadata: {labels: {app: sidecar}}, spec: {terminationGracePeriodSeconds: 0,
  initContainers: [{name: i, image: tl-ext-agentless, restartPolicy: Always}], containers: [{name: c, image: "$BASE", command: [sleep, "100000"]}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: cron}, spec: {schedule: "0 0 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: tl-ext-agentless}]}}}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: each}, spec: {updateStrategy: {type: OnDelete}, selector: {matchLabels: {app: each}}, template: {metadata: {labels: {app: each}}, spec: {
  terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-agents}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: pair}, spec: {selector: {matchLabels: {app: pair}}, template: {metadata: {labels: {app: pair}}, spec: {terminationGracePeriodSeconds: 0,
  initContainers: [{name: i, image: tl-ext-agents, command: ["true"]}], containers: [{name: c, image: tl-ext-agents}, {name: d, image: tl-ext-agents}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: set}, spec: {replicas: 2, selector: {matchLabels: {app: set}}, template: {metadata: {labels: {app: set}}, spec: {
  terminationGracePeriodSeconds: 0, containers: [{name: c, image: tl-ext-agents}]}}}}
`

// shared are a Deployment and a Job of one image with a live update.
const shared = `
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {terminationGracePeriodSeconds: 0,
  containers: [{name: c, image: tl-ext-agents-shared}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: tl-ext-agents-shared, command: [sh, /app/once.sh]}]}}}}
`

// TestSavesWhereThereIsNoAgent: what is saved runs in jobs, pods that end, init
// containers and sidecars, too, by a build; and a build that a workload's
// controller does not bring to its pods is never called ready.
func TestSavesWhereThereIsNoAgent(t *testing.T) {
	t.Parallel()
	dockerfile := "FROM $BASE\nCOPY . /app/\nCMD [\"sh\", \"-c\", \"while :; do sh /app/once.sh; sleep 1; done\"]\n"
	b := newBed(t, "agentless", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-agentless', 'app', live_update=[sync('app', '/app')])
docker_build('tl-ext-agents', 'app', live_update=[sync('app', '/app')])
docker_build('tl-ext-agents-shared', 'shared', live_update=[sync('shared', '/app')])
k8s_yaml('all.yaml')
`,
		"all.yaml": agentless + shared, "app/Dockerfile": dockerfile, "app/once.sh": "echo version one\n",
		"shared/Dockerfile": dockerfile, "shared/once.sh": "echo version one\n",
	})
	b.up()
	image := func() string {
		data, err := json.Marshal(b.object("batch/v1", "CronJob", "cron"))
		b.must(err)
		_, after, _ := strings.Cut(string(data), "127.0.0.1:5000/tl-ext-agentless:")
		name, _, _ := strings.Cut(after, `"`)
		return name
	}
	first, synced := image(), []string{"each", "pair", "set"}
	before := map[string]api.Target{}
	for _, resource := range synced {
		before[resource] = b.target(resource)
	}
	b.write("app/once.sh", "echo version two\n")
	b.prints("version two", "job", "once", "on-failure", "prepared", "init", "sidecar", "each", "pair", "set")
	for _, resource := range synced {
		if now := b.target(resource); now.PodUID != before[resource].PodUID {
			t.Errorf("the save was built for %s, which has the agent: %+v", resource, now)
		}
	}
	b.until("the CronJob has another image", func() bool { return image() != first })

	b.write("app/Dockerfile", dockerfile+"LABEL a=b\n")
	b.write("app/once.sh", "echo version three\n")
	b.prints("version three", "job", "once", "on-failure", "prepared", "init", "sidecar", "pair", "set")
	b.until("each waits for its pod to be deleted", func() bool {
		status, _ := b.run(t.Context(), "status", "each")
		return strings.Contains(status, "its update strategy leaves old pods until they are deleted")
	})
	b.deletePod("each")
	b.prints("version three", "each")
	b.ready()
	b.sharedImage(dockerfile)
}

// sharedImage: a save goes live in the Deployment though a Job runs the same image,
// and the Job says what it ran without until a build has it.
func (b *bed) sharedImage(dockerfile string) {
	b.t.Helper()
	web, job := b.target("web"), b.pods("migrate")
	b.write("shared/once.sh", "echo version two\n")
	b.prints("version two", "web")
	b.until("the Job says that it ran without the change", func() bool {
		status, _ := b.run(b.t.Context(), "status", "migrate")
		return strings.Contains(status, "behind 1")
	})
	if now := b.target("web"); now.PodUID != web.PodUID {
		b.t.Errorf("the save was built for web, which has the agent: %+v", now)
	}
	if now := b.pods("migrate"); len(now) != 1 || len(job) != 1 || now[0].UID != job[0].UID {
		b.t.Errorf("the Job ran again for what was synced elsewhere: %d pods, %d before", len(now), len(job))
	}
	b.write("shared/Dockerfile", dockerfile+"LABEL a=b\n")
	b.prints("version two", "migrate", "web")
	b.ready()
}

// prints waits until each container of the images, in all pods that resources have
// now, has printed a line.
func (b *bed) prints(line string, resources ...string) {
	b.t.Helper()
	for _, resource := range resources {
		b.until(fmt.Sprintf("%s prints %q", resource, line), func() bool {
			pods := b.pods(resource)
			for _, p := range pods {
				for _, c := range append(p.InitContainers, p.Containers...) {
					if strings.Contains(c.Image, "/tl-ext-agent") && !(resource == "pair" && c.Name == "i") && !strings.Contains(b.output(p, c.Name), line+"\n") {
						return false
					}
				}
			}
			return len(pods) > 0
		})
	}
}

// pods are those of a resource that stay.
func (b *bed) pods(resource string) (stay []kube.Pod) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	pods, err := b.cluster.Pods(ctx, b.namespace, kube.LabelResource+"="+resource)
	b.must(err)
	for _, p := range pods {
		if !p.Deleting {
			stay = append(stay, p)
		}
	}
	return stay
}

// output is what a container has printed, nothing while it has not begun.
func (b *bed) output(p kube.Pod, container string) string {
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var text strings.Builder
	_ = b.cluster.Logs(ctx, kube.LogOptions{Namespace: p.Namespace, Pod: p.Name, Container: container}, func(l kube.LogLine) { text.WriteString(l.Text + "\n") })
	return text.String()
}

// deletePod deletes a resource's pods.
func (b *bed) deletePod(resource string) {
	b.t.Helper()
	for _, p := range b.pods(resource) {
		b.delete(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": p.Name, "namespace": p.Namespace}})
	}
}
