package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/forward"
)

// handleDial carries one connection to a port of a pod.
func (d *Daemon) handleDial(w http.ResponseWriter, r *http.Request) {
	var req api.DialRequest
	if !read(w, r, &req) {
		return
	}
	if req.Why {
		if why := d.silences.of(&req); why != nil {
			d.fail(w, why)
			return
		}
		reply(w, struct{}{})
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
	d.unheard(&req, forward.Join(face, d.silences.noting(&req, pod)))
}

// silences are why ports said nothing at all, by resource and port: a pod without an
// agent is connected to before anybody is asked. Its methods may be called
// concurrently.
type silences struct {
	mu  sync.Mutex
	why map[string]error
}

// mostSilences bounds what is remembered.
const mostSilences = 100

// of is why the last connection to a port said nothing, nil where it did.
func (s *silences) of(req *api.DialRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why[portOf(req)]
}

// noting is a connection that notes why nothing comes before whoever waits for it
// sees the end.
func (s *silences) noting(req *api.DialRequest, conn net.Conn) net.Conn {
	return &heard{Conn: conn, note: func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.why == nil || len(s.why) == mostSilences {
			s.why = map[string]error{}
		}
		if s.why[portOf(req)] = err; err == nil {
			delete(s.why, portOf(req))
		}
	}}
}

// portOf names a port of a resource.
func portOf(req *api.DialRequest) string {
	return fmt.Sprintf("%s\x00%d", req.Resource, cmp.Or(req.Forward.Container, req.Forward.Local))
}

// heard is a connection whose first word, or silence, is noted.
type heard struct {
	net.Conn
	note func(err error) // nil: it speaks
	told bool
}

func (c *heard) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.told && (n > 0 || err != nil) {
		c.told = true
		if n > 0 || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			c.note(nil)
		} else {
			c.note(err)
		}
	}
	return n, err
}

// CloseWrite tells the pod that nothing follows, where it can be told.
func (c *heard) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
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
