package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// returnTimeout bounds how long dial waits for a daemon that lives and does not
// listen: it starts, ends, or misses its socket, which it looks for each second.
const returnTimeout = 5 * time.Second

// dial connects to the endpoint's daemon. A *config.Problem says why there is
// one that is not talked to; any other error, that there is none.
func dial(ctx context.Context, e Endpoint) (net.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, returnTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := dialOnce(ctx, e)
		if err == nil || config.IsProblem(err) || !e.held() {
			return conn, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		case <-waiting.Done():
			if ctx.Err() != nil {
				return nil, err // it was not waited for long enough to say more
			}
			return nil, e.deaf()
		}
	}
}

// deaf is the problem of a daemon that lives and cannot be reached.
func (e Endpoint) deaf() *config.Problem {
	p := &config.Problem{
		Message: fmt.Sprintf("the daemon of %s runs, and does not listen on %s", e.Workspace, e.listening()),
		Hint:    "end it and do this again; its log is " + e.LogFile(),
	}
	if pid, err := os.ReadFile(e.Lock); err == nil && len(pid) > 0 {
		p.Hint = fmt.Sprintf("end it (kill %s) and do this again; its log is %s", strings.TrimSpace(string(pid)), e.LogFile())
	}
	return p
}

// held reports whether a daemon lives, reachable or not.
func (e Endpoint) held() bool {
	lock, err := os.Open(e.Lock)
	if err != nil {
		return false
	}
	defer lock.Close()
	return errors.Is(syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// dialOnce connects to the socket if it is the user's own. Requests carry
// whole environments, and the temporary folder is open to everybody: who made
// the user's folder there first shall get nothing.
func dialOnce(ctx context.Context, e Endpoint) (net.Conn, error) {
	socket := e.listening()
	if err := own(socket); err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if uid, known := PeerUID(conn); known && uid != os.Getuid() {
		conn.Close()
		return nil, notOwn(fmt.Sprintf("who listens on %s is not you (uid %d)", socket, uid))
	}
	return conn, nil
}

// own returns an error unless a socket is the user's own, in a folder that
// nobody else may enter.
func own(socket string) error {
	dir := filepath.Dir(socket)
	folder, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := OwnFolder(dir, folder); err != nil {
		return err
	}
	info, err := os.Lstat(socket)
	switch {
	case err != nil:
		return err
	case folder.Mode().Perm()&0o077 != 0:
		return &config.Problem{
			Message: fmt.Sprintf("%s is open to others (mode %#o), so nothing is sent through a socket in it", dir, folder.Mode().Perm()),
			Hint:    "close it: chmod 700 " + dir,
		}
	case info.Mode().Type() != fs.ModeSocket || !mine(info):
		return notOwn(socket + " is not a socket of yours")
	case info.Mode().Perm()&0o022 != 0:
		return notOwn(fmt.Sprintf("%s is open to others (mode %#o)", socket, info.Mode().Perm()))
	}
	return nil
}

// OwnFolder returns a problem unless what Lstat says of dir is a folder of the
// user's own.
func OwnFolder(dir string, info fs.FileInfo) error {
	if !info.IsDir() || !mine(info) {
		return notOwn(dir + " is not a folder of yours")
	}
	return nil
}

func mine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

func notOwn(what string) *config.Problem {
	return &config.Problem{
		Message: what + ", so it is not used",
		Hint:    "find out who made it and remove it, or set XDG_RUNTIME_DIR to a folder that is yours alone",
	}
}
