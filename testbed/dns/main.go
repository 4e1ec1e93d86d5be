// Command dns is CoreDNS with the plugins that answer for the names of a
// cluster, and no others: a pod of the test bed has no way out, so names from
// elsewhere are refused.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"       // listens on one address
	_ "github.com/coredns/coredns/plugin/errors"     // logs what could not be answered
	_ "github.com/coredns/coredns/plugin/kubernetes" // answers for services and pods
)

func main() {
	// The order in which the plugins see a question.
	dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
	coremain.Run()
}
