package daemon

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// handler serves the API.
func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.RouteStatus, d.handleStatus)
	mux.HandleFunc("GET "+api.RouteProject, d.handleProject)
	mux.HandleFunc("POST "+api.RouteWatch, d.handleWatch)
	mux.HandleFunc("POST "+api.RouteLogs, d.handleLogs)
	mux.HandleFunc("POST "+api.RouteAllow, func(w http.ResponseWriter, r *http.Request) {
		d.answerStatus(w, r, (*core).askedFor)
	})
	mux.HandleFunc("POST "+api.RouteAnswer, d.handleAnswer)
	mux.HandleFunc("POST "+api.RouteUp, d.handleUp)
	mux.HandleFunc("POST "+api.RouteArgs, d.handleArgs)
	mux.HandleFunc("POST "+api.RouteDown, d.handleDown)
	mux.HandleFunc("POST "+api.RouteHint, d.handleHint)
	mux.HandleFunc("POST "+api.RouteLook, func(w http.ResponseWriter, r *http.Request) {
		d.answerStatus(w, r, (*core).look)
	})
	mux.HandleFunc("POST "+api.RouteSwitch, d.handleSwitch)
	mux.HandleFunc("POST "+api.RouteTrigger, d.handleResource((*core).trigger))
	mux.HandleFunc("POST "+api.RouteButton, d.handleButton)
	mux.HandleFunc("POST "+api.RouteRestart, d.handleResource((*core).restart))
	mux.HandleFunc("POST "+api.RouteDebug, d.handleDebug)
	mux.HandleFunc("POST "+api.RouteDial, d.handleDial)
	mux.HandleFunc("POST "+api.RouteShutdown, d.handleShutdown)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leave := d.faces.enter()
		defer leave()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// handleShutdown ends the daemon. All of the answer leaves before, since the end
// closes its connection.
func (d *Daemon) handleShutdown(w http.ResponseWriter, _ *http.Request) {
	const answer = "{}\n"
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = io.WriteString(w, answer)          // the face has gone: nobody to tell
	_ = http.NewResponseController(w).Flush() // as above
	d.stop()
}

func (d *Daemon) handleStatus(w http.ResponseWriter, r *http.Request) {
	s, _ := d.published.now()
	reply(w, s)
}

// handleProject answers with the last good project or the failed one,
// evaluating the Tiltfile if that was never done, without its effects unless
// they are allowed.
func (d *Daemon) handleProject(w http.ResponseWriter, r *http.Request) {
	p, err := in(r.Context(), d, func(c *core, answer func(*config.Project, error)) {
		pick := func(*config.Project) {
			answer(c.tiltfile.inForce(), nil)
		}
		if c.tiltfile.last == nil || c.tiltfile.running {
			if !c.tiltfile.running {
				c.evaluate(pick)
			} else {
				c.tiltfile.waiting = append(c.tiltfile.waiting, pick)
			}
			return
		}
		pick(nil)
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	reply(w, config.Scrubbed(d.secrets.Load(), p))
}

func (d *Daemon) handleUp(w http.ResponseWriter, r *http.Request) {
	var req api.UpRequest
	if !read(w, r, &req) {
		return
	}
	d.answerStatus(w, r, func(c *core, answer func(error)) { c.up(req, answer) })
}

func (d *Daemon) handleAnswer(w http.ResponseWriter, r *http.Request) {
	var req api.AnswerRequest
	if !read(w, r, &req) {
		return
	}
	_, err := in(r.Context(), d, func(c *core, answer func(struct{}, error)) {
		answer(struct{}{}, c.answer(req))
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	reply(w, struct{}{})
}

func (d *Daemon) handleArgs(w http.ResponseWriter, r *http.Request) {
	var req api.ArgsRequest
	if !read(w, r, &req) {
		return
	}
	d.answerStatus(w, r, func(c *core, answer func(error)) { c.setArgs(req.Args, answer) })
}

// answerStatus does something and answers with a status that shows what that
// began.
func (d *Daemon) answerStatus(w http.ResponseWriter, r *http.Request, do func(c *core, answer func(error))) {
	_, err := in(r.Context(), d, func(c *core, answer func(struct{}, error)) {
		do(c, func(err error) { answer(struct{}{}, err) })
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	s, err := in(r.Context(), d, func(c *core, answer func(*api.Status, error)) {
		c.publish()
		s, _ := d.published.now()
		answer(s, nil)
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	reply(w, s)
}

func (d *Daemon) handleDown(w http.ResponseWriter, r *http.Request) {
	var req api.DownRequest
	if !read(w, r, &req) {
		return
	}
	_, err := in(r.Context(), d, func(c *core, answer func(struct{}, error)) {
		c.down(req, func(err error) { answer(struct{}{}, err) })
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	reply(w, struct{}{})
}

func (d *Daemon) handleHint(w http.ResponseWriter, r *http.Request) {
	var req api.HintRequest
	if !read(w, r, &req) {
		return
	}
	d.queue.put(func(c *core) {
		c.hint(req.Paths, !req.Outside)
		c.typed(req.Paths, req.Typed)
	})
	reply(w, struct{}{})
}

// handleResource serves the requests that name one resource.
func (d *Daemon) handleResource(do func(*core, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req api.ResourceRequest
		if !read(w, r, &req) {
			return
		}
		_, err := in(r.Context(), d, func(c *core, answer func(struct{}, error)) {
			if err := c.mustRun(req.Resource); err != nil {
				answer(struct{}{}, err)
				return
			}
			answer(struct{}{}, do(c, req.Resource))
		})
		if err != nil {
			d.fail(w, err)
			return
		}
		reply(w, struct{}{})
	}
}

func (d *Daemon) handleButton(w http.ResponseWriter, r *http.Request) {
	var req api.ButtonRequest
	if !read(w, r, &req) {
		return
	}
	d.answerStatus(w, r, func(c *core, answer func(error)) { answer(c.runButton(req)) })
}

func (d *Daemon) handleSwitch(w http.ResponseWriter, r *http.Request) {
	var req api.SwitchRequest
	if !read(w, r, &req) {
		return
	}
	d.answerStatus(w, r, func(c *core, answer func(error)) { answer(c.toggle(req)) })
}

// in runs f on the core's goroutine and waits for the answer that f gives,
// then or later.
func in[T any](ctx context.Context, d *Daemon, f func(c *core, answer func(T, error))) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	answer := func(v T, err error) {
		select {
		case done <- outcome{v, err}:
		default:
		}
	}
	forget := d.waiting.add(func(err error) {
		var zero T
		answer(zero, err)
	})
	defer forget()
	d.queue.put(func(c *core) { f(c, answer) })
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}
