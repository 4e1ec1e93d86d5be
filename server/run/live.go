package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// live brings files to a container as one transaction.
func (r *Runner) live(e engine.Live) {
	problem, rebuild := r.sync(e)
	if problem != nil {
		resource := r.resourceOf(e.Target)
		r.log(resource, "towline", "error", problem.Error())
		if problem.Hint != "" {
			r.log(resource, "towline", "", "hint: "+problem.Hint)
		}
		if rebuild {
			r.log(resource, "towline", "", "the image is built instead")
		}
	}
	r.o.Sink.Event(engine.LiveDone{Target: e.Target, Batch: e.Batch, Problem: problem, Rebuild: rebuild})
}

// sync performs a Live. rebuild says that only a full build can help.
func (r *Runner) sync(e engine.Live) (problem *config.Problem, rebuild bool) {
	c, err := r.connected(e.Target)
	if err != nil {
		return &config.Problem{Message: err.Error()}, false
	}
	resource := r.resourceOf(e.Target)
	began := time.Now()
	img := r.imageOf(e.Target)
	set := r.ours().SyncOf(img.Ref)
	change, err := changeOf(e, syncRoots(img), set)
	if err != nil {
		return &config.Problem{Message: err.Error()}, false
	}
	if e.Check {
		if err := narrow(r.ctx, c, &change, e.Must); err != nil {
			return &config.Problem{Message: fmt.Sprintf("comparing the files of pod %s: %v", e.Target.Pod, err)}, false
		}
	}
	files, _ := change.Source.(disk)
	change.Source, change.Delta = r.source(files, img.Ref, set.Mode), set.Mode == "delta"
	output := r.out.Lines(func(line string) {
		r.o.Sink.Log(Line{Resource: resource, Source: "build", Pod: e.Target.Pod, Text: line})
	})
	change.Output = func(_ bool, p []byte) { output.Write(p) }
	debugged := change.Restart && r.debugged(e.Target)
	change.Restart = change.Restart && !debugged
	result, err := c.Apply(r.ctx, change)
	output.Flush()
	if err != nil {
		return syncProblem(e, err), r.ctx.Err() == nil && !isLost(c) && !overtaken(err)
	}
	if debugged && result.Failed() == nil {
		if err := r.restartDebugged(c, e.Target); err != nil {
			return syncProblem(e, err), false
		}
		r.log(resource, "towline", "", e.Target.Pod+": stopped, and starts again under the debugger")
	}
	r.remember(change)
	r.report(resource, e, change, result, time.Since(began))
	if failed := result.Failed(); failed != nil {
		step := e.Runs[len(result.Runs)-1]
		return &config.Problem{
			Message: fmt.Sprintf("run %q in pod %s: %s", strings.Join(step.Argv, " "), e.Target.Pod, failed),
			Hint:    "the files are in place; the command runs again with the next change",
			Pos:     step.Pos,
		}, false
	}
	return nil, false
}

// narrow leaves of a change only what the container does not have yet. Where
// nothing differs no command runs and nothing restarts, unless they must; a
// held application is started in any case.
func narrow(ctx context.Context, c *client.Client, change *client.Change, must bool) error {
	change.Start = true
	if len(change.Files) == 0 && len(change.Deletes) == 0 {
		if !must {
			change.Runs, change.Restart = nil, false
		}
		return nil
	}
	want := slices.Clone(change.Files)
	for _, d := range change.Deletes {
		want = append(want, wire.File{Path: d}) // no file has the zero hash: one that is there differs
	}
	differ, err := c.Verify(ctx, want)
	if err != nil {
		return err
	}
	found := map[wire.Path]wire.FileKind{}
	for _, d := range differ {
		found[d.Path] = d.Kind
	}
	files := slices.DeleteFunc(slices.Clone(change.Files), func(f wire.File) bool {
		_, wrong := found[f.Path]
		return !wrong
	})
	deletes := slices.DeleteFunc(slices.Clone(change.Deletes), func(d wire.Path) bool {
		return found[d] == wire.KindMissing
	})
	change.Files, change.Deletes = files, deletes
	if len(files)+len(deletes) == 0 && !must {
		change.Runs, change.Restart = nil, false
	}
	return nil
}

// changeOf reads the files of a Live. With towline.sync(delete=False) what is
// gone here stays there.
func changeOf(e engine.Live, roots []string, set config.SyncSetting) (client.Change, error) {
	var change client.Change
	local := map[wire.Path]string{}
	for _, f := range e.Files {
		at := remotePath(f.Remote, roots)
		found, exists, err := describe(f, at)
		if err != nil {
			return change, err
		}
		if !exists {
			if set.Delete {
				change.Deletes = append(change.Deletes, at)
			}
			continue
		}
		local[at] = f.Local
		change.Files = append(change.Files, found)
	}
	for _, step := range e.Runs {
		change.Runs = append(change.Runs, wire.Command{Argv: step.Argv})
	}
	change.Restart = e.Restart
	change.Source = disk(local)
	return change, nil
}

// describe reads what a transaction has to say of a local file. What the file
// held when it was seen last counts while its stamp is the same: should that be wrong, the agent finds other bytes and refuses them.
func describe(local engine.File, at wire.Path) (f wire.File, exists bool, err error) {
	name := local.Local
	info, err := file.Lstat(name)
	if file.IsMissing(err) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	f = wire.File{Path: at, Mode: uint32(info.Mode().Perm()), ModTime: info.ModTime().UnixNano()}
	switch {
	case info.IsDir():
		f.Kind = wire.KindDir
		return f, true, nil
	case info.Mode()&fs.ModeSymlink != 0:
		f.Kind = wire.KindSymlink
		f.Target, err = os.Readlink(name)
		return f, true, err
	}
	if local.Seen.Stamp == file.StampOf(info) {
		f.Size, f.Hash = info.Size(), wire.Digest(local.Seen.Hash)
		return f, true, nil
	}
	content, err := os.Open(name)
	if err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	defer content.Close()
	h := blake3.New()
	if f.Size, err = io.Copy(h, content); err != nil {
		return f, false, fmt.Errorf("reading %s: %w", name, err)
	}
	h.Sum(f.Hash[:0])
	return f, true, nil
}

// disk has the contents of local files, by their place in the container.
type disk map[wire.Path]string

func (d disk) Open(f wire.File) (io.ReadCloser, error) { return os.Open(d[f.Path]) }

// syncRoots are the folders below which a live update may write.
func syncRoots(img *config.Image) []string {
	var roots []string
	for _, step := range img.LiveUpdate {
		if step.Kind == config.StepSync {
			roots = append(roots, path.Clean(step.Remote))
		}
	}
	return roots
}

// remotePath divides an absolute path of the container into the sync root
// that it lies in and the rest. A root that is itself the file (a sync of one
// file) is confined to its folder.
func remotePath(remote string, roots []string) wire.Path {
	best := ""
	for _, root := range roots {
		if strings.HasPrefix(remote, strings.TrimSuffix(root, "/")+"/") && len(root) > len(best) {
			best = root
		}
	}
	if best == "" {
		best = path.Dir(remote)
	}
	return wire.Path{Root: best, Path: strings.TrimPrefix(strings.TrimPrefix(remote, best), "/")}
}

// syncProblem says why a transaction failed, with the file at fault.
func syncProblem(e engine.Live, err error) *config.Problem {
	p := &config.Problem{Message: fmt.Sprintf("updating container %s of pod %s: %v", e.Target.Container, e.Target.Pod, err)}
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return p
	}
	p.Hint = refused.Hint
	for _, f := range e.Files {
		if refused.Path != "" && f.Remote == refused.Path {
			p.Pos = config.Position{File: f.Local, Line: 1}
			p.Message = fmt.Sprintf("syncing %s to %s of pod %s: %s", f.Local, f.Remote, e.Target.Pod, refused.Message)
		}
	}
	return p
}

// overtaken reports whether a file changed or went while it was sent. The
// hint of that change is on its way, and sends it again.
func overtaken(err error) bool {
	var refused *wire.Error
	return errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) && refused.Code == wire.CodeHashMismatch
}

func isLost(c *client.Client) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// report writes what a live update did to the resource's log.
func (r *Runner) report(resource string, e engine.Live, change client.Change, result wire.Result, took time.Duration) {
	var did []string
	if n := len(change.Files); n > 0 {
		did = append(did, fmt.Sprintf("%d file(s) written", n))
	}
	if result.Deleted > 0 {
		did = append(did, fmt.Sprintf("%d deleted", result.Deleted))
	}
	if n := len(result.Runs); n > 0 {
		did = append(did, fmt.Sprintf("%d command(s) run", n))
	}
	if change.Restart {
		did = append(did, fmt.Sprintf("restarted as pid %d", result.Process.PID))
	}
	r.tellSynced(e.Target, result.Process)
	if len(did) == 0 {
		return
	}
	r.log(resource, "towline", "", fmt.Sprintf("%s: %s in %s", e.Target.Pod, strings.Join(did, ", "), took.Round(10*time.Microsecond)))
}

func (r *Runner) tellSynced(id engine.TargetID, p wire.Process) {
	t := r.target(id)
	if t != nil {
		t.tell(r, func(f *TargetFacts) { f.Process = p })
		r.observe(t.resource())
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
