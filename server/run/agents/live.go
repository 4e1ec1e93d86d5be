package agents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Live brings files to a container as one transaction, and answers with
// engine.LiveDone.
func (a *Agents) Live(e engine.Live) {
	a.box.Put(func(ctx context.Context, s *state) {
		t := s.targets[e.Target]
		a.box.Go(func() {
			done := a.live(ctx, t, e)
			if done.Problem != nil && t != nil {
				a.complain(t.Resource, done.Problem, done.Rebuild)
			}
			done.Target, done.Batch = e.Target, e.Batch
			a.o.Tell(done)
		})
	})
}

// complain writes why a live update failed to its resource's log.
func (a *Agents) complain(resource string, problem *config.Problem, rebuild bool) {
	a.o.Log.Say(resource, "error", problem.Error())
	if problem.Hint != "" {
		a.o.Log.Say(resource, "", "hint: "+problem.Hint)
	}
	if rebuild {
		a.o.Log.Say(resource, "", "the image is built instead")
	}
}

// live performs a Live.
func (a *Agents) live(ctx context.Context, t *target, e engine.Live) (done engine.LiveDone) {
	s, err := a.session(ctx, e.Target)
	if err != nil {
		return engine.LiveDone{Problem: &config.Problem{Message: err.Error()}}
	}
	began := time.Now()
	found := changeOf(e, syncRoots(s.image), s.sync)
	change := found.change
	done.Problem, done.Unlike = found.unread, found.unlike
	if e.Recall {
		foldersIn(ctx, s.agent, &change, syncRoots(s.image))
	}
	rootAtFolders(&change)
	if e.Check {
		if err := skipUnchanged(ctx, s.agent, &change, e.Must); err != nil {
			done.Problem = &config.Problem{Message: fmt.Sprintf("comparing the files of %s: %v", e.Target, err)}
			return done
		}
	}
	files, _ := change.Source.(disk)
	change.Source, change.Delta = a.source(files, s.image.Ref, s.sync.Mode), s.sync.Mode == "delta"
	out := a.o.Log.Writer(output.Line{Resource: s.resource, Source: "build", Namespace: e.Target.Namespace, Pod: e.Target.Pod})
	change.Output = func(_ bool, p []byte) { _, _ = out.Write(p) } // never fails
	debugged := change.Restart && s.debugged
	change.Restart, change.Due = change.Restart && !debugged, e.Must
	asked := time.Now()
	result, err := s.agent.Apply(ctx, change)
	answered := time.Now()
	out.Flush()
	if err != nil {
		done.Problem = syncProblem(e, err)
		if overtaken(err) {
			done.Unlike = e.Files // it may be any of them
		} else {
			done.Rebuild = ctx.Err() == nil && !lost(s.agent)
		}
		return done
	}
	if e.Recall { // now: what is a folder by this change is no file that was brought
		if done.Brought, err = brought(ctx, s.agent, s.image); err != nil {
			done.Problem = &config.Problem{
				Message: fmt.Sprintf("%s: which files were sent before is not known: %v", e.Target.Pod, err),
				Hint:    fmt.Sprintf("one that was deleted here meanwhile may still be there; `towline trigger %s` makes the container anew", s.resource),
			}
		}
	}
	done.Stages = stages(&change, &result, asked, answered)
	a.update(t, func(t *target) { t.status.Covered = covered(t.status.Covered, e.Files, result.Covered) })
	if debugged && result.Failed() == nil && change.Follows(len(result.Covered)) {
		if err := a.restartDebugged(ctx, t, s.agent); err != nil {
			done.Problem = syncProblem(e, err)
			return done
		}
		a.o.Log.Say(s.resource, "", e.Target.Pod+": stopped, and starts again under the debugger")
	}
	if change.Restart {
		done.Started = time.Unix(0, result.Process.Started)
	}
	a.remember(change)
	a.processed(t, result.Process)
	if did := summary(&change, &result); did != "" {
		a.o.Log.Say(s.resource, "", fmt.Sprintf("%s: %s in %s", e.Target.Pod, did, time.Since(began).Round(10*time.Microsecond)))
	}
	if age := ageOf(s.image, &change, &result); !debugged && age != ageCurrent {
		a.warnStaleProcess(s.resource, e.Target.Pod, result.Process, age)
	}
	done.Problem = cmp.Or(commandProblem(e, result), done.Problem)
	return done
}

// stages says when a change came how far, by the agent's answer: what followed
// on a stage, the agent has measured. What it says beyond the time that the
// answer took is not believed.
func stages(change *client.Change, result *wire.Result, asked, answered time.Time) (s engine.LiveStages) {
	before := func(t time.Time, micros int64) time.Time {
		micros = min(max(micros, 0), answered.Sub(asked).Microseconds())
		if t = t.Add(-time.Duration(micros) * time.Microsecond); t.Before(asked) {
			return asked
		}
		return t
	}
	if change.Restart && result.Failed() == nil && change.Follows(len(result.Covered)) && result.Process.State == wire.StateRunning {
		s.Restarted = answered
	}
	if len(change.Files)+len(change.Deletes) <= len(result.Covered) {
		return s
	}
	s.Applied = before(before(answered, result.RestartMicros), result.RunMicros)
	if result.CommitMicros > 0 {
		s.Staged = before(s.Applied, result.CommitMicros)
	}
	return s
}

// covered is what is covered after an update, by what was before and what came
// of the files that were sent.
func covered(before map[string]wire.Covered, sent []engine.File, now []wire.Covered) map[string]wire.Covered {
	after := map[string]wire.Covered{}
	maps.Copy(after, before)
	for _, f := range sent {
		delete(after, f.Local)
	}
	for _, c := range now {
		for _, f := range sent {
			if f.Remote == c.Path {
				after[f.Local] = c
			}
		}
	}
	return after
}

// commandProblem says which command of a live update failed, nil when none did.
func commandProblem(e engine.Live, result wire.Result) *config.Problem {
	failed := result.Failed()
	if failed == nil {
		return nil
	}
	step := e.Runs[len(result.Runs)-1]
	return &config.Problem{
		Message: fmt.Sprintf("run %q in %s: %s", strings.Join(step.Argv, " "), e.Target, failed),
		Hint:    "the files are in place; the command runs again with the next change",
		Pos:     step.Pos,
	}
}

// skipUnchanged leaves of a change only what the container does not have yet. Where
// nothing differs no command runs and nothing restarts, unless they must; a
// held application is started in any case.
func skipUnchanged(ctx context.Context, c Syncer, change *client.Change, must bool) error {
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
	goes := map[string]bool{} // what is replaced as a whole: what is below is sent, whatever is found there now
	deletes := slices.DeleteFunc(slices.Clone(change.Deletes), func(d wire.Path) bool {
		done := found[d] == wire.KindMissing || found[d] == wire.KindDir && slices.ContainsFunc(change.Files, func(f wire.File) bool {
			return strings.HasPrefix(f.Path.String(), d.String()+"/") // it is the folder already that the file became
		})
		goes[d.String()] = !done
		return done
	})
	for _, f := range change.Files {
		_, wrong := found[f.Path]
		goes[f.Path.String()] = wrong && f.Kind == wire.KindDir
	}
	files := slices.DeleteFunc(slices.Clone(change.Files), func(f wire.File) bool {
		_, wrong := found[f.Path]
		for dir := path.Dir(f.Path.String()); dir != "/" && !wrong; dir = path.Dir(dir) {
			wrong = goes[dir]
		}
		return !wrong
	})
	change.Files, change.Deletes = files, deletes
	if len(files)+len(deletes) == 0 && !must {
		change.Runs, change.Restart = nil, false
	}
	return nil
}

// syncProblem says why a transaction failed, with the file at fault.
func syncProblem(e engine.Live, err error) *config.Problem {
	p := &config.Problem{Message: fmt.Sprintf("updating %s: %v", e.Target, err)}
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return p
	}
	p.Hint = refused.Hint
	for _, f := range e.Files {
		if refused.Path != "" && f.Remote == refused.Path {
			p.Pos = config.Position{File: f.Local, Line: 1}
			p.Message = fmt.Sprintf("syncing %s to %s of %s: %s", f.Local, f.Remote, e.Target, refused.Message)
		}
	}
	return p
}

// overtaken reports whether a file changed, went or could not be read any longer
// while it was sent: it is looked at again, and sent again.
func overtaken(err error) bool {
	var refused *wire.Error
	return errors.Is(err, wire.ErrAborted) || errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) && refused.Code == wire.CodeHashMismatch
}

func lost(c Syncer) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// summary says what a live update did, "" when that was nothing.
func summary(change *client.Change, result *wire.Result) string {
	var did []string
	if written := written(change, result); len(written) > 0 {
		did = append(did, "wrote "+named(written, func(f wire.File) string { return f.Path.String() }))
	}
	if result.Deleted > 0 {
		did = append(did, "deleted "+named(change.Deletes, wire.Path.String))
	}
	if n := len(result.Runs); n > 0 {
		did = append(did, "ran "+named(change.Runs[:n], func(c wire.Command) string { return strings.Join(c.Argv, " ") }))
	}
	if change.Restart && change.Follows(len(result.Covered)) {
		did = append(did, fmt.Sprintf("restarted as pid %d", result.Process.PID))
	}
	return strings.Join(did, ", ")
}

// written are the files of a change that the container sees.
func written(change *client.Change, result *wire.Result) []wire.File {
	return slices.DeleteFunc(slices.Clone(change.Files), func(f wire.File) bool {
		return slices.ContainsFunc(result.Covered, func(c wire.Covered) bool { return c.Path == f.Path.String() })
	})
}

// named names the first of a list, and counts the others.
func named[T any](list []T, name func(T) string) string {
	const shown = 3
	var names []string
	for _, x := range list[:min(shown, len(list))] {
		names = append(names, name(x))
	}
	text := strings.Join(names, ", ")
	if more := len(list) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
