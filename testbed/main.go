// Command testbed runs a real one-node Kubernetes on this machine for the demo
// and the tests: no virtual machine, no image from outside, and nothing left
// behind when it is taken down.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/towline-dev/towline/testbed/cluster"
	"github.com/towline-dev/towline/testbed/kubebin"
	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/registry"
	"github.com/towline-dev/towline/testbed/report"
)

const usage = `usage: testbed [--state DIR] [--slot N] COMMAND

  up               start the cluster, or heal it; says where its kubeconfig is
  down [--purge]   end it without a trace; --purge deletes its state as well
  status [--json]  what runs where; exit code 1 if it is not all well
  env              lines for eval: KUBECONFIG, DOCKER_HOST
  kubeconfig       the path of the kubeconfig
  kubectl ARGS…    kubectl with that kubeconfig
  images           push the base images to the cluster's registry again
  build            only build Kubernetes (minutes, but once)

  --state DIR  the state folder (TOWLINE_TESTBED_STATE; ~/.local/state/towline/testbed)
  --slot N     0 to 9: moves addresses and ports, for several clusters on one
               machine (TOWLINE_TESTBED_SLOT; that of the folder, or 0)
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("testbed", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	state := flags.String("state", os.Getenv("TOWLINE_TESTBED_STATE"), "")
	slot := flags.Int("slot", slotFromEnv(), "")
	_ = flags.Parse(args) // exits by itself
	if flags.NArg() == 0 {
		flags.Usage()
		os.Exit(2)
	}
	command, rest := flags.Arg(0), flags.Args()[1:]
	if command == "serve-registry" && len(rest) == 2 {
		return serveRegistry(rest[0], rest[1])
	}
	l, err := layout.Find(*state, *slot)
	if err != nil {
		return err
	}
	return dispatch(command, rest, l)
}

func slotFromEnv() int {
	if slot, err := strconv.Atoi(os.Getenv("TOWLINE_TESTBED_SLOT")); err == nil {
		return slot
	}
	return -1
}

func dispatch(command string, rest []string, l layout.Layout) error {
	c := cluster.New(l, report.New(os.Stderr))
	own := flag.NewFlagSet("testbed "+command, flag.ExitOnError)
	own.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	switch command {
	case "up":
		_ = own.Parse(rest)
		return up(c)
	case "down":
		purge := own.Bool("purge", false, "")
		_ = own.Parse(rest)
		return c.Down(*purge)
	case "status":
		asJSON := own.Bool("json", false, "")
		_ = own.Parse(rest)
		return status(c, *asJSON)
	case "env":
		fmt.Printf("export KUBECONFIG=%q\nexport DOCKER_HOST=%q\n", l.Kubeconfig(), l.DockerHost())
	case "kubeconfig":
		fmt.Println(l.Kubeconfig())
	case "kubectl":
		return kubectl(c, l, rest)
	case "images":
		return c.Images()
	case "build":
		return build(c)
	case "serve-dns":
		return cluster.ServeNames(l)
	default:
		own.Usage()
		os.Exit(2)
	}
	return nil
}

func up(c *cluster.Cluster) error {
	start := time.Now()
	changed, err := c.Up()
	if err != nil {
		return err
	}
	word := "was up already"
	if changed {
		word = "is up"
	}
	s := c.Status()
	if !s.Running {
		return errors.New(s.Problem)
	}
	fmt.Fprintf(os.Stderr, "Kubernetes %s %s (%.2fs)\n\n", s.Kubernetes, word, time.Since(start).Seconds())
	describe(s)
	return nil
}

func describe(s cluster.Status) {
	fmt.Printf("kubeconfig   %s\ncontext      %s\nregistry     %s\ndocker host  %s\n", s.Kubeconfig, s.Context, s.Registry, s.DockerHost)
}

func status(c *cluster.Cluster, asJSON bool) error {
	s := c.Status()
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(s); err != nil {
			return err
		}
	} else {
		describe(s)
		for name, pid := range s.PIDs {
			fmt.Printf("%-24s pid %d\n", name, pid)
		}
	}
	if !s.Running {
		return errors.New(s.Problem)
	}
	return nil
}

func build(c *cluster.Cluster) error {
	source, err := kubebin.Source()
	if err != nil {
		return err
	}
	path, err := c.Program(kubebin.Kube(), source)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// kubectl becomes the kubectl that is part of the kube program.
func kubectl(c *cluster.Cluster, l layout.Layout, args []string) error {
	source, err := kubebin.Source()
	if err != nil {
		return err
	}
	path, err := c.Program(kubebin.Kube(), source)
	if err != nil {
		return err
	}
	env := append(os.Environ(), "KUBECONFIG="+l.Kubeconfig(), "KUBECACHEDIR="+l.Path("kubectl"))
	return syscall.Exec(path, append([]string{"kubectl"}, args...), env)
}

// serveRegistry is the process of the cluster's registry.
func serveRegistry(address, dir string) error {
	handler, err := registry.New(dir, log.New(os.Stderr, "", log.LstdFlags))
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
