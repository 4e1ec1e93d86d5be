// Package dns answers for the names of a cluster's services and pods, as the
// DNS specification of Kubernetes has them. A pod of the test bed has no way
// out, so names from elsewhere are refused.
//
// Nothing is watched and nothing kept: each question asks the API server,
// which is on the same machine. For one node that is quick enough, and it
// saves the minutes that a cluster's usual name server takes to compile.
package dns

import (
	"net"
	"strings"

	"github.com/miekg/dns"
)

// zone is the cluster's domain.
const zone = "cluster.local."

// ttl is how many seconds an answer may be kept.
const ttl = 5

// Service is what names need to know of a Service.
type Service struct {
	ClusterIP    string // "None" for one without an address of its own
	ExternalName string
	Ports        []Port
	Endpoints    []Endpoint // those that are ready, or all if the service wants that
}

// Port is a named port of a service.
type Port struct {
	Name     string
	Protocol string // "TCP" or "UDP"
	Port     uint16
}

// Endpoint is one address behind a service.
type Endpoint struct {
	Hostname string // "" when the pod has none
	IP       string
}

// Services finds a service; found is false when there is none. It may be
// called concurrently.
type Services interface {
	Service(namespace, name string) (s Service, found bool, err error)
}

// Handler answers questions.
type Handler struct{ Services Services }

// ServeDNS answers one message.
func (h Handler) ServeDNS(w dns.ResponseWriter, request *dns.Msg) {
	_ = w.WriteMsg(h.answer(request)) // who asked is gone
}

func (h Handler) answer(request *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(request)
	m.Authoritative = true
	if len(request.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	q := request.Question[0]
	name := strings.ToLower(q.Name)
	if !dns.IsSubDomain(zone, name) {
		m.Rcode = dns.RcodeRefused
		return m
	}
	labels := dns.SplitDomainName(strings.TrimSuffix(name, zone))
	records, found, err := h.lookup(q, labels)
	switch {
	case err != nil:
		m.Rcode = dns.RcodeServerFailure
		return m
	case !found:
		m.Rcode = dns.RcodeNameError
	}
	for _, r := range records {
		if r.Header().Rrtype == q.Qtype || r.Header().Rrtype == dns.TypeCNAME {
			m.Answer = append(m.Answer, r)
		}
	}
	if len(m.Answer) == 0 {
		m.Ns = append(m.Ns, soa())
	}
	return m
}

// lookup finds all records of a name, of whatever type.
func (h Handler) lookup(q dns.Question, labels []string) (records []dns.RR, found bool, err error) {
	n := len(labels)
	switch {
	case n == 3 && labels[2] == "pod":
		ip := net.ParseIP(strings.ReplaceAll(labels[0], "-", ".")).To4()
		return addresses(q.Name, ip), ip != nil, nil
	case n < 3 || n > 5 || labels[n-1] != "svc":
		return nil, n == 0 || n == 1 && labels[0] == "svc", nil // folders of names, so to speak
	}
	s, found, err := h.Services.Service(labels[n-2], labels[n-3])
	if err != nil || !found {
		return nil, false, err
	}
	switch n {
	case 3:
		return service(q.Name, s), true, nil
	case 4:
		records = host(q.Name, labels[0], s)
	default:
		records = ports(q.Name, labels, s)
	}
	return records, len(records) > 0, nil
}

// service are the records of a service's own name.
func service(name string, s Service) []dns.RR {
	switch {
	case s.ExternalName != "":
		return []dns.RR{&dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: dns.Fqdn(s.ExternalName)}}
	case s.ClusterIP != "None":
		return addresses(name, net.ParseIP(s.ClusterIP).To4())
	}
	var records []dns.RR
	for _, e := range s.Endpoints {
		records = append(records, addresses(name, net.ParseIP(e.IP).To4())...)
	}
	return records
}

// host are the records of one pod behind a service.
func host(name, hostname string, s Service) []dns.RR {
	var records []dns.RR
	for _, e := range s.Endpoints {
		if hostOf(e) == hostname {
			records = append(records, addresses(name, net.ParseIP(e.IP).To4())...)
		}
	}
	return records
}

// hostOf is the label that an endpoint goes by.
func hostOf(e Endpoint) string {
	if e.Hostname != "" {
		return e.Hostname
	}
	return strings.ReplaceAll(e.IP, ".", "-")
}

// ports are the SRV records of _port._protocol.service.namespace.svc.
func ports(name string, labels []string, s Service) []dns.RR {
	base := strings.Join(labels[2:], ".") + "." + zone
	var records []dns.RR
	for _, p := range s.Ports {
		if "_"+p.Name != labels[0] || "_"+strings.ToLower(p.Protocol) != labels[1] {
			continue
		}
		targets := []string{base}
		if s.ClusterIP == "None" {
			targets = nil
			for _, e := range s.Endpoints {
				targets = append(targets, hostOf(e)+"."+base)
			}
		}
		for _, target := range targets {
			records = append(records, &dns.SRV{Hdr: header(name, dns.TypeSRV), Weight: 100, Port: p.Port, Target: target})
		}
	}
	return records
}

func addresses(name string, ip net.IP) []dns.RR {
	if ip == nil {
		return nil
	}
	return []dns.RR{&dns.A{Hdr: header(name, dns.TypeA), A: ip}}
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: ttl}
}

// soa says for how long "there is none" may be kept.
func soa() dns.RR {
	return &dns.SOA{
		Hdr: header(zone, dns.TypeSOA), Ns: "ns.dns." + zone, Mbox: "hostmaster." + zone,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}

// Serve answers on an address, by UDP and TCP, until one of them fails.
func Serve(address string, s Services) error {
	failed := make(chan error, 2)
	for _, network := range []string{"udp", "tcp"} {
		server := &dns.Server{Addr: address, Net: network, Handler: Handler{Services: s}}
		go func() { failed <- server.ListenAndServe() }()
	}
	return <-failed
}
