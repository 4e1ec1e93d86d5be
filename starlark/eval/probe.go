package eval

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// readinessProbe takes the probe of a local resource, which only a serve
// command has a use for.
func (c *call) readinessProbe(v starlark.Value, name string, serve config.Command) (*config.Probe, error) {
	p, ok := v.(value.Probe)
	switch {
	case v == nil || v == starlark.None:
		return nil, nil
	case !ok:
		return nil, c.Errorf("for parameter readiness_probe: got %s, want probe", v.Type())
	case serve.Empty():
		c.run.warn(fmt.Sprintf("Ignoring readiness probe for local resource %q (no serve_cmd was defined)", name))
		return nil, nil
	}
	return &p.Probe, nil
}

func (c *call) probe() (starlark.Value, error) {
	var in struct {
		InitialDelay int            `arg:"initial_delay_secs"`
		Timeout      unpack.Int     `arg:"timeout_secs"`
		Period       unpack.Int     `arg:"period_secs"`
		Success      unpack.Int     `arg:"success_threshold"`
		Failure      unpack.Int     `arg:"failure_threshold"`
		Exec         starlark.Value `arg:"exec"`
		HTTP         starlark.Value `arg:"http_get"`
		TCP          starlark.Value `arg:"tcp_socket"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	p := config.Probe{
		InitialDelay: time.Duration(in.InitialDelay) * time.Second, Timeout: time.Duration(in.Timeout.OrElse(1)) * time.Second,
		Period: time.Duration(in.Period.OrElse(10)) * time.Second, SuccessThreshold: in.Success.OrElse(1), FailureThreshold: in.Failure.OrElse(3),
	}
	given := 0
	for _, a := range []struct {
		name string
		v    starlark.Value
	}{{"exec", in.Exec}, {"http_get", in.HTTP}, {"tcp_socket", in.TCP}} {
		if a.v == nil || a.v == starlark.None {
			continue
		}
		act, ok := a.v.(value.Action)
		if !ok || act.Kind() != a.name+"_action" {
			return nil, c.Errorf("for parameter %q: got %s, want %s_action", a.name, a.v.Type(), a.name)
		}
		given++
		p.Exec, p.HTTP, p.TCP = act.Probe.Exec, act.Probe.HTTP, act.Probe.TCP
	}
	if given != 1 {
		return nil, errors.New("exactly one of exec, http_get, or tcp_socket must be specified")
	}
	fields := starlark.StringDict{
		"initial_delay_secs": starlark.MakeInt(in.InitialDelay), "timeout_secs": starlark.MakeInt(in.Timeout.OrElse(1)),
		"period_secs": starlark.MakeInt(in.Period.OrElse(10)), "success_threshold": starlark.MakeInt(p.SuccessThreshold),
		"failure_threshold": starlark.MakeInt(p.FailureThreshold), "exec": value.OrNone(in.Exec), "http_get": value.OrNone(in.HTTP), "tcp_socket": value.OrNone(in.TCP),
	}
	return value.Probe{Struct: starlarkstruct.FromStringDict(starlark.String("probe"), fields), Probe: p}, nil
}

func (c *call) execAction() (starlark.Value, error) {
	var in struct {
		Command unpack.Sequence `arg:"command"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return value.Action{Struct: starlarkstruct.FromStringDict(starlark.String("exec_action"), starlark.StringDict{"command": value.StringList(in.Command)}),
		Probe: config.Probe{Exec: in.Command}}, nil
}

func (c *call) httpGetAction() (starlark.Value, error) {
	var in struct {
		Port   unpack.Port `arg:"port"`
		Host   string      `arg:"host"`
		Scheme string      `arg:"scheme"`
		Path   string      `arg:"path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Host == "" {
		in.Host = "localhost"
	}
	if in.Scheme == "" {
		in.Scheme = "http"
	}
	if _, err := url.Parse(in.Path); err != nil {
		return nil, c.Errorf("for parameter path: %w", err)
	}
	fields := starlark.StringDict{"port": starlark.MakeInt(int(in.Port)), "host": starlark.String(in.Host), "scheme": starlark.String(in.Scheme), "path": starlark.String(in.Path)}
	return value.Action{Struct: starlarkstruct.FromStringDict(starlark.String("http_get_action"), fields),
		Probe: config.Probe{HTTP: &config.HTTPGet{Scheme: strings.ToLower(in.Scheme), Host: in.Host, Port: int(in.Port), Path: in.Path}}}, nil
}

func (c *call) tcpSocketAction() (starlark.Value, error) {
	var in struct {
		Port unpack.Port `arg:"port"`
		Host string      `arg:"host"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Host == "" {
		in.Host = "localhost"
	}
	fields := starlark.StringDict{"port": starlark.MakeInt(int(in.Port)), "host": starlark.String(in.Host)}
	return value.Action{Struct: starlarkstruct.FromStringDict(starlark.String("tcp_socket_action"), fields),
		Probe: config.Probe{TCP: &config.TCPSocket{Host: in.Host, Port: int(in.Port)}}}, nil
}
