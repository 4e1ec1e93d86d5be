package daemon

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// own is how a Tiltfile depends on what it writes anew at each evaluation.
var own = map[string]struct{ write, read string }{
	"a file":               {"date +%s.%N > gen", "read_file('gen')"},
	"a file behind a link": {"date +%s.%N > real", "read_file('link')"},
	"an included file":     {"echo \"x = '$(date +%s.%N)'\" > inc.star", "load_dynamic('./inc.star')"},
	"objects":              {"printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: m}\\ndata: {a: \"%s\"}\\n' $(date +%s.%N) > y.yaml", "k8s_yaml('y.yaml')"},
	"a kustomization":      {"mkdir -p k; printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: m}\\ndata: {a: \"%s\"}\\n' $(date +%s.%N) > k/m.yaml; echo 'resources: [m.yaml]' > k/kustomization.yaml", "k8s_yaml(kustomize('k'))"},
	"a chart":              {"mkdir -p c/templates; printf 'apiVersion: v2\\nname: c\\nversion: 1.0.0\\n' > c/Chart.yaml; echo \"a: '$(date +%s.%N)'\" > c/values.yaml; printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: m}\\ndata: {a: \"{{ .Values.a }}\"}\\n' > c/templates/m.yaml", "k8s_yaml(helm('c'))"},
	"names in a folder":    {"mkdir -p d; touch d/$(date +%s.%N)", "listdir('d')"},
}

// TestWhatARunWritesIsNoReasonForTheNext lets evaluations that write what they
// read succeed and fail, before they read it and after, quickly and slowly.
func TestWhatARunWritesIsNoReasonForTheNext(t *testing.T) {
	for name, test := range own {
		for how, tail := range map[string]string{"quickly": "", "slowly": "\nlocal('sleep 0.1')"} {
			t.Run(name+" "+how, func(t *testing.T) {
				s := newTiltStand(t, "")
				if err := os.Symlink(s.path("real"), s.path("link")); err != nil {
					t.Fatal(err)
				}
				write := "local(" + quoted(test.write) + ")" + tail + "\n"
				fail := "fail('on purpose')\n"
				for _, run := range []struct{ what, text string }{
					{"the first", write + test.read + tail + "\n"},
					{"it succeeds", write + test.read + tail + "\n#\n"},
					{"it fails at the end", write + test.read + tail + "\n" + fail},
					{"it fails before it reads", write + fail + test.read + "\n"},
					{"it is mended", write + test.read + tail + "\n"},
				} {
					before := s.count.Load()
					s.write("Tiltfile", run.text)
					s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
					if before == 0 {
						s.evaluate()
					}
					broken := strings.Contains(run.text, fail)
					status := s.await(run.what, func(status *api.Status) bool {
						return s.count.Load() > before && !status.Config.Evaluating && (status.Config.Error != nil) == broken
					})
					if broken && !strings.Contains(status.Config.Error.Message, "on purpose") {
						t.Fatalf("%s: %+v", run.what, status.Config.Error)
					}
					time.Sleep(3 * quiet) // what would come of it comes first
					s.await(run.what, func(status *api.Status) bool { return !status.Config.Evaluating })
					if n := s.count.Load() - before; n > 3 {
						t.Errorf("%s: %d evaluations", run.what, n)
					}
				}
				if logs := s.ask("POST "+api.RouteLogs, "{}"); strings.Contains(logs, "again and again") {
					t.Errorf("it is held back:\n%s", logs)
				}
			})
		}
	}
}

func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// TestWatchedFileThatARunWritesIsBraked: nobody knows whether the evaluation
// saw what it wrote, so there is another, but no third at once.
func TestWatchedFileThatARunWritesIsBraked(t *testing.T) {
	for name, text := range map[string]string{
		"it succeeds": "watch_file('gen')\nlocal('date +%s.%N > gen')\n",
		"it fails":    "watch_file('gen')\nlocal('date +%s.%N > gen')\nfail('on purpose')\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newTiltStand(t, text)
			s.write("gen", "")
			s.evaluate()
			s.write("Tiltfile", text+"#\n")
			s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
			s.until("somebody is told", func() bool {
				return strings.Contains(s.ask("POST "+api.RouteLogs, "{}"), "gen changes again and again")
			})
			if n := s.count.Load(); n > 4 {
				t.Errorf("%d evaluations", n)
			}
		})
	}
}

// TestPersonsChangeDuringARunCounts: a file that runs wrote once may be
// changed by a person while one goes on, after it was read.
func TestPersonsChangeDuringARunCounts(t *testing.T) {
	s := newTiltStand(t, "local('date > gen')\nx = str(read_file('gen')).strip()\nwarn('made')\n")
	s.evaluate()
	s.says("made")
	s.queue.put(func(c *core) { c.tiltfile.writes.add(s.path("gen")) })
	s.write("Tiltfile", "x = str(read_file('gen')).strip()\nlocal('touch begun; while [ -e begun ]; do sleep 0.01; done; true')\nwarn(x)\n")
	s.post(api.RouteHint, `{"paths":["`+s.path("Tiltfile")+`"]}`)
	s.until("it has read", func() bool { _, err := os.Stat(s.path("begun")); return err == nil })
	s.write("gen", "a person's")
	s.until("the change is seen", func() bool {
		seen := make(chan bool, 1)
		s.queue.put(func(c *core) { seen <- len(c.tiltfile.writes.meanwhile) > 0 })
		return receive(t, seen, "the core")
	})
	if err := os.Remove(s.path("begun")); err != nil {
		t.Fatal(err)
	}
	s.until("it is evaluated again", func() bool { _, err := os.Stat(s.path("begun")); return err == nil })
	if err := os.Remove(s.path("begun")); err != nil {
		t.Fatal(err)
	}
	s.says("a person's")
}

// TestBrakeHoldsOwnWritingsAtOnce is the pause before the second.
func TestBrakeHoldsOwnWritingsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b rateLimiter
		if may, pause := b.ask(time.Now(), true); may || pause != ownPause {
			t.Errorf("%v, %v", may, pause)
		}
		b.release(time.Now())
		if may, pause := b.ask(time.Now(), true); may || pause != 2*ownPause {
			t.Errorf("after a pause: %v, %v", may, pause)
		}
	})
}
