package kube

import (
	"testing"

	"sigs.k8s.io/yaml"
)

// parse decodes YAML.
func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return normal(object).(map[string]any)
}

// normal turns YAML's whole numbers into those of decoded JSON.
func normal(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = normal(item)
		}
	case []any:
		for i, item := range v {
			v[i] = normal(item)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

func TestRollout(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, generation: 2}\n"
	const set = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, generation: 1}\n"
	const daemon = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d, generation: 1}\n"
	const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: node1, containers: [{name: c, image: i}]}\n"
	ready, failed := Rollout{Ready: true}, Rollout{Failed: true}
	for _, test := range []struct {
		name, object string
		want         Rollout // its Message is not set where it does not matter
	}{
		{"not seen yet", deployment + "spec: {}\nstatus: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1}", Rollout{Message: "waiting for the change to be seen"}},
		{"available", deployment + "spec: {}\nstatus: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1}", ready},
		{"old pods", deployment + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, replicas: 3, updatedReplicas: 2, availableReplicas: 2}", Rollout{Message: "waiting for 1 old pods to end"}},
		{"new pods", deployment + "spec: {replicas: 2}\nstatus: {observedGeneration: 2, replicas: 2, updatedReplicas: 1}", Rollout{Message: "1 of 2 new pods are there"}},
		{"not available", deployment + "spec: {}\nstatus: {observedGeneration: 2, replicas: 1, updatedReplicas: 1}", Rollout{Message: "0 of 1 pods are ready"}},
		{"scaled to nothing", deployment + "spec: {replicas: 0}\nstatus: {observedGeneration: 2}", ready},
		{"quota", deployment + "spec: {}\nstatus: {observedGeneration: 2, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'pods \"d-1\" is forbidden: exceeded quota: tight, requested: pods=1'}]}", Rollout{Blocker: Blocker{BlockedByQuota, "tight"}, Message: `FailedCreate: pods "d-1" is forbidden: exceeded quota: tight, requested: pods=1`}},
		{"quota for so long that it is late", deployment + "spec: {}\nstatus: {observedGeneration: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}, {type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'failed quota: tight: must specify limits.cpu for: c'}]}", Rollout{Blocker: Blocker{BlockedByQuota, "tight"}}},
		{"denied", deployment + "spec: {}\nstatus: {observedGeneration: 2, conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'admission webhook \"a.b\" denied the request: no'}]}", failed},
		{"too slow", deployment + "spec: {}\nstatus: {observedGeneration: 2, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}", failed},
		{"slow before the change", deployment + "spec: {}\nstatus: {observedGeneration: 1, conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded}]}", Rollout{Message: "waiting for the change to be seen"}},
		{"paused", deployment + "spec: {paused: true}\nstatus: {observedGeneration: 2}", Rollout{Message: "the rollout is paused"}},

		{"set ready", set + "spec: {replicas: 2}\nstatus: {observedGeneration: 1, readyReplicas: 2, updatedReplicas: 2, currentRevision: a, updateRevision: a}", ready},
		{"set updating", set + "spec: {replicas: 2}\nstatus: {observedGeneration: 1, readyReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}", Rollout{Message: "1 of 2 pods are updated"}},
		{"set partition", set + "spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 1}}}\nstatus: {observedGeneration: 1, readyReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}", ready},
		{"set that holds two of three back", set + "spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 2}}}\nstatus: {observedGeneration: 1, replicas: 3, readyReplicas: 3, updatedReplicas: 1, currentRevision: a, updateRevision: b}", Rollout{Ready: true, Note: "partition: 2 of its 3 pods run what was before"}},
		{"set that holds all back", set + "spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 5}}}\nstatus: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentRevision: a, updateRevision: b}", Rollout{Ready: true, Note: "partition: 2 of its 2 pods run what was before"}},
		{"set with a partition and nothing new", set + "spec: {replicas: 2, updateStrategy: {rollingUpdate: {partition: 1}}}\nstatus: {observedGeneration: 1, replicas: 2, readyReplicas: 2, currentRevision: a, updateRevision: a}", ready},

		{"set that leaves its pods", set + "spec: {replicas: 2, updateStrategy: {type: OnDelete}}\nstatus: {observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}", Rollout{Blocker: Blocker{By: BlockedByStrategy}, Message: "OnDelete: 1 of its pods run what was before"}},
		{"whose pods were deleted", set + "spec: {replicas: 2, updateStrategy: {type: OnDelete}}\nstatus: {observedGeneration: 1, replicas: 2, readyReplicas: 2, updatedReplicas: 2, currentRevision: a, updateRevision: b}", ready},

		{"daemon ready", daemon + "status: {observedGeneration: 1, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1}", ready},
		{"daemon updating", daemon + "status: {observedGeneration: 1, desiredNumberScheduled: 2, updatedNumberScheduled: 1, numberAvailable: 2}", Rollout{Message: "1 of 2 pods are updated"}},

		{"daemon that leaves its pods", daemon + "spec: {updateStrategy: {type: OnDelete}}\nstatus: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 0, numberAvailable: 2}", Rollout{Blocker: Blocker{By: BlockedByStrategy}, Message: "OnDelete: 2 of its pods run what was before"}},
		{"whose pods are made", daemon + "spec: {updateStrategy: {type: OnDelete}}\nstatus: {observedGeneration: 1, desiredNumberScheduled: 1}", Rollout{Message: "0 of 1 pods are ready"}},

		{"job running", job + "status: {active: 1}", Rollout{Message: "job is running: 1 active, 0 succeeded, 0 failed"}},
		{"job at its third try", job + "status: {active: 1, failed: 2}", Rollout{Message: "job is running: 1 active, 0 succeeded, 2 failed"}},
		{"job between two tries", job + "status: {failed: 2, conditions: [{type: Complete, status: 'False'}]}", Rollout{Message: "job is running: 0 active, 0 succeeded, 2 failed"}},
		{"job complete at last", job + "status: {succeeded: 1, failed: 2, conditions: [{type: Complete, status: 'True'}]}", Rollout{Ready: true, Succeeded: true}},
		{"job complete", job + "status: {conditions: [{type: Complete, status: 'True'}]}", Rollout{Ready: true, Succeeded: true}},
		{"job failed", job + "status: {conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, message: too often}]}", Rollout{Failed: true, Message: "BackoffLimitExceeded: too often"}},

		{"pod ready", pod + "status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}", ready},
		{"pod crashes", pod + "status: {phase: Running, containerStatuses: [{name: c, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2}}}]}", Rollout{Failed: true, Message: "container c crashes again and again (exit code 2)"}},
		{"pod ended, and is not ready", pod + "status: {phase: Running, conditions: [{type: Ready, status: 'False'}], containerStatuses: [{name: c, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 3}}}]}", Rollout{Failed: true, Message: "container c crashes again and again (exit code 3)"}},
		{"pod pulls", pod + "status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ContainerCreating}}}]}", Rollout{Message: "container c: ContainerCreating"}},
		{"pod no image", pod + "status: {phase: Pending, containerStatuses: [{name: c, state: {waiting: {reason: ErrImagePull, message: gone}}}]}", Rollout{Failed: true, Message: "container c has no image: i cannot be pulled: gone"}},
		{"pod no room", pod + "status: {phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: Unschedulable, message: no memory}]}", Rollout{Blocker: Blocker{By: BlockedByNodes}, Message: "pod cannot be scheduled: no memory"}},
		{"pod evicted", pod + "status: {phase: Failed, reason: Evicted, message: full}", Rollout{Failed: true, Message: "Evicted: full"}},
		{"pod done", pod + "status: {phase: Succeeded}", Rollout{Ready: true, Succeeded: true}},
		{"pod killed", pod + "status: {phase: Running, containerStatuses: [{name: c, state: {terminated: {reason: OOMKilled, exitCode: 137}}}]}", Rollout{Failed: true, Message: "container c was killed: it used more memory than its limit"}},

		{"anything else", "apiVersion: v1\nkind: Service\nmetadata: {name: s}", ready},
	} {
		got := RolloutOf(parse(t, test.object))
		want := test.want
		if want.Message == "" {
			want.Message = got.Message
		}
		if got != want || got.Message == "" {
			t.Errorf("%s: got %+v, want %+v", test.name, got, want)
		}
	}
}

func TestWorkloadOf(t *testing.T) {
	for _, test := range []struct {
		kind, name, hash string
		want             Owner
	}{
		{"ReplicaSet", "web-6d96cf89fc", "6d96cf89fc", Owner{"Deployment", "web"}},
		{"ReplicaSet", "bare", "", Owner{"ReplicaSet", "bare"}},
		{"ReplicaSet", "bare", "6d96cf89fc", Owner{"ReplicaSet", "bare"}},
		{"Job", "nightly-28391020", "", Owner{"CronJob", "nightly"}},
		{"Job", "migrate-2", "", Owner{"Job", "migrate-2"}},
		{"StatefulSet", "db", "", Owner{"StatefulSet", "db"}},
	} {
		if got := workloadOf(test.kind, test.name, test.hash); got != test.want {
			t.Errorf("workloadOf(%s, %s, %s) = %v, want %v", test.kind, test.name, test.hash, got, test.want)
		}
	}
}
