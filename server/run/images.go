package run

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// images are the project's images. One goroutine owns what became of them;
// each build has one of its own. Its methods may be called concurrently.
type images struct {
	o     Options
	out   output.Log
	adopt func(ref, pushed string) // told of each image that becomes a ref's
	box   *inbox.Inbox[imageState]
}

type imageState struct {
	built  map[string]build.Result     // by ref
	builds map[string]*inbox.Operation // the last of a ref
	lacks  map[string]*lack            // of refs whose last build lacked something
	agent  string                      // the agent's pushed image, "" before the first use

	registry *config.Registry // default_registry, by which it is named
	pruning  pruning
}

func startImages(ctx context.Context, o Options, out output.Log, adopt func(ref, pushed string)) *images {
	return &images{o: o, out: out, adopt: adopt, box: inbox.Start(ctx, &imageState{built: map[string]build.Result{}, builds: map[string]*inbox.Operation{}, lacks: map[string]*lack{}})}
}

// configure tells of the project: where images go, the agent's among them.
func (m *images) configure(p *config.Project) {
	m.o.Images.Configure(p)
	m.box.Put(func(ctx context.Context, s *imageState) {
		m.follow(ctx, s, p.Settings.DockerPrune)
		if !reflect.DeepEqual(s.registry, p.Settings.DefaultRegistry) {
			s.registry, s.agent = p.Settings.DefaultRegistry, ""
		}
	})
}

// Close ends all builds and waits for them.
func (m *images) Close() { m.box.Close() }

// build makes an image for every resource that uses it, and answers with
// engine.Built.
func (m *images) build(e engine.Build, users []string) {
	m.box.Put(func(ctx context.Context, s *imageState) {
		bases := map[string]string{}
		for _, ref := range slices.Concat(e.Image.BaseImages, e.Image.ImageDeps) {
			bases[ref] = s.built[ref].LocalRef
		}
		wait := s.pruning.begins()
		ctx, own := inbox.Begin(ctx)
		s.builds[e.Image.Ref] = own
		m.box.Go(func() {
			defer own.End()
			wait()
			m.buildFrom(ctx, e, bases, users)
			m.box.Put(m.ended)
		})
	})
}

// stop ends a build that goes on.
func (m *images) stop(ref string) {
	m.box.Put(func(_ context.Context, s *imageState) { s.builds[ref].Cancel() })
}

// ended notes that a build has ended, after what it made was adopted.
func (m *images) ended(ctx context.Context, s *imageState) {
	s.pruning.builds--
	s.pruning.since++
	m.prune(ctx, s)
}

func (m *images) buildFrom(ctx context.Context, e engine.Build, bases map[string]string, users []string) {
	ref := e.Image.Ref
	tell := func(level, text string) {
		for _, u := range users {
			m.out.Emit(Line{Resource: u, Source: "build", Level: level, Text: text})
		}
	}
	words := held{say: func(text string) { tell("", text) }, on: !e.Again} // of another try, until it is more than that
	began := time.Now()
	words.tell("building " + ref + because(e.Reason))
	step := ""
	at := func(now string) {
		if now != step {
			step = now
			m.o.Sink.Facts(Facts{Step: &StepFacts{Image: ref, Text: now}})
		}
	}
	output := m.out.Lines(func(line string) {
		words.tell(line)
		if now := build.StepOf(line); now != "" {
			at(now)
		}
	})
	result, err := m.o.Images.Build(ctx, build.Request{Image: e.Image, Bases: bases, Output: output, Local: e.Local})
	output.Flush()
	at("")
	switch {
	case err != nil && ctx.Err() != nil:
		words.tell("the build of " + ref + " was ended") // for newer files, or since nobody wants it any more
		m.o.Sink.Event(engine.Built{Ref: ref, Stopped: true})
		return
	case err != nil:
		problem, passing := problemOf(err, e.Image.Pos), build.Passing(err)
		if text := m.failed(ctx, e, problem, passing); text != "" {
			words.goOn()
			tell("error", text)
		}
		m.o.Sink.Event(engine.Built{Ref: ref, Problem: problem, Passing: passing})
		return
	}
	m.Adopt(ref, result)
	words.goOn()
	tell("", fmt.Sprintf("built %s in %s", result.Ref, time.Since(began).Round(time.Millisecond)))
	m.o.Sink.Event(engine.Built{Ref: ref, Pushed: result.Ref})
}

// held are the words of a build that may come to what was said before: they are kept
// until it comes to something else, or is too long to be that.
type held struct {
	say  func(text string)
	on   bool // they are said as they come
	kept []string
}

// mostHeld is how many lines are kept.
const mostHeld = 100

func (h *held) tell(text string) {
	if h.on {
		h.say(text)
	} else if h.kept = append(h.kept, text); len(h.kept) > mostHeld {
		h.goOn()
	}
}

// goOn says what was kept, and from now on what comes.
func (h *held) goOn() {
	for _, text := range h.kept {
		h.say(text)
	}
	h.on, h.kept = true, nil
}

// Adopt takes an image as what a ref became.
func (m *images) Adopt(ref string, result build.Result) {
	m.box.Put(func(_ context.Context, s *imageState) { s.built[ref] = result; delete(s.lacks, ref) })
	m.adopt(ref, result.Ref)
}

// lack is that the last build of an image lacked something.
type lack struct {
	said  *output.Repeats // since the first of those that were tried again
	pause time.Duration   // before the next one
}

// The pauses before a build that lacked something is tried again.
const (
	firstBuildRetry = 2 * time.Second
	lastBuildRetry  = 30 * time.Second
)

// failed has a build tried again that lacked something, later each time, and returns
// what to say of it: what is tried again by itself is said once, and counted.
func (m *images) failed(ctx context.Context, e engine.Build, problem *config.Problem, passing bool) string {
	ref := e.Image.Ref
	return inbox.Ask(ctx, m.box, func(_ context.Context, s *imageState) string {
		l := &lack{said: &output.Repeats{}, pause: firstBuildRetry}
		if before := s.lacks[ref]; before != nil && e.Again {
			l.said, l.pause = before.said, min(2*before.pause, lastBuildRetry)
		}
		delete(s.lacks, ref)
		if passing {
			s.lacks[ref] = l
			m.box.After(l.pause, func(_ context.Context, s *imageState) {
				if s.lacks[ref] == l { // else a later build has a retry of its own, or needs none
					m.o.Sink.Event(engine.RetryBuild{Ref: ref})
				}
			})
		}
		return l.said.Tell(problem.Error())
	})
}

// Built returns what a ref became.
func (m *images) Built(ref string) build.Result {
	return inbox.Ask(context.Background(), m.box, func(_ context.Context, s *imageState) build.Result { return s.built[ref] })
}

// Config reads the settings of any image.
func (m *images) Config(ctx context.Context, image string) (build.ImageConfig, error) {
	return m.o.Images.ImageConfig(ctx, image)
}

// Agent pushes the agent's image, once, and returns its name; "" where there
// is no agent. near is one of the project's images.
func (m *images) Agent(ctx context.Context, near string) (string, error) {
	known := inbox.Ask(ctx, m.box, func(_ context.Context, s *imageState) string { return s.agent })
	if known != "" || len(m.o.Agent) == 0 {
		return known, nil
	}
	ref, err := m.o.Images.AgentImage(ctx, m.o.Agent, near)
	if err == nil {
		m.box.Put(func(_ context.Context, s *imageState) { s.agent = ref })
	}
	return ref, err
}

// Adopt takes an image, of this or an earlier daemon, as what a ref became.
func (r *Runner) Adopt(ref string, result build.Result) { r.images.Adopt(ref, result) }

// Built returns what a ref became.
func (r *Runner) Built(ref string) build.Result { return r.images.Built(ref) }

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + " changed)"
}

// problemOf keeps a problem that an error carries, and gives any other error a
// place.
func problemOf(err error, pos config.Position) *config.Problem {
	var p *config.Problem
	if !errors.As(err, &p) {
		p = &config.Problem{Message: err.Error()}
	}
	if p.Pos.File == "" {
		copied := *p
		copied.Pos = pos
		return &copied
	}
	return p
}
