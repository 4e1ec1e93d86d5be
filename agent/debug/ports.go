//go:build linux

package debug

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// listening returns the TCP ports that a process listens on, of the loopback and
// of all addresses.
func listening(pid int) []int {
	dir := fmt.Sprintf("/proc/%d", pid)
	byInode := map[string]int{}
	for _, name := range []string{"/net/tcp", "/net/tcp6"} {
		table, _ := os.ReadFile(dir + name) // a process that is gone has none
		addListeners(byInode, table)
	}
	if len(byInode) == 0 {
		return nil
	}
	var ports []int
	fds, _ := os.ReadDir(dir + "/fd")
	for _, fd := range fds {
		link, err := os.Readlink(dir + "/fd/" + fd.Name())
		if err != nil {
			continue
		}
		inode, ok := strings.CutPrefix(link, "socket:[")
		if port, listens := byInode[strings.TrimSuffix(inode, "]")]; ok && listens {
			ports = append(ports, port)
		}
	}
	return ports
}

// addListeners notes the ports of the sockets that listen in one of the kernel's
// tables.
func addListeners(byInode map[string]int, table []byte) {
	const listens = "0A"
	for scan := bufio.NewScanner(bytes.NewReader(table)); scan.Scan(); {
		fields := strings.Fields(scan.Text())
		if len(fields) < 10 || fields[3] != listens {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			byInode[fields[9]] = int(port)
		}
	}
}

// probeTime is what an inspector may take to name itself.
const probeTime = time.Second

// inspects reports whether an inspector of Node.js listens on a port.
func inspects(ctx context.Context, port int) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, "GET /json/version HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, 1<<16)), nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var version struct {
		Protocol string `json:"Protocol-Version"`
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&version) == nil && version.Protocol != ""
}
