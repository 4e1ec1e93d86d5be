package run

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/starlark/config"
)

// localImage is what was built of an image, as this machine's docker knows it.
func (r *Runner) localImage(ref string) inject.Image {
	b := r.images.Built(ref)
	img := inject.Image{
		Spec: config.Image{Ref: ref}, Pushed: b.LocalRef, Unread: b.Unread,
		Entrypoint: b.Config.Entrypoint, Cmd: b.Config.Cmd, StopSignal: b.Config.StopSignal,
	}
	if p := r.configured(); p != nil {
		if i := slices.IndexFunc(p.Images, func(img config.Image) bool { return img.Ref == ref }); i >= 0 {
			img.Spec = p.Images[i]
		}
	}
	return img
}

// agentFile writes the agent for what was built of an image to where docker mounts
// it from, "" where there is none for it. A file is named by what it holds: a
// container that another towline brought up keeps its own.
func (r *Runner) agentFile(ref string) (path string, err error) {
	arch := cmp.Or(r.images.Built(ref).Config.Arch, runtime.GOARCH)
	binary := r.o.Agent[arch]
	if len(binary) == 0 || r.o.AgentDir == "" {
		return "", nil
	}
	sum := sha256.Sum256(binary)
	path = filepath.Join(r.o.AgentDir, "towline-agent-"+arch+"-"+hex.EncodeToString(sum[:6]))
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(binary)) {
		return path, nil
	}
	if err := writeProgram(path, binary); err != nil {
		return "", fmt.Errorf("writing the agent to %s: %w", r.o.AgentDir, err)
	}
	return path, nil
}

// writeProgram writes a program that any user may run, whole or not at all.
func writeProgram(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it is renamed
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Chmod(0o755)
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
