package cluster

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/layout"
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
	// Recorded, though perhaps dead: then the table is still ours.
	proxy, _ := c.procs().Find(proxyName)
	proxied := proxy.PID != 0 && proxy.Boot == bootID()
	var errs []error
	for _, name := range slices.Backward(names) {
		if name == containerdName {
			errs = append(errs, host.RemoveCgroup(c.layout.CgroupRoot()))
		}
		errs = append(errs, c.procs().End(name, grace))
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
		c.restoreSettings(),
		host.RemoveGuard(l.Name()),
		host.RemovePasses(l.Bridge()),
		host.RemoveLogLinks(l.Path("pods")),
		host.RemoveResults(l.Name()),
		host.RemoveTraces(l.Path("traces.json")),
		os.RemoveAll(l.Path("run")),
	)
}

// restoreSettings puts the kernel's settings back, unless another cluster of
// ours still needs them.
func (c *Cluster) restoreSettings() error {
	if host.OtherBridge(c.layout.Bridge(), layout.BridgePrefix) {
		return nil
	}
	return host.RestoreSettings(c.layout.Path("run", "sysctl.json"), bootID())
}
