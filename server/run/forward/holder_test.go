package forward

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestListeningSockets: of the kernel's table those that listen, with their addresses.
func TestListeningSockets(t *testing.T) {
	sockets := listening(strings.NewReader(`  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0100007F:1F91 0100007F:9000 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0
   3: zz:1F92 00000000:0000 0A 0 0 0 0 0 444
   4: 00000000000000000000000001000000:1F93 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 7 0 555 1 0
   5: short
`))
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "111", "127.0.0.2:8080": "", "0.0.0.0:8080": "111", "127.0.0.1:22": "222", "[::1]:22": "222", "127.0.0.1:8081": "", "[::1]:8083": "555", "127.0.0.1:8083": "",
	} {
		s, found := inTheWay(sockets, netip.MustParseAddrPort(addr))
		if s.inode != want || found != (want != "") {
			t.Errorf("%s is held by %q, want %q", addr, s.inode, want)
		}
	}
}

func FuzzListening(f *testing.F) {
	f.Add("   0: 0100007F:1F90 00000000:0000 0A 0 0 0 1000 0 111\n")
	f.Add("0: :: 0 0A 0 0 0 0 0 0")
	f.Fuzz(func(t *testing.T, table string) {
		for _, s := range listening(strings.NewReader(table)) {
			if !s.addr.IsValid() || s.inode == "" {
				t.Errorf("%q: %+v", table, s)
			}
		}
	})
}

func TestProgramName(t *testing.T) {
	for argv, want := range map[string]string{
		"/usr/sbin/nginx -g x":                          "nginx (pid 7)",
		"towline daemon --workspace /home/anna/shop":    "Towline for the project in /home/anna/shop (pid 7)",
		"/opt/towline-1.2 daemon --workspace /w --keep": "Towline for the project in /w (pid 7)",
		"towline forward web 80":                        "towline (pid 7)",
		"":                                              "process 7",
	} {
		if got := programName(strings.Split(argv, " "), 7); got != want {
			t.Errorf("%q: %q, want %q", argv, got, want)
		}
	}
}

// taken is a port that this program listens on already.
func taken(t *testing.T) int {
	t.Helper()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other.Addr().(*net.TCPAddr).Port
}

// TestPortInUseNamesItsUser: a program by its pid, a forward of the same project by its
// resource.
func TestPortInUseNamesItsUser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell")
	}
	b := newBench(t, echo{t})
	port := taken(t)
	b.Open("web", []config.PortForward{{Local: port, Container: 80}})
	if f := b.next()[0]; !strings.Contains(f.Problem, fmt.Sprintf("port %d is in use by ", port)) || !strings.Contains(f.Problem, fmt.Sprintf("(pid %d)", os.Getpid())) || f.Err == nil {
		t.Errorf("told is %+v", f)
	}
	free := taken(t)
	s := &serving{Forwards: b.Forwards}
	local := net.JoinHostPort("127.0.0.1", strconv.Itoa(free))
	b.box.Put(stateWith("api", config.PortForward{Local: free}))
	if by := s.user(t.Context(), local); by != "api's own forward" {
		t.Errorf("a forward of the project's: %q", by)
	}
	if name, pid := Holder("127.0.0.1:1"); name != "" || pid != 0 {
		t.Errorf("of a port that nobody has: %q, %d", name, pid)
	}
}

// TestNextFreePort is taken on request, and said; else the port is waited for.
func TestNextFreePort(t *testing.T) {
	b := newBench(t, echo{t})
	port := taken(t)
	b.TakeNext(true)
	b.Open("web", []config.PortForward{{Local: port, Container: 80}})
	f := b.next()[0]
	if f.Problem != "" || f.Spec.Local <= port || !strings.HasSuffix(f.Local, fmt.Sprint(":", f.Spec.Local)) || !strings.Contains(f.Moved, fmt.Sprintf("port %d is in use by ", port)) || !strings.Contains(f.Moved, fmt.Sprintf("%d is forwarded in its place", f.Spec.Local)) {
		t.Fatalf("told is %+v", f)
	}
	if l := b.line(); l.Level != "warn" || l.Text != f.Moved {
		t.Errorf("said is %+v", l)
	}
	if got, err := b.ask(f.Local, "hello"); got != "hello" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
	// A Tiltfile's forwards are as it says.
	p := &config.Project{Resources: []config.Resource{{Name: "web", PortForwards: []config.PortForward{{Local: port, Container: 81}}}}}
	b.Follow(p)
	if f := b.next()[0]; f.Problem == "" || f.Moved != "" {
		t.Errorf("without the setting: %+v", f)
	}
	p.Settings.Towline = map[string]any{"forwards": []any{map[string]any{"in_use": "next"}}}
	p.Resources[0].PortForwards[0].Container = 82
	b.Follow(p)
	if f := b.next()[0]; f.Problem != "" || f.Moved == "" {
		t.Errorf("with the setting: %+v", f)
	}
}

// TestSilenceEnds: what answers again is not silent any more.
func TestSilenceEnds(t *testing.T) {
	b := newBench(t, &changing{echo: echo{t}})
	b.Open("web", []config.PortForward{{Container: 80}})
	addr := b.next()[0].Local
	_, _ = b.ask(addr, "hello")
	if f := b.next()[0]; f.Silent != "nothing listens there" {
		t.Errorf("told is %+v", f)
	}
	if got, err := b.ask(addr, "hello"); got != "hello" || err != nil {
		t.Errorf("answer %q, %v", got, err)
	}
	if f := b.next()[0]; f.Silent != "" {
		t.Errorf("told is %+v", f)
	}
}
