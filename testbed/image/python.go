package image

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
)

// ErrMissing is wrapped where this machine lacks what an image is made of.
var ErrMissing = errors.New("this machine lacks")

// pythonRecipe names the layer in the cache: change it with anything below
// that changes what is in the layer.
const pythonRecipe = "python-1"

// unwanted are packages that python3 depends on by way of Debian's own tools,
// and that a program in a container does without.
var unwanted = regexp.MustCompile(`^(dpkg|install-info|tar|perl.*|libperl.*|mailcap|mime-support|readline-common|libgdbm.*|libdb5.*|libacl1|libselinux1|libpcre.*|libmd0|debconf|cdebconf)$`)

// debugger are the packages of debugpy without those that it merely works
// better with.
var debugger = []string{"python3-debugpy", "python3-pydevd", "python3-bytecode", "python3-typing-extensions"}

// unread are files that no program reads.
var unread = regexp.MustCompile(`^usr/(share/(doc|man|locale|lintian|bug|info|menu|applications|pixmaps)|lib/[^/]+/gconv|lib/python3\.\d+/(test|idlelib|tkinter|lib2to3))(/|$)`)

// Python is an image with Debian's Python 3, debugpy and busybox's shell,
// made of Debian packages. The layer is kept in cacheDir: the packages come
// from Debian, once.
func Python(busybox, cacheDir string, say func(string)) (v1.Image, error) {
	file := filepath.Join(cacheDir, pythonRecipe+".tar.gz")
	if _, err := os.Stat(file); err != nil {
		if err := makePythonLayer(file, busybox, say); err != nil {
			return nil, err
		}
	}
	return fromLayer(func() (io.ReadCloser, error) { return os.Open(file) }, v1.Config{
		Cmd: []string{"python3"},
		Env: []string{searchPath, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1"},
	})
}

func makePythonLayer(file, busybox string, say func(string)) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%w apt-get", ErrMissing)
	}
	packages, err := pythonPackages()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), "debs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	say(fmt.Sprintf("downloading %d Debian packages", len(packages)))
	if err := download(dir, packages); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		return err
	}
	return writeLayer(file, func(out io.Writer) error { return writeRoot(out, busybox, debs, say) })
}

// pythonPackages asks apt for what python3 needs.
func pythonPackages() ([]string, error) {
	cmd := exec.Command("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
		"--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", "python3")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking apt-cache what python3 needs: %w", err)
	}
	var packages []string
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		// Dependencies are indented, virtual packages in angle brackets.
		if name == "" || line[0] == ' ' || line[0] == '<' || unwanted.MatchString(name) || strings.Contains(name, ":") {
			continue
		}
		packages = append(packages, name)
	}
	packages = append(packages, debugger...)
	slices.Sort(packages)
	return slices.Compact(packages), nil
}

func download(dir string, packages []string) error {
	// apt drops its privileges to download, for which the folder must be open.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command("apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s\nhint: apt-get update", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// writeLayer has a file hold a layer, whole or not at all. It is compressed here,
// once, and not at every push.
func writeLayer(file string, write func(io.Writer) error) error {
	out, err := os.CreateTemp(filepath.Dir(file), "layer")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	compressed, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is one that there is
	if err := errors.Join(write(compressed), compressed.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), file)
}

// writeRoot writes the root file system of the image: that of the packages,
// with /bin and /lib as links into /usr, and busybox's commands where the
// packages have none.
func writeRoot(out io.Writer, busybox string, debs []string, say func(string)) error {
	r := newRoot(out)
	for _, deb := range debs {
		say("unpacking " + filepath.Base(deb))
		if err := r.addPackage(deb); err != nil {
			return fmt.Errorf("unpacking %s: %w", deb, err)
		}
	}
	return r.end(busybox)
}

// root writes a layer in which each path occurs once; the first one counts.
type root struct {
	out  *tar.Writer
	seen map[string]bool
	err  error // the first one; nothing is written after it
}

// newRoot begins a layer with the folders and the users of a system.
func newRoot(out io.Writer) *root {
	r := &root{out: tar.NewWriter(out), seen: map[string]bool{}}
	for _, name := range []string{"usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"} {
		r.add(folder(name))
	}
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		r.add(link(name, "usr/"+name))
	}
	for _, e := range base("nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n", "nonroot:x:65532:\n") {
		r.add(e)
	}
	r.add(folderOf("home/nonroot", 0o755, 65532))
	return r
}

// end adds busybox's commands where there are none, and ends the layer.
func (r *root) end(busybox string) error {
	applets, err := busyboxEntries("usr/bin", busybox)
	if err != nil {
		return err
	}
	for _, e := range applets {
		r.add(e)
	}
	return errors.Join(r.err, r.out.Close())
}

func (r *root) add(e entry) {
	r.copy(&e.Header, strings.NewReader(string(e.content)))
}

func (r *root) copy(header *tar.Header, content io.Reader) {
	name := path.Clean(header.Name)
	if r.err != nil || r.seen[name] {
		return
	}
	r.seen[name] = true
	header.ModTime = time.Unix(0, 0)
	header.Format = tar.FormatPAX
	if r.err = r.out.WriteHeader(header); r.err == nil {
		_, r.err = io.Copy(r.out, content)
	}
}

func (r *root) addPackage(deb string) error {
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	files := tar.NewReader(out)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(cmd.Wait(), r.err)
		}
		if err != nil {
			return errors.Join(err, cmd.Wait())
		}
		name := merged(header.Name)
		if name == "." || unread.MatchString(name) {
			continue
		}
		header.Name = name
		if header.Typeflag == tar.TypeDir {
			header.Name += "/"
		}
		if header.Typeflag == tar.TypeLink {
			header.Linkname = merged(header.Linkname)
		}
		r.copy(header, files)
	}
}

// merged is the path of a package's file in a file system in which /bin, /sbin
// and /lib are links into /usr.
func merged(name string) string {
	name = path.Clean(strings.TrimPrefix(name, "./"))
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "bin", "sbin", "lib", "lib64":
		return "usr/" + name
	}
	return name
}
