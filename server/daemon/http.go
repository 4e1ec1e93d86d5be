package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 16 << 20

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
	mux.HandleFunc("POST "+api.RouteSwitch, d.handleSwitch)
	mux.HandleFunc("POST "+api.RouteTrigger, d.handleResource((*core).trigger))
	mux.HandleFunc("POST "+api.RouteRestart, d.handleResource((*core).restart))
	mux.HandleFunc("POST "+api.RouteDebug, d.handleDebug)
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
	_, err := in(r.Context(), d, func(c *core, answer func(struct{}, error)) { answer(struct{}{}, c.answer(req.ID, req.Choice)) })
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
	d.queue.put(func(c *core) { c.hint(req.Paths, !req.Outside) })
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

func (d *Daemon) handleSwitch(w http.ResponseWriter, r *http.Request) {
	var req api.SwitchRequest
	if !read(w, r, &req) {
		return
	}
	d.answerStatus(w, r, func(c *core, answer func(error)) { answer(c.toggle(req)) })
}

func (d *Daemon) handleDebug(w http.ResponseWriter, r *http.Request) {
	var req api.DebugRequest
	if !read(w, r, &req) {
		return
	}
	runner, err := in(r.Context(), d, func(c *core, answer func(runner, error)) {
		answer(c.session.runner, c.mustRun(req.Resource))
	})
	if err != nil {
		d.fail(w, err)
		return
	}
	conn, session, err := runner.Debug(r.Context(), req.Resource, req.Pod, req.Container, req.Launch)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer conn.Close()
	description, err := json.Marshal(sessionOf(req.Resource, session))
	if err != nil {
		d.fail(w, err)
		return
	}
	face, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		d.fail(w, err)
		return
	}
	defer face.Close()
	fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n",
		api.Protocol, api.SessionHeader, description)
	if buffered.Flush() != nil {
		return
	}
	carry(face, buffered, conn)
}

// carry copies both ways until either side ends.
func carry(face net.Conn, read io.Reader, back net.Conn) {
	done := make(chan struct{}, 2)
	copyTo := func(dst io.Writer, src io.Reader) {
		_, _ = io.Copy(dst, src)
		done <- struct{}{}
	}
	go copyTo(back, read)
	go copyTo(face, back)
	<-done
	face.Close()
	back.Close()
	<-done
}

func sessionOf(resource string, s run.Session) api.DebugSession {
	d := api.DebugSession{
		Resource: resource, Pod: s.Target.Pod, Container: s.Target.Container, Pid: s.Pid, Child: s.Child, Program: s.Program, Language: s.Language,
	}
	for _, local := range slices.Sorted(maps.Keys(s.PathMap)) {
		d.Paths = append(d.Paths, api.PathPair{Local: local, Remote: s.PathMap[local]})
	}
	for _, step := range s.Image.LiveUpdate {
		if step.Kind == config.StepSync {
			d.Paths = append(d.Paths, api.PathPair{Local: step.Local, Remote: step.Remote})
		}
	}
	return d
}

// read decodes a request's body, or answers why it cannot.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	err := json.NewDecoder(r.Body).Decode(v)
	if err == nil || errors.Is(err, io.EOF) {
		return true
	}
	status, hint := http.StatusBadRequest, "the face and the daemon may be of different versions: `towline daemon --stop` ends the daemon, the next command starts one anew"
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		status, hint = http.StatusRequestEntityTooLarge, fmt.Sprintf("a request has at most %d bytes", large.Limit)
	}
	refuse(w, status, config.Problem{Message: "the request cannot be read: " + err.Error(), Hint: hint})
	return false
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the face has gone: nobody to tell
}

// fail answers with the problem that an error carries.
func (d *Daemon) fail(w http.ResponseWriter, err error) {
	refuse(w, http.StatusUnprocessableEntity, *d.secrets.Load().ScrubProblem(problemOf(err)))
}

func refuse(w http.ResponseWriter, status int, p config.Problem) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Failure{Problem: p}) // the face has gone: nobody to tell
}
