package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Rollout is how far an object has come. At most one of Ready and Failed is
// set; neither means "not yet, see Message".
type Rollout struct {
	Ready     bool
	Succeeded bool    // Jobs and pods: it has run to its end; Ready is set too
	Failed    bool    // it will not become ready without a change
	Blocker   Blocker // what refuses its pods for now
	Message   string
	Note      string // with Ready: what a person would not expect of it
}

// RolloutOf judges an object as the API server has it. Kinds without a notion
// of readiness are ready once they exist.
func RolloutOf(object map[string]any) Rollout {
	ref := RefOf(object)
	switch {
	case ref.Kind == "Deployment" && ref.Group == "apps":
		return judge(object, rolloutOfDeployment)
	case ref.Kind == "StatefulSet" && ref.Group == "apps":
		return judge(object, rolloutOfStatefulSet)
	case ref.Kind == "DaemonSet" && ref.Group == "apps":
		return judge(object, rolloutOfDaemonSet)
	case ref.Kind == "Job" && ref.Group == "batch":
		return judge(object, rolloutOfJob)
	case ref.Kind == "Pod" && ref.Group == "":
		return judge(object, func(p *corev1.Pod) Rollout { pod := podOf(p); return pod.Rollout() })
	}
	return Rollout{Ready: true, Message: "exists"}
}

// judge decodes an object into its type and applies a rule to it.
func judge[T any](object map[string]any, rule func(*T) Rollout) Rollout {
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &typed); err != nil {
		return Rollout{Message: "its status cannot be read: " + err.Error()}
	}
	return rule(&typed)
}

// rolloutOfDeployment judges by the newest generation's replicas.
func rolloutOfDeployment(d *appsv1.Deployment) Rollout {
	s := d.Status
	for _, c := range s.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return refusal(c.Message) // which is also why it is late
		}
	}
	for _, c := range s.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" && s.ObservedGeneration >= d.Generation {
			return Rollout{Failed: true, Message: "it did not become ready in time (progressDeadlineSeconds)"}
		}
	}
	want := replicas(d.Spec.Replicas)
	switch {
	case s.ObservedGeneration < d.Generation:
		return Rollout{Message: "waiting for the change to be seen"}
	case d.Spec.Paused:
		return Rollout{Message: "the rollout is paused"}
	case s.UpdatedReplicas < want:
		return Rollout{Message: fmt.Sprintf("%d of %d new pods are there", s.UpdatedReplicas, want)}
	case s.Replicas > s.UpdatedReplicas:
		return Rollout{Message: fmt.Sprintf("waiting for %d old pods to end", s.Replicas-s.UpdatedReplicas)}
	}
	return counted(s.AvailableReplicas, want)
}

// rolloutOfStatefulSet judges by revision and replicas.
func rolloutOfStatefulSet(s *appsv1.StatefulSet) Rollout {
	want := replicas(s.Spec.Replicas)
	onDelete := s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	updated := want
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		updated = max(0, want-*r.Partition)
	}
	switch {
	case s.Status.ObservedGeneration < s.Generation:
		return Rollout{Message: "waiting for the change to be seen"}
	case onDelete && s.Status.UpdatedReplicas < s.Status.Replicas:
		return oldPods(s.Status.Replicas - s.Status.UpdatedReplicas)
	case !onDelete && s.Status.UpdateRevision != s.Status.CurrentRevision && s.Status.UpdatedReplicas < updated:
		return Rollout{Message: fmt.Sprintf("%d of %d pods are updated", s.Status.UpdatedReplicas, updated)}
	}
	r := counted(s.Status.ReadyReplicas, want)
	if old := min(want-updated, s.Status.Replicas-s.Status.UpdatedReplicas); r.Ready && old > 0 && s.Status.UpdateRevision != s.Status.CurrentRevision {
		r.Note = fmt.Sprintf("partition: %d of its %d pods run what was before", old, want)
	}
	return r
}

// rolloutOfDaemonSet judges by the nodes that should run it.
func rolloutOfDaemonSet(d *appsv1.DaemonSet) Rollout {
	want := d.Status.DesiredNumberScheduled
	onDelete := d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
	switch {
	case d.Status.ObservedGeneration < d.Generation:
		return Rollout{Message: "waiting for the change to be seen"}
	case onDelete && d.Status.UpdatedNumberScheduled < d.Status.CurrentNumberScheduled:
		return oldPods(d.Status.CurrentNumberScheduled - d.Status.UpdatedNumberScheduled)
	case !onDelete && d.Status.UpdatedNumberScheduled < want:
		return Rollout{Message: fmt.Sprintf("%d of %d pods are updated", d.Status.UpdatedNumberScheduled, want)}
	}
	return counted(d.Status.NumberAvailable, want)
}

// oldPods is said of a workload that leaves pods as they are (OnDelete).
func oldPods(n int32) Rollout {
	return Rollout{Blocker: Blocker{By: BlockedByStrategy}, Message: fmt.Sprintf("OnDelete: %d of its pods run what was before", n)}
}

// WantedPods is how many pods an object asks for whose progress no watch tells:
// that of a ReplicaSet or a ReplicationController. Of other kinds it is zero.
func WantedPods(object map[string]any) int {
	ref := RefOf(object)
	if !(ref.Kind == "ReplicaSet" && ref.Group == "apps" || ref.Kind == "ReplicationController" && ref.Group == "") {
		return 0
	}
	n, set, _ := unstructured.NestedInt64(object, "spec", "replicas")
	if !set {
		return 1
	}
	return int(n)
}

// RolloutOfPods judges a workload by its pods.
func RolloutOfPods(pods []Pod, want int) Rollout {
	ready := 0
	for i := range pods {
		if pods[i].Rollout().Ready {
			ready++
		}
	}
	return counted(int32(ready), int32(want))
}

// rolloutOfJob judges by its conditions. A running Job is not ready.
func rolloutOfJob(j *batchv1.Job) Rollout {
	for _, c := range j.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			continue
		}
		switch c.Type {
		case batchv1.JobComplete:
			return Rollout{Ready: true, Succeeded: true, Message: "job has completed"}
		case batchv1.JobFailed:
			return Rollout{Failed: true, Message: c.Reason + ": " + c.Message}
		case batchv1.JobSuspended:
			return Rollout{Message: "job is suspended"}
		}
	}
	return Rollout{Message: fmt.Sprintf("job is running: %d active, %d succeeded, %d failed", j.Status.Active, j.Status.Succeeded, j.Status.Failed)}
}

// counted compares ready pods with those wanted.
func counted(ready, want int32) Rollout {
	message := fmt.Sprintf("%d of %d pods are ready", ready, want)
	return Rollout{Ready: ready >= want, Message: message}
}

// replicas is a workload's wish, which defaults to one.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
