package daemon

import (
	"context"
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
	_ = forward.Join(face, pod) // the face has its end
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
