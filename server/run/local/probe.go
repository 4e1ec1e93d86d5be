package local

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// moment is how long a serve command without a probe has to live to be ready: many
// that cannot run end within it.
const moment = time.Second

// longestWords is how much of what a probe's command says is looked at, in bytes.
const longestWords = 1000

// probe tells when a serve command is ready, and when it no longer is.
func (c *Commands) probe(ctx context.Context, res config.Resource) {
	p := res.Local.Probe
	if p == nil {
		c.tell(engine.Observed{Resource: res.Name, Message: "has just started"})
		if pause(ctx, moment) {
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
		if err == nil {
			good, bad = good+1, 0
		} else {
			good, bad = 0, bad+1
			if text := "waiting for the readiness probe: " + err.Error(); !ready && text != told {
				told = text
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
		cmd := exec.CommandContext(ctx, p.Exec[0], p.Exec[1:]...)
		cmd.Dir = res.Local.ServeCmd.Dir
		cmd.Env = c.shell.Environment(res.Local.ServeCmd.Env)
		out, err := cmd.CombinedOutput()
		if words := strings.TrimSpace(string(out[:min(len(out), longestWords)])); err != nil && words != "" {
			return fmt.Errorf("%w: %s", err, strings.ToValidUTF8(words[strings.LastIndexByte(words, '\n')+1:], ""))
		}
		return err
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
