// Package image makes the base images of the test bed out of what lies on the
// machine, for no registry can be reached, and pushes them to its registry.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Ensure pushes img to ref unless the registry has it already, and says
// whether it had to.
func Ensure(ref string, img v1.Image) (pushed bool, err error) {
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		return false, err
	}
	want, err := img.Digest()
	if err != nil {
		return false, err
	}
	if has, err := remote.Head(tag); err == nil && has.Digest == want {
		return false, nil
	}
	if err := remote.Write(tag, img); err != nil {
		return false, fmt.Errorf("pushing %s: %w", ref, err)
	}
	return true, nil
}

// Pause is the image of a pod's first process, given the program.
func Pause(program string) (v1.Image, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	return build([]entry{file("pause", 0o755, data)}, v1.Config{
		User:       "65535:65535",
		Entrypoint: []string{"/pause"},
	})
}

// Static is an image without a shell, for a statically linked program that
// runs as uid 65532.
func Static() (v1.Image, error) {
	return build(append(base("nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n", "nonroot:x:65532:\n"),
		folderOf("home/nonroot", 0o755, 65532),
	), v1.Config{
		User:       "65532:65532",
		WorkingDir: "/home/nonroot",
		Env:        []string{searchPath},
	})
}

// Busybox is a small image with a shell: the statically linked program and a
// link for each command that it knows.
func Busybox(program string) (v1.Image, error) {
	applets, err := busyboxEntries("bin", program)
	if err != nil {
		return nil, err
	}
	entries := append(base("", ""), folder("bin"))
	return build(append(entries, applets...), v1.Config{Cmd: []string{"sh"}, Env: []string{searchPath}})
}

// busyboxEntries is the program busybox in dir, with a link for each command.
func busyboxEntries(dir, program string) ([]entry, error) {
	data, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("asking busybox for its commands: %w", err)
	}
	entries := []entry{file(dir+"/busybox", 0o755, data)}
	for _, applet := range strings.Fields(string(out)) {
		if applet != "busybox" {
			entries = append(entries, link(dir+"/"+applet, "busybox"))
		}
	}
	return entries, nil
}

const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// base is what each image has: users, and folders that programs expect.
func base(passwd, group string) []entry {
	users := "root:x:0:0:root:/root:/bin/sh\n" + passwd + "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
	groups := "root:x:0:\n" + group + "nogroup:x:65534:\n"
	tmp := folder("tmp")
	tmp.Mode = 0o1777
	return []entry{
		folder("etc"), file("etc/passwd", 0o644, []byte(users)), file("etc/group", 0o644, []byte(groups)),
		file("etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n")),
		folder("home"), folderOf("root", 0o700, 0), tmp, folder("var"), link("var/tmp", "../tmp"),
	}
}

// entry is a file of a layer, with its content.
type entry struct {
	tar.Header
	content []byte
}

func file(name string, mode int64, content []byte) entry {
	return entry{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content}
}

func folder(name string) entry { return folderOf(name, 0o755, 0) }

func folderOf(name string, mode int64, owner int) entry {
	return entry{tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: owner, Gid: owner}, nil}
}

func link(name, target string) entry {
	return entry{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil}
}

// build makes an image of one layer. Equal entries make equal images: there
// are no times in it.
func build(entries []entry, config v1.Config) (v1.Image, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		e.Header.ModTime = time.Unix(0, 0)
		e.Header.Format = tar.FormatPAX
		if err := w.WriteHeader(&e.Header); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return fromLayer(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	}, config)
}

// fromLayer makes an image of one layer, which open gives as a tar stream.
func fromLayer(open tarball.Opener, config v1.Config) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.DockerLayer))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	whole, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	whole = whole.DeepCopy()
	whole.OS, whole.Architecture = "linux", runtime.GOARCH
	whole.Config = config
	return mutate.ConfigFile(img, whole)
}
