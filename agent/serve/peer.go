//go:build linux

package serve

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer refuses whoever is on the other end of a unix socket and runs as
// another user: a key is handed over there.
func checkPeer(conn net.Conn) error {
	sock, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%T is no unix socket", conn)
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var perr error
	err = raw.Control(func(fd uintptr) { peer, perr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = perr
	}
	if err != nil {
		return fmt.Errorf("asking who is on the other end: %w", err)
	}
	return checkUser(int(peer.Uid))
}

// checkUser refuses a user who is not ours.
func checkUser(uid int) error {
	if uid != os.Getuid() {
		return fmt.Errorf("uid %d is on the other end of the agent's socket, which is for uid %d alone", uid, os.Getuid())
	}
	return nil
}
