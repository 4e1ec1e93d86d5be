//go:build linux

package debug

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The times of a door.
const (
	// standTime is how long a program stands that nobody takes.
	standTime = 5 * time.Second
	// lingerTime is how long a door stays open for the next process: as long as
	// one that crashed may wait to be started again, and some.
	lingerTime = 35 * time.Second
	// helloTime is what a caller may take to say why it calls.
	helloTime = 2 * time.Second
)

// maxCallers bounds the programs that stand at once.
const maxCallers = 64

// door is where the Python programs of a container call while somebody debugs:
// each one that starts, is forked, or was sent the signal. It tells by the
// socket which process calls, and lets that stand until it is taken or sent away.
//
// Its goroutines are the one that accepts, which close ends, and one a caller,
// which ends in helloTime or with close. close waits for all.
type door struct {
	path    string
	ln      net.Listener
	workers sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    map[net.Conn]bool
	stand  map[int]*caller
	came   chan struct{}                  // closed and replaced at each caller that stands
	judge  func(pid int, why string) bool // whether a caller is to stand; called without mu
	closed bool
}

// caller is a program that stands.
type caller struct {
	pid   int
	why   string // "start", "fork" or "signal"
	has   bool   // its Python finds debugpy
	conn  net.Conn
	timer *time.Timer // sends it away
}

// openDoor listens on a socket of that path.
func openDoor(path string, judge func(pid int, why string) bool) (*door, error) {
	_ = os.Remove(path) // of an agent that was killed
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, err
	}
	d := &door{path: path, ln: ln, judge: judge, all: map[net.Conn]bool{}, stand: map[int]*caller{}, came: make(chan struct{})}
	d.workers.Go(d.accept)
	return d, nil
}

func (d *door) accept() {
	for {
		conn, err := d.ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(time.Millisecond) // of file descriptors there may be more soon
			continue
		}
		if !d.note(conn) {
			conn.Close()
			continue
		}
		d.workers.Go(func() { d.hear(conn) })
	}
}

// note reports whether there is room for a caller.
func (d *door) note(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.all) >= maxCallers {
		return false
	}
	d.all[conn] = true
	return true
}

// hear has a caller stand if it is one that is waited for.
func (d *door) hear(conn net.Conn) {
	pid := peer(conn)
	conn.SetDeadline(time.Now().Add(helloTime))
	line, err := bufio.NewReader(io.LimitReader(conn, 64)).ReadString('\n')
	why, state, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || pid == 0 || state == "busy" || !d.judge(pid, why) {
		d.forget(conn)
		return
	}
	conn.SetDeadline(time.Time{})
	c := &caller{pid: pid, why: why, has: state == "debugpy", conn: conn}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if before := d.stand[pid]; before != nil {
		before.timer.Stop()
		before.conn.Close()
		delete(d.all, before.conn)
	}
	c.timer = time.AfterFunc(standTime, func() { d.away(c) })
	d.stand[pid] = c
	close(d.came)
	d.came = make(chan struct{})
}

// peer returns the process at the other end of a socket, 0 when that cannot be told.
func peer(conn net.Conn) int {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) { // pid stays 0
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// forget closes a connection: its program goes on.
func (d *door) forget(conn net.Conn) {
	conn.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, conn)
}

// away lets a program that stands go on.
func (d *door) away(c *caller) {
	d.mu.Lock()
	c.timer.Stop()
	if d.stand[c.pid] == c {
		delete(d.stand, c.pid)
	}
	d.mu.Unlock()
	d.forget(c.conn)
}

// stands returns the caller that a process is, which now stands for as long as
// is wished; nil when it has not called, and what is closed when one does.
func (d *door) stands(pid int) (*caller, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.stand[pid]
	if c != nil {
		c.timer.Stop()
		delete(d.stand, pid)
	}
	return c, d.came
}

// take waits for a process to call.
func (d *door) take(ctx context.Context, pid int) (*caller, error) {
	for {
		c, came := d.stands(pid)
		if c != nil {
			return c, nil
		}
		select {
		case <-came:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// rest returns the programs that stand.
func (d *door) rest() []*caller {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []*caller
	for _, c := range d.stand {
		all = append(all, c)
	}
	return all
}

// close lets all go on that stand, and returns when nobody is heard any more.
func (d *door) close() {
	d.mu.Lock()
	d.closed = true
	for _, c := range d.stand {
		c.timer.Stop()
	}
	for conn := range d.all {
		conn.Close()
	}
	d.mu.Unlock()
	d.ln.Close() // and removes the socket
	d.workers.Wait()
}
