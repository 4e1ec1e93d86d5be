package kube

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pod is what Towline knows of a pod at one moment.
type Pod struct {
	Name            string
	Namespace       string
	UID             string
	ResourceVersion string
	Labels          map[string]string
	Node            string // "" before it is scheduled
	IP              string
	CreatedAt       time.Time

	Phase    string // Pending, Running, Succeeded, Failed, Unknown
	Ready    bool   // the Ready condition
	Deleting bool   // it has a deletion timestamp
	// Reason and Message say why it does not run: of its status ("Evicted"), or
	// of a condition that is false ("Unschedulable").
	Reason, Message string

	// Owner is the workload that a person would name: the Deployment behind a
	// ReplicaSet. A zero Kind means that nothing owns the pod.
	Owner Owner
	// OwnerUID is the UID of the object that owns the pod directly, such as the
	// ReplicaSet.
	OwnerUID string
	// TemplateHash tells the pods of one rollout from those of the next
	// (pod-template-hash or controller-revision-hash).
	TemplateHash string

	InitContainers []Container
	Containers     []Container

	// Said is what the cluster complained of about the pod last, as far as
	// whoever holds the pod gathered it (see Complaints).
	Said []Notice
}

// Owner names a workload.
type Owner struct {
	Kind string // Deployment, StatefulSet, DaemonSet, Job, CronJob, …
	Name string
}

// ContainerState is one of Running, Waiting and Terminated.
type ContainerState string

// The states of a container.
const (
	ContainerRunning    ContainerState = "running"
	ContainerWaiting    ContainerState = "waiting"
	ContainerTerminated ContainerState = "terminated"
)

// Container is one container of a pod at one moment.
type Container struct {
	Name    string
	Image   string // as the pod names it
	ImageID string // the image that runs, with its digest; "" before it is pulled
	ID      string // the runtime's id, which changes with each restart; "" before the first
	Ports   []int  // those that its spec exposes
	Mounts  []Mount
	Memory  int64 // how much it may use, in bytes; 0: any

	State        ContainerState
	Reason       string // CrashLoopBackOff, ErrImagePull, OOMKilled, Completed, …
	Message      string
	ExitCode     int       // of the present or else the previous termination
	StartedAt    time.Time // zero when it does not run
	FinishedAt   time.Time // of the present or else the previous termination
	Ready        bool
	RestartCount int
	Last         Termination // of the run before, zero where there was none
}

// Termination is how a run of a container ended.
type Termination struct {
	Reason    string // Error, Completed, OOMKilled, StartError, …
	Message   string
	StartedAt time.Time
}

// Container returns the container of that name, nil when there is none.
func (p *Pod) Container(name string) *Container {
	for _, list := range [][]Container{p.Containers, p.InitContainers} {
		if i := slices.IndexFunc(list, func(c Container) bool { return c.Name == name }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// Pods lists the pods of a namespace that match a label selector.
func (c *Cluster) Pods(ctx context.Context, namespace, selector string) ([]Pod, error) {
	list, err := c.clientset.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, classify("listing", "pods of namespace "+namespace, err)
	}
	pods := make([]Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = podOf(&list.Items[i])
	}
	return pods, nil
}

// podOf converts the API's pod.
func podOf(p *corev1.Pod) Pod {
	pod := Pod{
		Name: p.Name, Namespace: p.Namespace, UID: string(p.UID), ResourceVersion: p.ResourceVersion,
		Labels: p.Labels, Node: p.Spec.NodeName, IP: p.Status.PodIP, CreatedAt: p.CreationTimestamp.Time,
		Phase: string(p.Status.Phase), Deleting: p.DeletionTimestamp != nil,
		Reason: p.Status.Reason, Message: p.Status.Message,
		InitContainers: containersOf(p.Spec.InitContainers, p.Status.InitContainerStatuses, p.Spec.Volumes),
		Containers:     containersOf(p.Spec.Containers, p.Status.ContainerStatuses, p.Spec.Volumes),
	}
	for _, c := range p.Status.Conditions {
		switch {
		case c.Type == corev1.PodReady:
			pod.Ready = c.Status == corev1.ConditionTrue
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && pod.Reason == "":
			pod.Reason, pod.Message = c.Reason, c.Message
		}
	}
	pod.TemplateHash = p.Labels["pod-template-hash"]
	if pod.TemplateHash == "" {
		pod.TemplateHash = p.Labels["controller-revision-hash"]
	}
	if owner := metav1.GetControllerOf(p); owner != nil {
		pod.OwnerUID = string(owner.UID)
		pod.Owner = workloadOf(owner.Kind, owner.Name, p.Labels["pod-template-hash"])
	}
	return pod
}

// cronRun is how a CronJob names its Jobs: its own name and the minute.
var cronRun = regexp.MustCompile(`^(.+)-\d{8,}$`)

// workloadOf finds the workload behind the direct owner by the names that the
// controllers give, which saves reading the owner.
func workloadOf(kind, name, templateHash string) Owner {
	if kind == "ReplicaSet" && templateHash != "" {
		if deployment, ok := strings.CutSuffix(name, "-"+templateHash); ok {
			return Owner{Kind: "Deployment", Name: deployment}
		}
	}
	if m := cronRun.FindStringSubmatch(name); kind == "Job" && m != nil {
		return Owner{Kind: "CronJob", Name: m[1]}
	}
	return Owner{Kind: kind, Name: name}
}

// containersOf joins what the pod asks for with what the kubelet reports.
func containersOf(specs []corev1.Container, statuses []corev1.ContainerStatus, volumes []corev1.Volume) []Container {
	containers := make([]Container, 0, len(specs))
	for _, spec := range specs {
		c := Container{Name: spec.Name, Image: spec.Image, State: ContainerWaiting, Mounts: mountsOf(spec.VolumeMounts, volumes), Memory: spec.Resources.Limits.Memory().Value()}
		for _, port := range spec.Ports {
			c.Ports = append(c.Ports, int(port.ContainerPort))
		}
		i := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == spec.Name })
		if i >= 0 {
			c.setStatus(statuses[i])
		}
		containers = append(containers, c)
	}
	return containers
}

// setStatus takes over the kubelet's report.
func (c *Container) setStatus(s corev1.ContainerStatus) {
	c.ImageID, c.ID, c.Ready, c.RestartCount = s.ImageID, s.ContainerID, s.Ready, int(s.RestartCount)
	if last := s.LastTerminationState.Terminated; last != nil {
		c.ExitCode, c.FinishedAt = int(last.ExitCode), last.FinishedAt.Time
		c.Last = Termination{Reason: last.Reason, Message: last.Message, StartedAt: last.StartedAt.Time}
	}
	switch {
	case s.State.Running != nil:
		c.State, c.StartedAt = ContainerRunning, s.State.Running.StartedAt.Time
	case s.State.Terminated != nil:
		t := s.State.Terminated
		c.State, c.Reason, c.Message = ContainerTerminated, t.Reason, t.Message
		c.ExitCode, c.FinishedAt = int(t.ExitCode), t.FinishedAt.Time
	case s.State.Waiting != nil:
		c.Reason, c.Message = s.State.Waiting.Reason, s.State.Waiting.Message
	}
}
