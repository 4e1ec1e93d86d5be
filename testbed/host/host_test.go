package host

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestUnescape(t *testing.T) {
	for escaped, want := range map[string]string{
		`/plain`:           "/plain",
		`/a\040b`:          "/a b",
		`/tab\011\134last`: "/tab\t\\last",
		`/short\04`:        `/short\04`,
	} {
		if got := unescape(escaped); got != want {
			t.Errorf("unescape(%q) = %q, want %q", escaped, got, want)
		}
	}
}

func TestCheckPort(t *testing.T) {
	if err := CheckPort("127.0.0.1:0"); err != nil {
		t.Errorf("any free port: %v", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	if err := CheckPort(taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "address already in use\nhint:") {
		t.Errorf("a taken port: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustPrefix(t *testing.T, text string) netip.Prefix {
	t.Helper()
	prefix, err := netip.ParsePrefix(text)
	must(t, err)
	return prefix
}
