package unpack

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// PortForwards converts a port_forwards argument.
func PortForwards(v starlark.Value) ([]config.PortForward, error) {
	switch v.(type) {
	case nil, starlark.NoneType, starlark.Int, starlark.String, value.PortForward, starlark.Sequence:
	default:
		return nil, fmt.Errorf("port_forwards must be an int, a port_forward, or a sequence of those; is of type %s", value.TypeOf(v))
	}
	var all []config.PortForward
	for _, x := range value.Elements(v) {
		var pf config.PortForward
		var err error
		switch x := x.(type) {
		case starlark.Int:
			if _, ok := x.Int64(); !ok {
				return nil, fmt.Errorf("portForward port value %v is not representable as an int64", x)
			}
			pf.Local, err = portNumber(x.String())
		case starlark.String:
			pf, err = PortForward(string(x))
		case value.PortForward:
			pf = x.PortForward
		default:
			err = fmt.Errorf("port_forwards arg %v includes element %v which must be an int or a port_forward; is of type %s", v, x, value.TypeOf(x))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, pf)
	}
	return all, nil
}

var validHost = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// PortForward reads "local", "local:container" or
// "host:local:container".
func PortForward(text string) (config.PortForward, error) {
	var pf config.PortForward
	parts := strings.SplitN(text, ":", 3)
	if len(parts) == 3 {
		pf.Host, parts = parts[0], parts[1:]
		if !validHost.MatchString(pf.Host) {
			return pf, fmt.Errorf("portForward host value %q is not a valid hostname or IP address", pf.Host)
		}
	}
	var err error
	if pf.Local, err = portNumber(strconv.Quote(parts[0])); err == nil && len(parts) == 2 {
		pf.Container, err = portNumber(strconv.Quote(parts[1]))
	}
	return pf, err
}

// portNumber reads a port, quoted or not; the message shows it as it came.
func portNumber(shown string) (int, error) {
	n, err := strconv.Atoi(strings.Trim(shown, `"`))
	if err != nil || n < 0 || n > 65535 {
		return 0, fmt.Errorf("portForward port value %s is not in the valid range [0-65535]", shown)
	}
	return n, nil
}

// Links takes an URL or a link, or a list of them.
type Links []config.Link

// Unpack implements starlark.Unpacker.
func (l *Links) Unpack(v starlark.Value) error {
	*l = nil
	for _, x := range value.Elements(v) {
		switch x := x.(type) {
		case starlark.String:
			u, err := LinkURL(string(x))
			if err != nil {
				return err
			}
			*l = append(*l, config.Link{URL: u})
		case value.Link:
			*l = append(*l, x.Link)
		default:
			return fault.Tiltf("Want a string, a link, or a sequence of these; found %v (type: %s)", x, value.TypeOf(x))
		}
	}
	return nil
}

// LinkURL checks an URL and adds the scheme that it has not.
func LinkURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "", fmt.Errorf("validating URL %q: url empty", text)
	case err != nil:
		return "", fmt.Errorf("validating URL %q: %w", text, err)
	case u.Scheme == "":
		u.Scheme = "http"
	}
	return u.String(), nil
}
