package dns

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// services are found by "namespace/name".
type services map[string]Service

func (s services) Service(namespace, name string) (Service, bool, error) {
	if namespace == "broken" {
		return Service{}, false, errors.New("the API server is away")
	}
	found, ok := s[namespace+"/"+name]
	return found, ok, nil
}

var cluster = services{
	"shop/web":  {ClusterIP: "10.96.0.7", Ports: []Port{{Name: "http", Protocol: "TCP", Port: 80}}},
	"shop/db":   {ClusterIP: "None", Endpoints: []Endpoint{{Hostname: "db-0", IP: "10.244.0.5"}, {IP: "10.244.0.6"}}, Ports: []Port{{Name: "sql", Protocol: "TCP", Port: 5432}}},
	"shop/away": {ExternalName: "example.org"},
	"shop/none": {ClusterIP: "None"},
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name  string
		kind  uint16
		rcode int
		want  []string // the data of the answers
	}{
		{"web.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.96.0.7"}},
		{"WEB.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.96.0.7"}},
		{"web.shop.svc.cluster.local.", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{"_http._tcp.web.shop.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, []string{"0 100 80 web.shop.svc.cluster.local."}},
		{"_https._tcp.web.shop.svc.cluster.local.", dns.TypeSRV, dns.RcodeNameError, nil},
		{"db.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.244.0.5", "10.244.0.6"}},
		{"db-0.db.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.244.0.5"}},
		{"10-244-0-6.db.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.244.0.6"}},
		{"db-1.db.shop.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"_sql._tcp.db.shop.svc.cluster.local.", dns.TypeSRV, dns.RcodeSuccess, []string{
			"0 100 5432 db-0.db.shop.svc.cluster.local.", "0 100 5432 10-244-0-6.db.shop.svc.cluster.local."}},
		{"none.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, nil},
		{"away.shop.svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"example.org."}},
		{"10-244-0-9.shop.pod.cluster.local.", dns.TypeA, dns.RcodeSuccess, []string{"10.244.0.9"}},
		{"nobody.shop.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"web.other.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"svc.cluster.local.", dns.TypeA, dns.RcodeSuccess, nil},
		{"cluster.local.", dns.TypeA, dns.RcodeSuccess, nil},
		{"web.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"a.b.c.web.shop.svc.cluster.local.", dns.TypeA, dns.RcodeNameError, nil},
		{"example.org.", dns.TypeA, dns.RcodeRefused, nil},
		{"web.broken.svc.cluster.local.", dns.TypeA, dns.RcodeServerFailure, nil},
	} {
		m := new(dns.Msg).SetQuestion(test.name, test.kind)
		got := Handler{Services: cluster}.answer(m)
		var data []string
		for _, r := range got.Answer {
			data = append(data, strings.TrimPrefix(r.String(), r.Header().String()))
		}
		if got.Rcode != test.rcode || !slices.Equal(data, test.want) {
			t.Errorf("%s %s: got %s %q, want %s %q", test.name, dns.TypeToString[test.kind],
				dns.RcodeToString[got.Rcode], data, dns.RcodeToString[test.rcode], test.want)
		}
	}
}
