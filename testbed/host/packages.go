// Package host changes the machine that a cluster runs on, and undoes it: the
// packages, the network interface, the kernel's settings, control groups and
// mounts.
package host

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// ErrUnsuitable is what Check returns where no test bed can run.
var ErrUnsuitable = errors.New("the test bed needs root on Linux")

// Check says whether a test bed can run here at all.
func Check() error {
	switch {
	case runtime.GOOS != "linux":
		return fmt.Errorf("%w, and this is %s\nhint: use kind, or any other cluster whose kubeconfig you have", ErrUnsuitable, runtime.GOOS)
	case os.Geteuid() != 0:
		return fmt.Errorf("%w, and you are uid %d\nhint: run it with sudo, or use kind or any other cluster whose kubeconfig you have", ErrUnsuitable, os.Geteuid())
	}
	return nil
}

// tools maps each program that a cluster needs to the Debian package that
// brings it.
var tools = []struct{ program, pkg string }{
	{"containerd", "containerd"},
	{"runc", "runc"},
	{"nft", "nftables"},
	{"iptables", "iptables"},
	{"ip", "iproute2"},
	{"dockerd", "docker.io"},
	{"mount", "mount"},
}

// files maps each file that a cluster needs to the Debian package.
var files = []struct {
	pkg   string
	paths []string
}{
	{"containernetworking-plugins", cniPaths("bridge")},
	{"busybox-static", []string{"/bin/busybox", "/usr/bin/busybox"}},
}

func cniPaths(plugin string) []string {
	return []string{"/usr/lib/cni/" + plugin, "/opt/cni/bin/" + plugin}
}

// CNIDir is the folder of the network plugins.
func CNIDir() string {
	path, _ := firstFile(cniPaths("bridge"))
	return filepath.Dir(path)
}

// Busybox is the path of the statically linked busybox.
func Busybox() (string, error) {
	path, ok := firstFile([]string{"/bin/busybox", "/usr/bin/busybox"})
	if !ok {
		return "", errors.New("no busybox: install busybox-static")
	}
	return path, nil
}

func firstFile(paths []string) (string, bool) {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, true
		}
	}
	return "", false
}

// Missing lists the Debian packages that this machine lacks.
func Missing() []string {
	var missing []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool.program); err != nil {
			missing = append(missing, tool.pkg)
		}
	}
	for _, file := range files {
		if _, ok := firstFile(file.paths); !ok {
			missing = append(missing, file.pkg)
		}
	}
	return missing
}

// Install brings in Debian packages by apt-get, whose lines go to say. Another
// apt-get that runs at the time is waited for.
func Install(packages []string, say func(string)) error {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("this is no Debian or Ubuntu, so please install: %s", strings.Join(packages, " "))
	}
	install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	if runApt(apt, install, say) == nil {
		return nil
	}
	// The package lists are missing or old, as on a fresh machine.
	if err := runApt(apt, []string{"update"}, say); err != nil {
		return err
	}
	return runApt(apt, install, say)
}

func runApt(apt string, args []string, say func(string)) error {
	cmd := exec.Command(apt, append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
	// RUNLEVEL tells Debian's invoke-rc.d to start no service: we run our own.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	return runSaying(cmd, say)
}

// runSaying runs cmd, hands each line of its output to say, and puts the last
// lines into the error.
func runSaying(cmd *exec.Cmd, say func(string)) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		return err
	}
	var last []string
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		say(lines.Text())
		last = append(last, lines.Text())
		last = slices.Clone(last[max(0, len(last)-8):])
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, strings.Join(last, "\n"))
	}
	return nil
}

// run runs a short command.
func run(name string, args ...string) error {
	start := time.Now()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w after %s: %s", name, strings.Join(args, " "), err,
			time.Since(start).Round(time.Millisecond), strings.TrimSpace(string(out)))
	}
	return nil
}
