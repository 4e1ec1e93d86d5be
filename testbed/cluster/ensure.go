package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/testbed/proc"
)

// hash tells one way of starting d from another.
func (d daemon) hash() (string, error) {
	sum := sha256.New()
	args := slices.Clone(d.args)
	if d.name == registryName || d.name == dnsName {
		args[0] = "" // our own program, which is built again all the time
	}
	fmt.Fprintf(sum, "%q\n", args)
	for _, file := range d.config {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", file, len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// runs says whether d runs, and as it is described.
func (c *Cluster) runs(d daemon) bool {
	record, alive := c.procs().Find(d.name)
	hash, err := d.hash()
	return alive && err == nil && record.Command == hash
}

// ensure starts d unless it runs.
func (c *Cluster) ensure(d daemon) error {
	if c.runs(d) {
		return nil
	}
	hash, err := d.hash()
	if err != nil {
		return err
	}
	if err := c.procs().End(d.name, grace); err != nil {
		return err
	}
	cmd := exec.Command(d.args[0], d.args[1:]...)
	cmd.Dir = c.layout.Dir
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET=", "TMPDIR="+os.TempDir())
	_, err = c.procs().Start(d.name, c.logFile(d.name), hash, cmd)
	return err
}

// alive returns an error with the end of its log if the process has ended.
func (c *Cluster) alive(name string) error {
	if _, ok := c.procs().Find(name); ok {
		return nil
	}
	return fmt.Errorf("%s has ended; the end of %s:\n%s", name, c.logFile(name), tail(c.logFile(name), 15))
}

func (c *Cluster) procs() proc.Set { return proc.Set{Dir: c.layout.Path("run", "pids")} }

func (c *Cluster) logFile(name string) string { return c.layout.Path("logs", name+".log") }

func tail(file string, n int) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// startLimit is how long each part of the cluster may take to serve. It is
// generous: a part that has died is noticed at once.
const startLimit = 90 * time.Second

// await polls ready until it is, as long as the named processes live.
func (c *Cluster) await(what string, ready func() error, needs ...string) error {
	deadline := time.Now().Add(startLimit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		for _, name := range needs {
			if dead := c.alive(name); dead != nil {
				return errors.Join(fmt.Errorf("waiting for %s", what), dead)
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for %s: not within %s: %w", what, startLimit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
