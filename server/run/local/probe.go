package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// moment is how long a serve command without a probe has to live to be ready: many
// that cannot run end within it.
const moment = time.Second

// probe tells when a serve command is ready, and when it no longer is.
func (c *Commands) probe(ctx context.Context, res config.Resource) {
	p := res.Local.Probe
	if p == nil {
		c.tell(engine.Observed{Resource: res.Name, Message: "has just started"})
		if pause(ctx, c.moment) {
			c.tell(engine.Observed{Resource: res.Name, Ready: true})
		}
		return
	}
	c.tell(engine.Observed{Resource: res.Name, Message: "waiting for the readiness probe"})
	if !pause(ctx, p.InitialDelay) {
		return
	}
	ready, good, bad, told := false, 0, 0, ""
	for ctx.Err() == nil {
		err := c.try(ctx, res, p)
		if ctx.Err() != nil {
			return // it is the server that has ended
		}
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
			text := "waiting for the readiness probe: " + err.Error()
			if gist := output.Gist(text); !ready && gist != told {
				told = gist
				c.tell(engine.Observed{Resource: res.Name, Message: text})
			}
		}
		switch {
		case !ready && good >= max(p.SuccessThreshold, 1):
			ready = true
			c.tell(engine.Observed{Resource: res.Name, Ready: true})
		case ready && bad >= max(p.FailureThreshold, 1):
			ready = false
			c.tell(engine.Observed{Resource: res.Name, Message: "the readiness probe fails: " + err.Error()})
		}
		if !pause(ctx, max(p.Period, 10*time.Millisecond)) {
			return
		}
	}
}

// try performs one attempt of a probe.
func (c *Commands) try(ctx context.Context, res config.Resource, p *config.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, max(p.Timeout, 10*time.Millisecond))
	defer cancel()
	switch {
	case p.HTTP != nil:
		return tryHTTP(ctx, p.HTTP)
	case p.TCP != nil:
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.TCP.Host, strconv.Itoa(p.TCP.Port)))
		if err != nil {
			return err
		}
		return conn.Close()
	case len(p.Exec) > 0:
		return c.tryCommand(ctx, config.Command{Argv: p.Exec, Dir: res.Local.ServeCmd.Dir, Env: res.Local.ServeCmd.Env})
	}
	return nil
}

// tryCommand runs a probe's command to its end. Its output is no part of the log;
// the last of it is why it failed.
func (c *Commands) tryCommand(ctx context.Context, cmd config.Command) error {
	quiet := c.shell
	quiet.Log.Emit = func(output.Line) {}
	last, err := quiet.Last(ctx, command.Call{Command: cmd})
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("it takes longer than the probe's timeout")
	case err != nil:
		return errors.New(output.WithWords(err.Error(), last))
	}
	return nil
}

func tryHTTP(ctx context.Context, get *config.HTTPGet) error {
	url := fmt.Sprintf("%s://%s%s", get.Scheme, net.JoinHostPort(get.Host, strconv.Itoa(get.Port)), get.Path)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	for _, h := range get.Headers {
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value // the only one that a request carries elsewhere
		}
		req.Header.Add(h.Name, h.Value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
