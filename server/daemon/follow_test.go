package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// tiltStand is a stand with the real evaluation, and counts what begins.
type tiltStand struct {
	*stand
	count atomic.Int64
}

func newTiltStand(t *testing.T, tiltfile string) *tiltStand {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := &tiltStand{stand: newStand(t)}
	kept := cache.New()
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		s.count.Add(1)
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Args: e.Args, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log, Cache: kept})
	})
	s.write("Tiltfile", tiltfile)
	return s
}

func (s *tiltStand) path(name string) string { return filepath.Join(s.o.Endpoint.Workspace, name) }

// write replaces a file without telling the daemon.
func (s *tiltStand) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	temp := filepath.Join(s.t.TempDir(), "new") // no evaluation shall see half of it
	if err := os.WriteFile(temp, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(temp, s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for what no status tells.
func (s *tiltStand) until(what string, is func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !is(); <-tick.C {
		if time.Since(began) > time.Minute {
			s.t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// says waits until an evaluation has ended with just this warning.
func (s *tiltStand) says(want string) {
	s.t.Helper()
	s.await("the Tiltfile says "+want, func(status *api.Status) bool {
		w := status.Config.Warnings
		return !status.Config.Evaluating && len(w) == 1 && w[0].Message == want
	})
}

// TestEveryFileThatWasReadEvaluatesAgain changes, removes and makes files in
// all the ways in which a Tiltfile may depend on them, without a hint.
func TestEveryFileThatWasReadEvaluatesAgain(t *testing.T) {
	s := newTiltStand(t, `
load('lib.star', 'word')
names = ','.join([os.path.basename(p) for p in listdir('plain')] + [os.path.basename(p) for p in listdir('deep', recursive=True)])
warn(' '.join([word, str(read_file('a.txt')).strip(), str(read_file('link.txt')), str(read_file('later/b.txt', default='none')), names]))
`)
	s.write("lib.star", "word = 'one'\n")
	s.write("a.txt", "a")
	s.write("elsewhere/real.txt", "real")
	s.write("plain/x", "")
	s.write("deep/er/y", "")
	if err := os.Symlink(s.path("elsewhere/real.txt"), s.path("link.txt")); err != nil {
		t.Fatal(err)
	}
	s.evaluate()
	s.says("one a real none x,y")
	for _, step := range []struct {
		what string
		do   func() error
		want string
	}{
		{"a loaded file", func() error { s.write("lib.star", "word = 'two'\n"); return nil }, "two a real none x,y"},
		{"a file that was read", func() error { s.write("a.txt", "b"); return nil }, "two b real none x,y"},
		{"what a link leads to", func() error { s.write("elsewhere/real.txt", "other"); return nil }, "two b other none x,y"},
		{"a file that was not there, in a folder that was not", func() error { s.write("later/b.txt", "here"); return nil }, "two b other here x,y"},
		{"it goes", func() error { return os.RemoveAll(s.path("later")) }, "two b other none x,y"},
		{"and comes back", func() error { s.write("later/b.txt", "back"); return nil }, "two b other back x,y"},
		{"a listed folder grows", func() error { s.write("plain/z", ""); return nil }, "two b other back x,z,y"},
		{"and shrinks", func() error { return os.Remove(s.path("plain/x")) }, "two b other back z,y"},
		{"a tree grows", func() error { s.write("deep/new/er/q", ""); return nil }, "two b other back z,y,q"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		t.Log(step.what)
		s.says(step.want)
		s.queue.put(func(c *core) { c.tiltfile.limiter = rateLimiter{} }) // a person is not so quick
	}
	// What was not read evaluates nothing: one evaluation follows, for a.txt.
	before := s.count.Load()
	s.write("plain/z", "its content is nobody's matter")
	s.write("unrelated", "x")
	time.Sleep(3 * quiet) // what would come of them comes first
	s.write("a.txt", "c")
	s.says("two c other back z,y,q")
	if got := s.count.Load() - before; got != 1 {
		t.Errorf("%d evaluations, want the one for a.txt", got)
	}
}

// TestChangesBeforeTheWatchAreSeen has files change after they were read and
// before anybody watches them.
func TestChangesBeforeTheWatchAreSeen(t *testing.T) {
	for name, test := range map[string]struct{ read, change, want string }{
		"a file goes":    {"read_file('a', default='gone')", "rm -f a", "gone"},
		"a file comes":   {"read_file('b', default='none')", "printf new > b", "new"},
		"a file changes": {"read_file('a')", "printf new > a", "new"},
		"a folder grows": {"len(listdir('d'))", "touch d/two", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTiltStand(t, fmt.Sprintf("warn(str(%s))\nlocal('%s')\n", test.read, test.change))
			s.write("a", "old")
			s.write("d/one", "")
			s.evaluate()
			s.says(test.want)
			if n := s.count.Load(); n > 3 {
				t.Errorf("%d evaluations", n)
			}
		})
	}
}

// TestHangingEvaluationGivesWay mends a Tiltfile whose first evaluation never
// ends.
func TestHangingEvaluationGivesWay(t *testing.T) {
	for name, hangs := range map[string]string{
		"a command":              "local('sleep 1000')\n",
		"a command with a child": "local('sleep 1000 & sleep 1000')\n",
		"a loop":                 "while True:\n    pass\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newTiltStand(t, hangs)
			s.queue.put(func(c *core) { c.evaluate(nil) })
			s.until("it begins", func() bool { return s.count.Load() == 1 })
			s.write("Tiltfile", "warn('mended')\n")
			s.says("mended")
		})
	}
}

// TestTiltfileThatWritesWhatItReads must not be evaluated for ever, nor never
// come to an end.
func TestTiltfileThatWritesWhatItReads(t *testing.T) {
	s := newTiltStand(t, `
local('echo x >> gen')
local_resource('a', cmd='true', labels=[str(len(str(read_file('gen'))))])
local('echo y >> gen; sleep 0.05')
`)
	s.evaluate()
	s.until("somebody is told", func() bool {
		return strings.Contains(s.ask("POST "+api.RouteLogs, "{}"), "gen changes again and again")
	})
	s.await("it has an end", func(status *api.Status) bool { return !status.Config.Evaluating && len(status.Resources) == 1 })
	if n := s.count.Load(); n > 2*freely+2 {
		t.Errorf("%d evaluations", n)
	}
	// A person's save is not held up by it.
	s.write("Tiltfile", "warn('mended')\n")
	s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
	s.says("mended")
}

// TestBadTiltfilesLeaveTheGoodOneInForce saves one after the other.
func TestBadTiltfilesLeaveTheGoodOneInForce(t *testing.T) {
	const good = "local_resource('a', cmd='true')\n"
	s := newTiltStand(t, good)
	s.evaluate()
	for name, bad := range map[string]string{
		"a syntax error":    "local_resource(",
		"endless recursion": "def f():\n    return f()\nf()\n",
		"an endless loop":   "towline.limits(steps=100000)\nwhile True:\n    pass\n",
		"a huge list":       "x = [0] * (1 << 30)\n",
		"a list in itself":  "x = []\nx.append(x)\nencode_yaml(x)\n",
		"a cyclic load":     "load('Tiltfile', 'x')\n",
		"a binary file":     "\x7fELF\x01\x00",
		"a failed command":  "local('exit 3')\n",
	} {
		s.write("Tiltfile", bad)
		s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
		status := s.await(name, func(s *api.Status) bool { return !s.Config.Evaluating && s.Config.Error != nil })
		if len(status.Resources) != 1 || status.Resources[0].Name != "a" {
			t.Errorf("%s: the good project is gone: %+v", name, status.Resources)
		}
		if status.Config.Error.Hint == "" {
			t.Errorf("%s: %+v has no hint", name, status.Config.Error)
		}
		s.write("Tiltfile", good)
		s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
		s.await(name+" is mended", func(s *api.Status) bool { return !s.Config.Evaluating && s.Config.Error == nil })
	}
}

// TestDefectOfAnEvaluationIsAProblem: the daemon lives, and so does the good
// project.
func TestDefectOfAnEvaluationIsAProblem(t *testing.T) {
	s := newStand(t)
	s.evaluates(func(context.Context, Evaluation) *config.Project { panic("a defect") })
	if p := s.evaluate(); p.Error == nil || !strings.Contains(p.Error.Message, "a defect") || p.Error.Hint == "" {
		t.Errorf("%+v", p.Error)
	}
}

// TestCancelledEvaluationEndsFirst: two must not run side by side.
func TestCancelledEvaluationEndsFirst(t *testing.T) {
	s := newStand(t)
	var running, most atomic.Int64
	s.evaluates(func(ctx context.Context, _ Evaluation) *config.Project {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		select {
		case <-ctx.Done():
			time.Sleep(5 * time.Millisecond) // it takes its time
		case <-time.After(20 * time.Millisecond):
		}
		return &config.Project{}
	})
	for range 5 {
		s.queue.put(func(c *core) { c.evaluate(nil) })
		s.settle()
	}
	s.evaluate()
	if most.Load() != 1 {
		t.Errorf("%d evaluations at once", most.Load())
	}
}
