package host

import (
	"fmt"
	"os/exec"
	"strings"
)

// EnsureGuard drops packets that come to the given networks from another
// machine. The kernel takes packets for any of its addresses on any interface,
// and now forwards as well, so that a neighbour could otherwise reach the pods
// and the API server by a route of its own.
func EnsureGuard(table, bridge string, networks ...string) error {
	rules := fmt.Sprintf(`table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		iifname != { "lo", %[2]q } ip daddr { %[3]s } drop
	}
}
`, table, bridge, strings.Join(networks, ", "))
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up the table %s by nft: %w: %s", table, err, out)
	}
	return nil
}

// RemoveGuard undoes EnsureGuard.
func RemoveGuard(table string) error {
	if exec.Command("nft", "list", "table", "inet", table).Run() != nil {
		return nil
	}
	return run("nft", "delete", "table", "inet", table)
}

// passes are the iptables rules that let the bridge's packets pass where the
// chain's policy is to drop what no rule accepts, as dockerd and firewalls set
// it up. No table of ours could let pass what such a chain drops.
func passes(bridge string) map[string][]string {
	return map[string][]string{
		"INPUT":   {"-i", bridge, "-j", "ACCEPT"},
		"FORWARD": {"-i", bridge, "-o", bridge, "-j", "ACCEPT"},
	}
}

// EnsurePasses adds the rules that this machine's firewall makes necessary.
func EnsurePasses(bridge string) error {
	for chain, rule := range passes(bridge) {
		out, err := exec.Command("iptables", "-w", "-S", chain).Output()
		if err != nil {
			return fmt.Errorf("reading the chain %s by iptables: %w", chain, err)
		}
		if !strings.Contains(string(out), "-P "+chain+" DROP") || hasPass(chain, rule) {
			continue
		}
		if err := run("iptables", append([]string{"-w", "-I", chain}, rule...)...); err != nil {
			return err
		}
	}
	return nil
}

// RemovePasses undoes EnsurePasses.
func RemovePasses(bridge string) error {
	for chain, rule := range passes(bridge) {
		if !hasPass(chain, rule) {
			continue
		}
		if err := run("iptables", append([]string{"-w", "-D", chain}, rule...)...); err != nil {
			return err
		}
	}
	return nil
}

func hasPass(chain string, rule []string) bool {
	return exec.Command("iptables", append([]string{"-w", "-C", chain}, rule...)...).Run() == nil
}
