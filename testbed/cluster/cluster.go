// Package cluster brings a one-node Kubernetes up on this machine, tells about
// it, and takes it down again without a trace.
//
// A cluster is a state folder (package layout), a dozen processes recorded in
// it (package proc), and changes to the machine (package host). Nothing else
// remembers anything: every command looks at what is there and does what is
// missing, so that up also heals a cluster that crashed or was cut off by a
// reboot, and down also ends one that came up by half.
package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/kubebin"
	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/proc"
	"github.com/towline-dev/towline/testbed/report"
)

// Cluster is the cluster of one layout.
type Cluster struct {
	layout layout.Layout
	steps  *report.Steps
}

// New returns the cluster of l, up or not. What it does is told to steps.
func New(l layout.Layout, steps *report.Steps) *Cluster {
	return &Cluster{layout: l, steps: steps}
}

// Status is what others need to know of a cluster.
type Status struct {
	// Running says that every process lives and the node is ready.
	Running          bool           `json:"running"`
	Problem          string         `json:"problem,omitempty"`
	Kubernetes       string         `json:"kubernetes"`
	Kubeconfig       string         `json:"kubeconfig"`
	Context          string         `json:"context"`
	Server           string         `json:"server"`
	Registry         string         `json:"registry"`
	DockerHost       string         `json:"docker_host"`
	ContainerdSocket string         `json:"containerd_socket"`
	StateDir         string         `json:"state_dir"`
	Slot             int            `json:"slot"`
	PIDs             map[string]int `json:"pids"`
}

// Status looks at the cluster without changing anything.
func (c *Cluster) Status() Status {
	l := c.layout
	status := Status{
		Kubernetes: kubebin.Version, Kubeconfig: l.Kubeconfig(), Context: l.Name(), Server: l.Server(),
		Registry: l.Registry(), DockerHost: l.DockerHost(), ContainerdSocket: l.ContainerdSocket(),
		StateDir: l.Dir, Slot: l.Slot, PIDs: map[string]int{},
	}
	var problems []error
	for _, name := range names {
		if !c.wants(name) {
			continue
		}
		record, alive := c.procs().Find(name)
		if alive {
			status.PIDs[name] = record.PID
			continue
		}
		problems = append(problems, fmt.Errorf("%s does not run", name))
	}
	switch {
	case len(status.PIDs) == 0:
		problems = []error{errors.New("the cluster is down")}
	case len(problems) == 0:
		problems = append(problems, c.serves())
	}
	if err := errors.Join(problems...); err != nil {
		status.Problem = err.Error()
	}
	status.Running = status.Problem == ""
	return status
}

// heartbeat is how long a node may go without a report, which it makes every
// five minutes if nothing changes.
const heartbeat = 6 * time.Minute

// serves asks the running processes whether they do their work.
func (c *Cluster) serves() error {
	a, err := newAPI(c.layout)
	if err != nil {
		return err
	}
	return errors.Join(a.ready(), a.nodeReady(c.layout.Name(), time.Now().Add(-heartbeat)), ping("http://"+c.layout.Registry()+"/v2/"))
}

func ping(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}

// Lock keeps a second up or down of the same cluster out until unlock is
// called. It waits for one that is at work.
func (c *Cluster) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(c.layout.Dir), 0o700); err != nil {
		return nil, err
	}
	// The lock lies beside the folder, which may be deleted meanwhile.
	file, err := os.OpenFile(c.layout.Dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		c.steps.Say("waiting for another testbed command on %s", c.layout.Dir)
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
	}
	return func() { file.Close() }, nil
}

func bootID() string { return proc.BootID() }

// forgetOldBoot removes, if the machine was started again since the cluster
// ran, what such a start makes worthless: sockets, leases of addresses and
// containerd's view of running tasks.
func (c *Cluster) forgetOldBoot() error {
	file := c.layout.Path("run", "boot")
	data, err := os.ReadFile(file)
	if err == nil && string(data) == bootID() {
		return nil
	}
	if err := host.Unmount(c.layout.Path("run")); err != nil {
		return err
	}
	if err := os.RemoveAll(c.layout.Path("run")); err != nil {
		return err
	}
	if err := os.MkdirAll(c.layout.Path("run"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(bootID()), 0o600)
}
