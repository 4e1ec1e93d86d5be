//go:build linux

package debug

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// letIn has a program that stands connect its debugger, and sends others away.
func (p *python) letIn(ctx context.Context, c *caller, program Program) (io.ReadWriteCloser, error) {
	door, err := p.open()
	if err != nil {
		return nil, err
	}
	defer door.forget(c.conn)
	if !c.has {
		p.leave(nil)
		return nil, noDebugpy(program)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	ctx, cancel := context.WithTimeout(ctx, importTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	conn, err := net.Conn(nil), error(nil)
	if _, err = io.WriteString(c.conn, port); err == nil {
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_, _ = io.Copy(io.Discard, c.conn) // the program has its end open until it has connected, or failed
			cancel()
		}()
		conn, err = ln.Accept()
		c.conn.Close()
		<-gone
	}
	if err != nil {
		p.leave(nil)
		e := wire.Errorf(wire.CodeNotDebuggable, "%s did not bring its debugger", program)
		e.Hint = "look for what debugpy says in `towline logs`"
		return nil, e
	}
	s := &pythonStream{Quick: &Quick{Conn: conn.(*net.TCPConn)}, pid: program.PID, of: p}
	p.mu.Lock()
	p.on = s
	p.mu.Unlock()
	for _, other := range door.rest() {
		if !p.judge(other.pid, other.why) {
			door.away(other)
		}
	}
	return s, nil
}

// judge reports whether a program that calls is to stand: when nobody is
// debugged yet or any more, and when it takes the place of the one that is.
func (p *python) judge(pid int, why string) bool {
	if why != "fork" && examine(pid).wrapper {
		return false
	}
	p.mu.Lock()
	on := p.on
	p.mu.Unlock()
	switch {
	case on == nil || dead(on.pid):
		return true
	case on.pid == pid:
		return why == "start" // it runs another program in its place
	}
	if now, err := Look(on.pid); err != nil || now.PID != pid {
		return false
	}
	on.Conn.Close() // what was debugged turns out to be a watcher
	return true
}

// open returns the door, which stays open.
func (p *python) open() (*door, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut != nil {
		p.shut.Stop()
		p.shut = nil
	}
	if p.door != nil {
		return p.door, nil
	}
	if p.dir == "" {
		return nil, ErrStart
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, err
	}
	d, err := openDoor(filepath.Join(p.dir, "socket"), p.judge)
	p.door = d
	return d, err
}

// leave ends a session, nil when it did not begin. The door stays open for a
// while when the program has ended, or another one stands there: that will take
// its place.
func (p *python) leave(s *pythonStream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on != s || p.door == nil {
		return
	}
	p.on = nil
	if s == nil {
		p.shutIn(0, nil)
		return
	}
	// A connection ends a moment before its process has.
	p.shutIn(endTime, func(d *door) bool { return dead(s.pid) || len(d.rest()) > 0 })
}

// shutIn shuts the door after some time, much later if stays says so, unless it
// is needed before. The caller holds mu.
func (p *python) shutIn(after time.Duration, stays func(*door) bool) {
	var timer *time.Timer
	timer = time.AfterFunc(after, func() {
		p.mu.Lock()
		door := p.door
		switch {
		case p.shut != timer || door == nil:
			door = nil
		case stays != nil && stays(door):
			door = nil
			p.shutIn(lingerTime, nil)
		default:
			p.door, p.shut = nil, nil
		}
		p.mu.Unlock()
		if door != nil {
			door.close()
		}
	})
	if p.shut != nil {
		p.shut.Stop()
	}
	p.shut = timer
}

// Close shuts the door.
func (p *python) Close() {
	p.mu.Lock()
	door := p.door
	p.door = nil
	if p.shut != nil {
		p.shut.Stop()
	}
	p.mu.Unlock()
	if door != nil {
		door.close()
	}
}

// pythonStream is debugpy's connection.
type pythonStream struct {
	*Quick
	pid  int
	of   *python
	once sync.Once
}

// Close parts from the program, which runs on.
func (s *pythonStream) Close() error {
	s.once.Do(func() {
		s.Conn.Close()
		s.of.leave(s)
	})
	return nil
}
