package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/testbed/host"
)

// Down ends every process of the cluster and undoes every change to the
// machine. The state folder stays, so that the next Up finds the same objects
// and images, unless purge is set.
func (c *Cluster) Down(purge bool) error {
	if err := host.Check(); err != nil {
		return err
	}
	if _, err := os.Stat(c.layout.Dir); errors.Is(err, fs.ErrNotExist) {
		c.steps.Say("there is no cluster in %s", c.layout.Dir)
		return nil
	}
	unlock, err := c.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.steps.Do("end the processes", func(func(string)) error { return c.endProcesses() }); err != nil {
		return err
	}
	if err := c.steps.Do("undo the changes to the machine", func(func(string)) error { return c.undo() }); err != nil {
		return err
	}
	if !purge {
		return nil
	}
	return c.steps.Do("delete the state folder", func(func(string)) error {
		return errors.Join(os.RemoveAll(c.layout.Dir), os.Remove(c.layout.Dir+".lock"))
	})
}

// endProcesses ends first those that would start or restart containers, then
// the containers, then what holds them.
func (c *Cluster) endProcesses() error {
	_, proxied := c.procs().Find(proxyName)
	var errs []error
	for _, name := range slices.Backward(names) {
		if name == containerdName {
			errs = append(errs, host.RemoveCgroup(c.layout.CgroupRoot()))
		}
		errs = append(errs, c.procs().End(name, 3e9))
	}
	errs = append(errs, host.EndShims(c.layout.ContainerdSocket(), c.layout.Path("run", "containerd")))
	if proxied {
		errs = append(errs, host.RemoveTables())
	}
	return errors.Join(errs...)
}

func (c *Cluster) undo() error {
	l := c.layout
	return errors.Join(
		host.RemoveCgroup(l.CgroupRoot()),
		host.Unmount(l.Dir),
		host.RemoveBridge(l.Bridge()),
		host.RestoreSettings(l.Path("run", "sysctl.json"), bootID()),
		removeLogLinks("/var/log/containers", l.Path("pods")),
		os.RemoveAll(l.Path("run")),
	)
}

// removeLogLinks removes the links that the kubelet makes in a folder of the
// machine's to the logs of our pods, and the folder if nothing else is in it.
func removeLogLinks(folder, target string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	left := len(entries)
	for _, entry := range entries {
		link := filepath.Join(folder, entry.Name())
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, target+"/") {
			if err := os.Remove(link); err != nil {
				return err
			}
			left--
		}
	}
	if left == 0 {
		return os.Remove(folder)
	}
	return nil
}
