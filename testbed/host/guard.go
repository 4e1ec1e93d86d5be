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
