package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
)

// EnsureBridge makes the network interface name with the given address, which
// has the form 10.244.0.1/24, if it is not there yet.
func EnsureBridge(name, address string) error {
	prefix, err := netip.ParsePrefix(address)
	if err != nil {
		return err
	}
	if err := checkFree(name, prefix); err != nil {
		return err
	}
	if _, err := net.InterfaceByName(name); err != nil {
		if err := run("ip", "link", "add", name, "type", "bridge"); err != nil {
			return err
		}
	}
	if !hasAddress(name, prefix) {
		if err := run("ip", "address", "add", address, "dev", name); err != nil {
			return err
		}
	}
	return run("ip", "link", "set", name, "up")
}

// RemoveBridge deletes the interface. The kernel deletes the pods' ends of the
// cables with their network namespaces; ends that still hang on the bridge go
// first.
func RemoveBridge(name string) error {
	if _, err := net.InterfaceByName(name); err != nil {
		return nil
	}
	out, err := exec.Command("ip", "-o", "link", "show", "master", name).Output()
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		// 12: veth0a1b2c3d@if2: <BROADCAST,…
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		port, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@")
		// It may be going away with its namespace at this moment.
		_ = run("ip", "link", "delete", port)
	}
	return run("ip", "link", "delete", name)
}

// OtherBridge says whether a bridge other than name has its name's prefix:
// another cluster of ours runs then.
func OtherBridge(name, prefix string) bool {
	interfaces, err := net.Interfaces()
	if err != nil {
		return false
	}
	for _, other := range interfaces {
		if other.Name != name && strings.HasPrefix(other.Name, prefix) {
			return true
		}
	}
	return false
}

// checkFree makes sure that no other interface has an address in prefix.
func checkFree(name string, prefix netip.Prefix) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, other := range interfaces {
		if other.Name == name {
			continue
		}
		for _, used := range prefixes(&other) {
			if used.Overlaps(prefix) && used.Bits() > 0 {
				return fmt.Errorf("the network %s is in use on interface %s (%s)\nhint: choose another slot with --slot 1 to 9", prefix.Masked(), other.Name, used)
			}
		}
	}
	return nil
}

func hasAddress(name string, want netip.Prefix) bool {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	for _, has := range prefixes(iface) {
		if has == want {
			return true
		}
	}
	return false
}

func prefixes(iface *net.Interface) []netip.Prefix {
	addresses, err := iface.Addrs()
	if err != nil {
		return nil
	}
	var found []netip.Prefix
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			found = append(found, prefix)
		}
	}
	return found
}

// CheckPort makes sure that a loopback port is free.
func CheckPort(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s is in use by another program: %w\nhint: end that one, or choose another slot with --slot 1 to 9", address, errors.Unwrap(err))
	}
	return listener.Close()
}

// RemoveTables deletes the nftables tables of kube-proxy.
func RemoveTables() error {
	for _, family := range []string{"ip", "ip6"} {
		if !HasTable(family) {
			continue
		}
		if err := run("nft", "delete", "table", family, "kube-proxy"); err != nil {
			return err
		}
	}
	return nil
}

// HasTable says whether a kube-proxy has set up its table for a family.
func HasTable(family string) bool {
	return exec.Command("nft", "list", "table", family, "kube-proxy").Run() == nil
}
