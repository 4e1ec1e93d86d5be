package forward

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Awaiting is a Dialer that knows what comes up. ComingUp reports whether what
// a resource's forwards reach may not answer for no other reason than that; the
// resource's state says so then.
type Awaiting interface {
	ComingUp(ctx context.Context, resource string) bool
}

// patience is how long what comes up may fail to answer before it is told.
const patience = 30 * time.Second

// row is the failures of a forward since it was last answered.
type row struct {
	mu    sync.Mutex
	began time.Time // zero: there are none
	told  output.Repeats
}

// end is called when the forward is answered.
func (r *row) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = time.Time{}
	r.told.Reset()
}

// lasts takes a failure, and reports whether the row is older than what comes
// up may take.
func (r *row) lasts() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.began = time.Now()
	}
	return time.Since(r.began) >= patience
}

// connection is what is known of one that is to be carried.
type connection struct {
	resource string
	spec     config.PortForward
	failures *row
	tell     func(why string) // that nothing answers there, "" that something does
}

// carry carries one connection, and tells why nothing answers on it.
func (f *Forwards) carry(ctx context.Context, local net.Conn, c connection) {
	defer local.Close()
	remote, err := f.dialer.DialPod(ctx, c.resource, c.spec)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { local.Close(); remote.Close() })
		defer stop()
		err = Join(local, remote)
	}
	if err == nil {
		c.failures.end()
		c.tell("")
		return
	}
	awaiting, knows := f.dialer.(Awaiting)
	if lasts := c.failures.lasts(); ctx.Err() != nil || !lasts && knows && awaiting.ComingUp(ctx, c.resource) {
		return
	}
	c.tell(err.Error())
	if text := c.failures.told.Tell(fmt.Sprintf("port-forward %d: %v", c.spec.Local, err)); text != "" {
		f.log.Say(c.resource, "warn", text)
	}
}

// Join copies both ways until the remote has nothing more to say, and closes
// both. An end of what the local one sends is passed on, and the answer still
// comes. The error is why the remote said nothing at all.
func Join(local, remote net.Conn) error {
	defer remote.Close()
	var sending sync.WaitGroup
	sending.Go(func() {
		_, _ = io.Copy(remote, local)
		closeWrite(remote)
	})
	said := &speaker{r: remote}
	_, _ = io.Copy(local, said)
	local.Close()
	sending.Wait()
	return said.unheard
}

// speaker notes why nothing was read.
type speaker struct {
	r       io.Reader
	heard   bool
	unheard error
}

func (s *speaker) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.heard = s.heard || n > 0; !s.heard && err != io.EOF {
		s.unheard = err
	}
	return n, err
}

// closeWrite tells the other side that nothing follows, where it can be told.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
