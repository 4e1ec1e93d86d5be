package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/forward"
)

// handleDial carries one connection to a port of a pod.
func (d *Daemon) handleDial(w http.ResponseWriter, r *http.Request) {
	var req api.DialRequest
	if !read(w, r, &req) {
		return
	}
	runner, err := d.runnerOf(r.Context(), req.Resource)
	if err != nil {
		d.fail(w, err)
		return
	}
	pod, err := runner.DialPod(r.Context(), req.Resource, req.Forward)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer pod.Close()
	face, err := hijack(w)
	if err != nil {
		d.fail(w, err)
		return
	}
	defer face.Close()
	d.unheard(&req, forward.Join(face, pod))
}

// unheard logs why a port said nothing at all, which the face has no way to tell
// from an end: a pod without an agent is connected to before anybody is asked.
func (d *Daemon) unheard(req *api.DialRequest, why error) {
	switch {
	case why == nil:
		d.unanswered.Reset()
	case errors.Is(why, net.ErrClosed): // it ended here
	default:
		port := cmp.Or(req.Forward.Container, req.Forward.Local)
		if text := d.unanswered.Tell(fmt.Sprintf("`towline forward %s`: port %d: %v", req.Resource, port, why)); text != "" {
			d.warn([]string{req.Resource}, errors.New(text))
		}
	}
}

// runnerOf is what runs a resource of the project that is up.
func (d *Daemon) runnerOf(ctx context.Context, resource string) (runner, error) {
	return in(ctx, d, func(c *core, answer func(runner, error)) {
		answer(c.session.runner, c.mustRun(resource))
	})
}

// hijack turns a request's connection into the raw stream that was asked for,
// and says so with the headers that were set. The caller closes it. On an error
// the request can still be answered.
func hijack(w http.ResponseWriter) (net.Conn, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	header := w.Header()
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", api.Protocol)
	fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\n")
	_ = header.Write(buffered) // an error stays until Flush
	fmt.Fprint(buffered, "\r\n")
	_ = buffered.Flush() // who has gone is noticed by who copies
	return api.NewRawConn(conn, buffered.Reader), nil
}
