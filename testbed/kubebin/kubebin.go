// Package kubebin builds the programs of the cluster from source and keeps
// them, by the content of that source, in a folder that outlives the cluster:
// the cold build of Kubernetes takes minutes.
package kubebin

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Version is the version of Kubernetes that the sources require.
const Version = "v1.34.4"

// ErrNoSource is returned when the module's source cannot be found.
var ErrNoSource = errors.New("the source of the test bed's programs was not found")

// Program is one that the test bed builds.
type Program struct {
	Name string
	// Label is what a person is told about the build.
	Label string
	// Dir is its folder below the folder of the test bed's module.
	Dir string
	// LDFlags are the linker's flags.
	LDFlags string
}

// Kube is the program that is every process of Kubernetes.
func Kube() Program {
	major, rest, _ := strings.Cut(strings.TrimPrefix(Version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	const version, client = " -X k8s.io/component-base/version.", " -X k8s.io/client-go/pkg/version."
	flags := "-s -w" +
		version + "gitVersion=" + Version + version + "gitMajor=" + major + version + "gitMinor=" + minor +
		client + "gitVersion=" + Version
	return Program{Name: "kube", Label: "Kubernetes " + Version + " (minutes, but only once)", Dir: "kube", LDFlags: flags}
}

// Pause is the program that holds the namespaces of a pod.
func Pause() Program { return Program{Name: "pause", Label: "pause", Dir: "pause", LDFlags: "-s -w"} }

// Source finds the folder of the test bed's module: that of the running
// program's bin folder, or one above the current folder.
func Source() (string, error) {
	var candidates []string
	if exe, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Dir(filepath.Dir(exe)))
	}
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			candidates = append(candidates, dir, filepath.Join(dir, "testbed"))
		}
	}
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "kube", "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w\nhint: start it as testbed/bin/testbed, or from within the repository", ErrNoSource)
}

// Cached returns where the program p from the module in source belongs in
// cacheDir, and whether it is there.
func Cached(p Program, source, cacheDir string) (path string, ok bool, err error) {
	sum, err := hash(p, filepath.Join(source, p.Dir))
	if err != nil {
		return "", false, err
	}
	path = filepath.Join(cacheDir, p.Name+"-"+sum, p.Name)
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, false, nil
	}
	return path, err == nil, err
}

// Build builds p and returns its path in cacheDir. The progress goes to say.
func Build(p Program, source, cacheDir string, say func(string)) (string, error) {
	path, ok, err := Cached(p, source, cacheDir)
	if err != nil || ok {
		return path, err
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", errors.New("the command go is not on the PATH\nhint: install Go from https://go.dev/dl/ (sudo drops the PATH: try sudo env PATH=\"$PATH\" …)")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	dir := filepath.Join(source, p.Dir)
	say("counting packages, downloading modules")
	total := countPackages(dir)
	fresh := fmt.Sprintf("%s.new%d", path, os.Getpid())
	defer os.Remove(fresh)
	cmd := goCommand(dir, "build", "-v", "-trimpath", "-ldflags", p.LDFlags, "-o", fresh, ".")
	if err := follow(cmd, total, say); err != nil {
		return "", fmt.Errorf("building %s: %w", p.Name, err)
	}
	return path, os.Rename(fresh, path)
}

func goCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	// No workspace and no flags of the caller's may change what is built.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	return cmd
}

// countPackages counts what a cold build compiles; 0 if that cannot be told.
func countPackages(dir string) int {
	out, err := goCommand(dir, "list", "-deps", ".").Output()
	if err != nil {
		return 0
	}
	return bytes.Count(out, []byte("\n"))
}

// follow runs go build -v, which names each package on a line.
func follow(cmd *exec.Cmd, total int, say func(string)) error {
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var last []string
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		say(fmt.Sprintf("%d of %d packages (those built before are skipped) %s", n, total, lines.Text()))
		last = append(last, lines.Text())
		last = slices.Clone(last[max(0, len(last)-20):])
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(last, "\n"))
	}
	return nil
}

// hash is a name for what p is built from: the files of its folder, its
// flags and its target.
func hash(p Program, dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("%w: %s is empty", ErrNoSource, dir)
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.GOOS, runtime.GOARCH, p.LDFlags)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, filepath.Base(file), len(data))
		sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
