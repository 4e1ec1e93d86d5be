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
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// buildImages builds what a test says.
type buildImages struct {
	*world
	build func(ctx context.Context) (build.Result, error)
}

func (b *buildImages) Build(ctx context.Context, r build.Request) (build.Result, error) {
	_, _ = r.Output.Write([]byte("step\n"))
	return b.build(ctx)
}

// inImages plays with the images alone, in virtual time.
func inImages(t *testing.T, play func(t *testing.T, m *images, b *buildImages)) {
	synctest.Test(t, func(t *testing.T) {
		b := &buildImages{world: &world{}}
		m := startImages(t.Context(), Options{Images: b, Sink: b.world}, output.Log{Emit: b.Log}, func(string, string) {})
		defer m.Close()
		p := &config.Project{}
		p.Settings.DockerPrune.Disable = true
		m.configure(p)
		play(t, m, b)
	})
}

// TestBuildThatLacksSomethingIsTriedAgain: later each time, and said once, until the
// image is there; what is wrong with the image is not tried again.
func TestBuildThatLacksSomethingIsTriedAgain(t *testing.T) {
	inImages(t, func(t *testing.T, m *images, b *buildImages) {
		broken := &build.Away{Problem: &config.Problem{Message: "docker does not answer"}}
		b.build = func(context.Context) (build.Result, error) { return build.Result{}, broken }
		e := engine.Build{Image: config.Image{Ref: "web"}}
		for _, pause := range []time.Duration{2, 4, 8, 16, 30, 30} {
			m.build(e, []string{"web"})
			if events := b.take(); len(events) != 1 || !events[0].(engine.Built).Passing {
				t.Fatalf("%+v, want a failure that passes", events)
			}
			time.Sleep(pause*time.Second - time.Millisecond)
			if events := b.take(); len(events) != 0 {
				t.Fatalf("%+v before %d s have passed", events, pause)
			}
			time.Sleep(time.Millisecond)
			if events := b.take(); !slices.Equal(events, []engine.Event{engine.RetryBuild{Ref: "web"}}) {
				t.Fatalf("%+v after %d s, want that it is tried again", events, pause)
			}
			e.Again = true
		}
		if said := strings.Join(b.lines, "\n"); strings.Count(said, "docker does not answer") != 1 || strings.Count(said, "building web") != 1 || strings.Count(said, "step") != 1 {
			t.Errorf("it is said as\n%s", said)
		}

		b.build = func(context.Context) (build.Result, error) { return build.Result{Ref: "web:1"}, nil }
		m.build(e, []string{"web"})
		if events := b.take(); len(events) != 1 || events[0].(engine.Built).Pushed != "web:1" || !strings.Contains(strings.Join(b.lines, "\n"), "built web:1") {
			t.Errorf("%+v\n%s", events, b.lines)
		}
		b.build = func(context.Context) (build.Result, error) { return build.Result{}, errors.New("no such file") }
		e.Again = false
		m.build(e, []string{"web"})
		time.Sleep(time.Hour)
		if events := b.take(); len(events) != 1 || events[0].(engine.Built).Passing {
			t.Errorf("%+v, want a failure that stays", events)
		}
	})
}

// TestRetryThatFailsOtherwise: what it said is told then, since the problem sends whoever
// reads it to the log.
func TestRetryThatFailsOtherwise(t *testing.T) {
	inImages(t, func(t *testing.T, m *images, b *buildImages) {
		err := error(&build.Away{Problem: &config.Problem{Message: "docker does not answer"}})
		b.build = func(context.Context) (build.Result, error) { return build.Result{}, err }
		e := engine.Build{Image: config.Image{Ref: "web"}}
		m.build(e, []string{"web"})
		b.take()
		err, e.Again, b.lines = errors.New("no such file"), true, nil
		m.build(e, []string{"web"})
		b.take()
		if got, want := strings.Join(b.lines, "\n"), "build web: building web\nbuild web: step\nbuild web: no such file"; got != want {
			t.Errorf("it is said as\n%s\nwant\n%s", got, want)
		}
	})
}

// TestOneRetryAtATime: builds that people ask for meanwhile lack the same, and each
// takes the place of the retry before it.
func TestOneRetryAtATime(t *testing.T) {
	inImages(t, func(t *testing.T, m *images, b *buildImages) {
		b.build = func(context.Context) (build.Result, error) {
			return build.Result{}, &build.Away{Problem: &config.Problem{Message: "docker does not answer"}}
		}
		for _, again := range []bool{false, false, true} {
			m.build(engine.Build{Image: config.Image{Ref: "web"}, Again: again}, []string{"web"})
			b.take()
		}
		time.Sleep(time.Hour)
		if events := b.take(); !slices.Equal(events, []engine.Event{engine.RetryBuild{Ref: "web"}}) {
			t.Errorf("%+v, want one retry", events)
		}
	})
}

// TestBuildIsStopped: a build that is stopped is no failure, and another image's goes on.
func TestBuildIsStopped(t *testing.T) {
	inImages(t, func(t *testing.T, m *images, b *buildImages) {
		ends := make(chan struct{})
		b.build = func(ctx context.Context) (build.Result, error) {
			select {
			case <-ctx.Done():
				return build.Result{}, ctx.Err()
			case <-ends:
				return build.Result{Ref: "pushed"}, nil
			}
		}
		for _, ref := range []string{"web", "api"} {
			m.build(engine.Build{Image: config.Image{Ref: ref}}, []string{ref})
		}
		synctest.Wait()
		m.stop("web")
		m.stop("none")
		if events := b.take(); !slices.Equal(events, []engine.Event{engine.Built{Ref: "web", Stopped: true}}) {
			t.Errorf("%+v, want that web was stopped", events)
		}
		close(ends)
		if events := b.take(); !slices.Equal(events, []engine.Event{engine.Built{Ref: "api", Pushed: "pushed"}}) {
			t.Errorf("%+v, want that api was built", events)
		}
		m.stop("api") // it has ended
	})
}
