package apiobject

import (
	"cmp"
	"strings"
	"time"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// probeOf is what a v1alpha1.probe says; nil where there is none that can be asked.
func probeOf(spec map[string]any) *config.Probe {
	number := func(m map[string]any, key string, without int) int {
		switch n := m[key].(type) {
		case int:
			return n
		case int64:
			return int(n)
		case float64:
			return int(n)
		}
		return without
	}
	seconds := func(key string, without int) time.Duration {
		return time.Duration(number(spec, key, without)) * time.Second
	}
	text := func(m map[string]any, key, without string) string {
		s, _ := m[key].(string)
		return cmp.Or(s, without)
	}
	p := config.Probe{
		InitialDelay: seconds("initial_delay_seconds", 0), Timeout: seconds("timeout_seconds", 1), Period: seconds("period_seconds", 10),
		SuccessThreshold: number(spec, "success_threshold", 1), FailureThreshold: number(spec, "failure_threshold", 3),
	}
	handler := fieldsOf(spec["handler"])
	if run := texts(fieldsOf(handler["exec"])["command"]); len(run) > 0 {
		p.Exec = run
	} else if get := fieldsOf(handler["http_get"]); get != nil {
		p.HTTP = &config.HTTPGet{
			Scheme: strings.ToLower(text(get, "scheme", "http")), Host: text(get, "host", "localhost"), Port: number(get, "port", 0), Path: text(get, "path", ""),
		}
		for _, v := range value.ListOf(get["http_headers"]) {
			h := fieldsOf(v)
			p.HTTP.Headers = append(p.HTTP.Headers, config.Header{Name: text(h, "name", ""), Value: text(h, "value", "")})
		}
	} else if tcp := fieldsOf(handler["tcp_socket"]); tcp != nil {
		p.TCP = &config.TCPSocket{Host: text(tcp, "host", "localhost"), Port: number(tcp, "port", 0)}
	} else {
		return nil
	}
	return &p
}
