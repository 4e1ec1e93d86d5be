package daemon

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// open opens the store of a folder; reopening it is what a new daemon does.
func open(t *testing.T, dir string) *store {
	t.Helper()
	s, err := openStore(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStoreRemembers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.record.Up = &api.UpRequest{Tiltfile: "/w/Tiltfile", Namespace: "ns", Keep: true}
	s.record.Pin = "pin"
	s.record.Images["web"] = imageRecord{Spec: "spec", Files: map[string]tree.Hash{"/w/a": {1, 2}}}
	if err := s.write(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.record, open(t, dir).record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v", info.Mode())
	}
}

// TestStoreSurvivesWhatItFinds has files as a full disk or a crash leaves
// them: each costs a rebuild, none the daemon.
func TestStoreSurvivesWhatItFinds(t *testing.T) {
	tests := map[string]string{
		"nothing": "", "garbage": "\x00\x01", "half": `{"up":{"tiltfile":"/w`, "null": "null", "a list": "[]",
		"no images": `{"pin":"p"}`, "null images": `{"images":null}`, "another type": `{"images":{"web":7}}`,
		"unknown fields": `{"later":1,"images":{}}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "state.json", text)
			put(t, dir, "state.json.new", "half a file that an earlier daemon wrote")
			s := open(t, dir)
			s.record.Images["web"] = imageRecord{Spec: "s"}
			if err := s.write(); err != nil {
				t.Fatal(err)
			}
			if got := open(t, dir).record.Images["web"].Spec; got != "s" {
				t.Errorf("saved spec s, found %q", got)
			}
			if s.record.Up != nil {
				t.Errorf("it is up: %+v", s.record.Up)
			}
		})
	}
}

// TestDamagedRecordHasACopy: of a record that is damaged the one before is gone on
// with, while something is up; what went down does not come back.
func TestDamagedRecordHasACopy(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, file string){
		"garbage": func(t *testing.T, file string) { must(t, os.WriteFile(file, []byte("\x00\x01"), 0o600)) },
		"empty":   func(t *testing.T, file string) { must(t, os.WriteFile(file, nil, 0o600)) },
		"gone":    func(t *testing.T, file string) { must(t, os.Remove(file)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			workspace := s.workspace("id")
			s.record.Up = &api.UpRequest{Tiltfile: "/w/Tiltfile"}
			s.save()
			s.record.Alone = true
			s.save()
			damage(t, filepath.Join(dir, recordFile))
			next := open(t, dir)
			if next.record.Up == nil || next.damaged == "" || next.workspace("id") != workspace {
				t.Errorf("it is known that %+v, and said %q", next.record, next.damaged)
			}
			if up := Remembered(api.Endpoint{State: dir}); up == nil || up.Tiltfile != "/w/Tiltfile" {
				t.Errorf("without a daemon %+v is known to be up", up)
			}
			next.record.forget()
			next.save()
			damage(t, filepath.Join(dir, recordFile))
			if last := open(t, dir); last.record.Up != nil || name != "gone" && last.damaged == "" {
				t.Errorf("after it went down %+v is up, and it is said %q", last.record.Up, last.damaged)
			}
		})
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	touch := func(s *store, paths ...string) {
		t.Helper()
		s.touch(paths)
	}
	touched := func(want ...string) {
		t.Helper()
		all := map[string]bool{}
		for _, p := range want {
			all[p] = true
		}
		if diff := cmp.Diff(all, open(t, dir).touched); diff != "" {
			t.Errorf("touched (-want +got):\n%s", diff)
		}
	}
	touched()
	touch(s, "/w/a", "/w/b")
	touch(s, "/w/a", "/w/new\nline", "/w/ü")
	touched("/w/a", "/w/b", "/w/new\nline", "/w/ü")

	data, err := os.ReadFile(filepath.Join(dir, "touched"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 4 {
		t.Errorf("%d lines for 4 files: %q", n, data)
	}

	// Its last line is torn, and a line is garbage: the rest counts, also what
	// is noted from then on.
	put(t, dir, "touched", "\"/w/a\"\ngarbage\n\"/w/b\"\n\"/w/to")
	s = open(t, dir)
	touch(s, "/w/c")
	touched("/w/a", "/w/b", "/w/c")

	s.forgetTouched()
	touched()
	touch(s, "/w/a")
	touched("/w/a")
}

// TestDiskTellsMissingFromUnreadable holds what a tree asks of its reader.
func TestDiskTellsMissingFromUnreadable(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "")
	for _, name := range []string{"none", "file/below"} {
		if _, err := (disk{}).Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want that it is not there", name, err)
		}
	}
}

func TestJournalIsNeeded(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "touched"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error without a journal")
	}
}

// TestJournalThatCannotBeWritten has the disk full from some moment on: what was
// not noted may have been sent, which the next daemon knows.
func TestJournalThatCannotBeWritten(t *testing.T) {
	for what, full := range map[string]func(s *store){
		"while a file is noted": func(s *store) { s.journal.Close() },
		"when it is emptied":    func(s *store) { s.journal.Close(); s.forgetTouched() },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			s.record.Images["web"] = imageRecord{Spec: "s"}
			s.save()
			s.touch([]string{"/w/a"})
			if s.unwritten() != nil {
				t.Fatal(s.unwritten())
			}
			must(t, os.Mkdir(filepath.Join(dir, "touched.new"), 0o700)) // nothing is written there
			full(s)
			s.touch([]string{"/w/b"})
			s.retry()
			if p := s.unwritten(); p == nil || p.Hint == "" {
				t.Errorf("it is told as %v", p)
			}
			if next := open(t, dir); !next.all || next.unwritten() == nil {
				t.Errorf("the next daemon, on the full disk: any file %v, %v", next.all, next.unwritten())
			}
			must(t, os.Remove(filepath.Join(dir, "touched.new")))
			for range 2 {
				if next := open(t, dir); !next.all || next.unwritten() != nil {
					t.Errorf("the next daemon, with room: any file %v, %v", next.all, next.unwritten())
				}
			}
			s.retry()
			if s.unwritten() != nil {
				t.Error("there is room, and it is not used: ", s.unwritten())
			}
			next := open(t, dir)
			if _, b := next.touched["/w/b"]; !b || next.all {
				t.Errorf("mended in time, the journal says %v, any file %v", next.touched, next.all)
			}
		})
	}
}

// TestRecordThatCannotBeWritten is written when it can be.
func TestRecordThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, os.Mkdir(filepath.Join(dir, "state.json.new"), 0o700))
	s.record.Pin = "pin"
	s.save()
	s.retry()
	if s.unwritten() == nil {
		t.Error("nobody is told")
	}
	must(t, os.Remove(filepath.Join(dir, "state.json.new")))
	s.retry()
	if got := open(t, dir).record.Pin; got != "pin" || s.unwritten() != nil {
		t.Errorf("the record says %q, %v", got, s.unwritten())
	}
}

// adopter is a runner that only adopts.
type adopter struct{ runner }

func (adopter) Adopt(string, build.Result) {}
func (adopter) Close()                     {}

// TestAnyFileIsCompared resumes beside a journal that misses files: all that
// could have been sent is compared with the containers', and nothing built.
func TestAnyFileIsCompared(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		g.write("app/synced", "1")
		g.write("Dockerfile", "FROM scratch")
		img := config.Image{Ref: "web", Deps: []string{g.root}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: g.path("app"), Remote: "/app"}}}
		p := &config.Project{Images: []config.Image{img}}
		for all, want := range map[bool]int{false: 0, true: 1} {
			g.core(func(c *core) {
				c.tiltfile.good, c.session.runner, c.state = p, adopter{}, engine.State{}
				c.sources.follow(p, nil, nil)
				c.step(engine.Configured{Project: p})
				c.store.record.Images["web"] = imageRecord{Spec: c.state.Image("web").Spec, Result: build.Result{Ref: "pushed"}, Files: c.sources.hashes("web")}
				c.store.all = all
				c.restore()
				if got := c.state.Image("web"); len(got.Dirty) != want || got.Pushed != "pushed" {
					t.Errorf("any file %v: %+v", all, got)
				}
			})
		}
	})
}

// performer is a runner that writes down what it is to do.
type performer struct {
	adopter
	did *[]engine.Effect
}

func (p performer) Configure(*config.Project) {}
func (p performer) Perform(e engine.Effect)   { *p.did = append(*p.did, e) }

// TestWhatIsOnlyUpdatedLiveIsSentAfterARestart: no build holds what was changed
// since it was brought up, so a container that a new daemon meets gets it, be it
// changed back by then or not. What was not changed is the container's own.
func TestWhatIsOnlyUpdatedLiveIsSentAfterARestart(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		for _, name := range []string{"same", "edited", "back", "lost"} {
			g.write("app/"+name, "1")
		}
		p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 3}, Resources: []config.Resource{{
			Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true,
			CustomDeploy: &config.CustomDeploy{Deps: []string{g.root}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: g.path("app"), Remote: "/app"}}},
		}}}
		ref := p.LiveImages()[0].Ref
		var did []engine.Effect
		begin := func(c *core) { // as a daemon does
			did = nil
			c.tiltfile.good, c.session.runner, c.state = p, performer{did: &did}, engine.State{}
			c.sources.follow(p, nil, nil)
			c.configure()
			c.restore()
		}
		g.core(begin)
		g.write("app/edited", "2")
		g.write("app/new", "1")
		must(t, os.Remove(g.path("app/lost")))
		g.core(func(c *core) {
			c.store.touch([]string{g.path("app/back")})
			begin(c)
			c.step(engine.Wanted{})
			c.step(engine.Applied{Resource: "web"})
			id := engine.TargetID{Namespace: "n", Pod: "web-1", Container: "c"}
			c.step(engine.Observed{Resource: "web", Ready: true, Targets: []engine.Seen{{ID: id, Image: ref, Pushed: ref, Instance: "i", Running: true}}})
			c.step(engine.Attached{Target: id, Instance: "i"})
			live, ok := did[len(did)-1].(engine.Live)
			var files []string
			for _, f := range live.Files {
				files = append(files, strings.TrimPrefix(f.Remote, "/app/"))
			}
			slices.Sort(files)
			if want := []string{"back", "edited", "lost", "new"}; !ok || !slices.Equal(files, want) {
				t.Errorf("%T with %q, want %q", did[len(did)-1], files, want)
			}
			c.store.record.forget()
			c.store.forgetTouched()
			begin(c)
			if dirty := c.state.Image(ref).Dirty; len(dirty) > 0 {
				t.Errorf("after a Down: %v", dirty)
			}
		})
	})
}
