package forward

import (
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder names the program of this machine that listens where we would, "" where it
// cannot be told. pid is 0 where only its user may be seen.
func Holder(local string) (name string, pid int) {
	addr, err := net.ResolveTCPAddr("tcp", local)
	if err != nil {
		return "", 0
	}
	own := addr.AddrPort()
	s, found := inTheWay(sockets(), netip.AddrPortFrom(own.Addr().Unmap(), own.Port()))
	if !found {
		return "", 0
	}
	if pid = processOf(s.inode); pid == 0 {
		if u, err := user.LookupId(s.uid); err == nil {
			return "a program of the user " + u.Username, 0
		}
		return "", 0
	}
	cmdline, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline") // one that went has none
	return programName(strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00"), pid), pid
}

// sockets are those that listen.
func sockets() (all []socket) {
	for _, name := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		if table, err := os.Open(name); err == nil {
			all = append(all, listening(table)...)
			table.Close()
		}
	}
	return all
}

// processOf finds whose a socket is, 0 where it is nobody's who may be looked at.
func processOf(inode string) (pid int) {
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && target == "socket:["+inode+"]" {
			pid, _ = strconv.Atoi(strings.Split(file, "/")[2]) // as the pattern has it
			return pid
		}
	}
	return 0
}
