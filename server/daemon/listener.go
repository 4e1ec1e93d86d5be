package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// lookEvery is how often the daemon looks whether its socket is still there.
const lookEvery = time.Second

// listener is the socket that the daemon listens on. What keeps temporary folders
// clean and the end of a login take it away, so it is looked after.
type listener struct {
	e        api.Endpoint
	log      *slog.Logger
	lock     *os.File // the workspace's
	unheld   int      // looks in a row that could not take it again
	anew     func()   // writes down what is known, in a folder that was deleted
	end      func()   // ends the daemon
	socket   string
	listener net.Listener
	file     fs.FileInfo // the socket's
}

// open listens on the endpoint's socket, in place of one that a killed daemon
// left, or elsewhere when the folder for it cannot be had, and notes which.
func (d *listener) open() error {
	listener, err := listen(d.e.Socket)
	socket := d.e.Socket
	if err != nil && d.e.Elsewhere() != socket {
		var other error
		socket = d.e.Elsewhere()
		if listener, other = listen(socket); other == nil {
			d.log.Warn("listening elsewhere", "socket", socket, "error", err)
			err = nil
		}
	}
	if err != nil {
		return err
	}
	file, err := os.Lstat(socket)
	if err == nil {
		err = os.WriteFile(d.e.Address, []byte(socket), 0o600)
	}
	if err != nil {
		listener.Close()
		return fmt.Errorf("noting the socket: %w", err)
	}
	d.socket, d.listener, d.file = socket, listener, file
	return nil
}

// close takes the socket away, unless it is another one's by now.
func (d *listener) close() {
	d.listener.Close()
	if d.intact() {
		_ = os.Remove(d.socket) // the next daemon replaces it
	}
}

func (d *listener) intact() bool {
	file, err := os.Lstat(d.socket)
	return err == nil && os.SameFile(file, d.file)
}

// replaced reports whether another daemon listens in the place of this one.
func (d *listener) replaced() bool {
	conn, err := net.Dial("unix", d.socket)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// serve answers those who come until ctx ends.
func (d *listener) serve(ctx context.Context, server *http.Server) {
	var serving sync.WaitGroup
	defer serving.Wait()
	begin := func(l net.Listener) {
		serving.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				d.log.Error("serving", "error", err)
			}
		})
	}
	begin(d.listener)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		d.hold(ctx)
		if d.intact() || d.replaced() {
			continue
		}
		old := d.listener
		if err := d.open(); err != nil {
			if !told {
				d.log.Error("listening anew", "error", err)
			}
			told = true
			continue
		}
		told = false
		old.Close()
		begin(d.listener)
		d.log.Warn("the socket was gone: listening anew", "socket", d.socket)
	}
}

// hold takes the workspace's lock again where its file is gone, with the state folder:
// the next daemon would find it free. Where one has, this one ends.
func (d *listener) hold(ctx context.Context) {
	held, err := d.lock.Stat()
	now, gone := os.Stat(d.e.Lock)
	if err == nil && gone == nil && os.SameFile(held, now) {
		return
	}
	lock, err := acquire(ctx, d.e)
	if err != nil {
		d.unheld++
		switch {
		case d.unheld == mostUnheld && errors.Is(err, ErrRunning): // and no face that only asked
			d.log.Error("the state folder was deleted, and another daemon serves the workspace: ending")
			d.end()
		case d.unheld == 1:
			d.log.Error("the state folder was deleted", "error", err)
		}
		return
	}
	d.lock.Close()
	d.lock, d.unheld = lock, 0
	d.log.Warn("the state folder was deleted: it is made anew", "folder", d.e.State)
	if err := os.WriteFile(d.e.Address, []byte(d.socket), 0o600); err != nil {
		d.log.Error("noting the socket", "error", err)
	}
	d.anew()
}

// mostUnheld is how many looks in a row find the lock in another's hands before that
// is another daemon.
const mostUnheld = 3

// listen opens a socket at once where another one may lie.
func listen(socket string) (net.Listener, error) {
	if err := private(filepath.Dir(socket)); err != nil {
		return nil, err
	}
	fresh := strings.TrimSuffix(socket, ".sock") + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing an old socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", socket, err)
	}
	listener.SetUnlinkOnClose(false) // by then the next one may lie there
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, socket)); err != nil {
		listener.Close()
		return nil, fmt.Errorf("listening on %s: %w", socket, err)
	}
	return ownListener{listener}, nil
}

// private makes a folder for sockets that nobody else may enter, and refuses
// one of others.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating %s: %w", dir, err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := api.OwnFolder(dir, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("making %s private: %w", dir, err)
		}
	}
	return nil
}

// ownListener lets in the daemon's own user, and root.
type ownListener struct{ net.Listener }

// Accept returns the next connection of one who may come.
func (l ownListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, known := api.PeerUID(conn); !known || uid == os.Getuid() || uid == 0 {
			return conn, nil
		}
		conn.Close()
	}
}
