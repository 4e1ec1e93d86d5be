package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestOldImagesAreLookedFor lives through a day of builds, by the clock.
func TestOldImagesAreLookedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		var looks []config.DockerPrune
		var kept, gone []string
		var failure error
		w.prune = func(_ context.Context, o config.DockerPrune, keep []string) ([]string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			looks, kept = append(looks, o), slices.Sorted(slices.Values(keep))
			return gone, failure
		}
		finds := func(images []string, err error) { w.with(func() { gone, failure = images, err }) }
		p := project()
		configure := func(s config.DockerPrune) {
			next := *p
			next.Settings.DockerPrune = s
			p = &next
			r.Configure(p)
			synctest.Wait()
		}
		builds := func(n int) {
			for range n {
				r.Perform(engine.Build{Image: p.Images[0]})
				synctest.Wait()
			}
		}
		check := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			w.with(func() {
				if len(looks) != want {
					t.Errorf("%s: %d looks, want %d", when, len(looks), want)
				}
				looks = nil
			})
		}
		r.Adopt("base", build.Result{Ref: "base:1", LocalRef: "local/base"})
		hourly := config.DockerPrune{MaxAge: 6 * time.Hour, Interval: time.Hour, KeepRecent: 2}
		configure(hourly)
		time.Sleep(2 * time.Hour)
		check("before a build", 0)
		finds([]string{"img:b", "img:a"}, nil)
		builds(2)
		check("after the first build", 1)
		if want := []string{"base:1", "img:1", "local/base", "local/img"}; !slices.Equal(kept, want) {
			t.Errorf("keeps %q, want %q", kept, want)
		}
		if want := "build : removed 2 old images of this workspace from docker: img:a, img:b"; !slices.Contains(w.lines, want) {
			t.Errorf("log %q", w.lines)
		}
		finds(nil, errors.New("no such daemon\nat all"))
		time.Sleep(3*time.Hour + time.Minute)
		check("three hours on", 3)
		if n := strings.Count(strings.Join(w.lines, "\n"), "old images stay in docker for now: no such daemon; at all"); n != 1 {
			t.Errorf("the failure is told %d times: %q", n, w.lines)
		}
		finds(nil, nil)
		configure(config.DockerPrune{Disable: true, Interval: time.Hour, KeepRecent: 2})
		builds(3)
		time.Sleep(5 * time.Hour)
		check("disabled", 0)
		configure(config.DockerPrune{NumBuilds: 5, Interval: time.Hour})
		time.Sleep(5 * time.Hour)
		check("before as many builds", 0) // three are not five
		builds(1)
		check("four builds", 0)
		builds(2)
		check("the fifth, and one", 1)
		configure(hourly)
		check("by time again", 0)
		time.Sleep(time.Hour)
		check("and an hour on", 1)
	})
}

// TestABuildEndsALook builds while old images are looked for: the look is given
// up before anything is built, and begins anew when it is.
func TestABuildEndsALook(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		looks, builtAtItsEnd := 0, 0
		w.prune = func(ctx context.Context, _ config.DockerPrune, _ []string) ([]string, error) {
			if looks++; looks > 1 {
				return nil, nil
			}
			<-ctx.Done()
			time.Sleep(time.Second) // a command that takes a while to end
			w.with(func() { builtAtItsEnd = len(w.did) })
			return nil, ctx.Err()
		}
		p := project()
		p.Settings.DockerPrune = config.DockerPrune{Interval: time.Hour}
		r.Configure(p)
		r.Perform(engine.Build{Image: p.Images[1]})
		w.take()
		if looks != 1 {
			t.Fatalf("%d looks after a build", looks)
		}
		r.Perform(engine.Build{Image: p.Images[0]})
		time.Sleep(2 * time.Second)
		if events := w.take(); len(events) != 1 || builtAtItsEnd != 1 || looks != 2 {
			t.Errorf("%v; %d images were built when the look ended, which began %d times", events, builtAtItsEnd, looks)
		}
		if log := strings.Join(w.lines, "\n"); strings.Contains(log, "old images") {
			t.Errorf("told of what it gave up:\n%s", log)
		}
	})
}
