package host

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// inNamespace is set in the copy of the test that runs in a network namespace
// of its own, where it can do as it likes.
const inNamespace = "TOWLINE_TESTBED_IN_NAMESPACE"

// TestFirewall sets everything up in the network and takes it down again,
// twice, beside a firewall that drops what it does not know.
func TestFirewall(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		if os.Geteuid() != 0 || os.Getenv("TOWLINE_TESTBED_E2E") == "" {
			t.Skip("TOWLINE_TESTBED_E2E is not set, or this is not root: this test needs a network namespace of its own")
		}
		cmd := exec.Command("unshare", "--net", os.Args[0], "-test.run=^TestFirewall$", "-test.v")
		cmd.Env = append(os.Environ(), inNamespace+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	for _, chain := range []string{"INPUT", "FORWARD"} {
		must(t, run("iptables", "-P", chain, "DROP"))
	}
	before := networkState(t)
	for range 2 {
		must(t, EnsureBridge("towlineX", "10.200.0.1/24"))
		must(t, EnsureGuard("towline-x", "towlineX", "10.200.0.0/24", "10.201.0.0/16"))
		must(t, EnsurePasses("towlineX"))
	}
	state := networkState(t)
	for _, want := range []string{
		"-A INPUT -i towlineX -j ACCEPT\n", "-A FORWARD -i towlineX -o towlineX -j ACCEPT\n",
		"table inet towline-x", "10.200.0.1/24",
	} {
		if strings.Count(state, want) != 1 {
			t.Errorf("%q occurs %d times in\n%s", want, strings.Count(state, want), state)
		}
	}
	if err := checkFree("other", mustPrefix(t, "10.200.0.0/16")); err == nil || !strings.Contains(err.Error(), "--slot") {
		t.Errorf("a network in use is taken: %v", err)
	}
	must(t, run("ip", "link", "add", "pod", "type", "veth", "peer", "name", "podpeer"))
	must(t, run("ip", "link", "set", "pod", "master", "towlineX"))
	for range 2 {
		must(t, RemovePasses("towlineX"))
		must(t, RemoveGuard("towline-x"))
		must(t, RemoveBridge("towlineX"))
	}
	if after := networkState(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func networkState(t *testing.T) string {
	t.Helper()
	var state strings.Builder
	for _, command := range []string{"iptables -S", "nft list tables", "ip -o -4 address", "ip -br link"} {
		words := strings.Fields(command)
		out, err := exec.Command(words[0], words[1:]...).Output()
		must(t, err)
		state.Write(out)
	}
	return state.String()
}
