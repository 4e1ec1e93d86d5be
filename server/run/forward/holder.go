package forward

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// socket is a TCP socket of this machine that listens.
type socket struct {
	addr  netip.AddrPort
	uid   string
	inode string
}

// listening reads the sockets that listen out of a table of the kernel, as
// /proc/net/tcp has it.
func listening(table io.Reader) (found []socket) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != "0A" {
			continue
		}
		if addr, ok := kernelAddr(fields[1]); ok {
			found = append(found, socket{addr: addr, uid: fields[7], inode: fields[9]})
		}
	}
	return found
}

// kernelAddr reads "0100007F:1F90": words of four bytes, the last one first, as
// processors have them that there are.
func kernelAddr(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	bytes, err := hex.DecodeString(host)
	number, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(bytes, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(bytes)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), ok
}

// inTheWay finds the socket that keeps others from listening on an address.
func inTheWay(sockets []socket, addr netip.AddrPort) (socket, bool) {
	at := slices.IndexFunc(sockets, func(s socket) bool {
		ip, own := s.addr.Addr(), addr.Addr()
		return s.addr.Port() == addr.Port() && (ip == own || ip.IsUnspecified() || own.IsUnspecified())
	})
	if at < 0 {
		return socket{}, false
	}
	return sockets[at], true
}

// programName says which program a command line is, for a person: what it is called,
// and of a daemon of Towline whose project it has.
func programName(argv []string, pid int) string {
	if len(argv) == 0 || argv[0] == "" {
		return fmt.Sprintf("process %d", pid)
	}
	name := filepath.Base(argv[0])
	if at := slices.Index(argv, "--workspace"); strings.HasPrefix(name, "towline") && slices.Contains(argv, "daemon") && at >= 0 && at+1 < len(argv) {
		return fmt.Sprintf("Towline for the project in %s (pid %d)", argv[at+1], pid)
	}
	return fmt.Sprintf("%s (pid %d)", name, pid)
}
