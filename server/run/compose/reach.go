package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/towline-dev/towline/server/docker"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Exec runs a command in a container by the API of the engine that the docker
// command speaks to.
func (c CLI) Exec(ctx context.Context, container string, argv []string) (io.ReadWriteCloser, error) {
	host := c.host(ctx)
	engine := docker.Engine{Dial: func(ctx context.Context) (io.ReadWriteCloser, error) { return c.dial(ctx, host) }}
	return engine.Exec(ctx, container, argv)
}

// host is where the engine listens, as docker's current context has it; "" where
// only the docker command knows.
func (c CLI) host(ctx context.Context) string {
	if host := os.Getenv("DOCKER_HOST"); strings.HasPrefix(host, "unix://") {
		return host
	}
	var out bytes.Buffer
	err := c.run(ctx, call{args: []string{"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}, quiet: true, stdout: &out})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out.String())
}

// dial connects to an engine: by its socket, or else through a docker command, which
// has the certificates and the ssh that it takes.
func (c CLI) dial(ctx context.Context, host string) (io.ReadWriteCloser, error) {
	if path, local := strings.CutPrefix(host, "unix://"); local {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	in, stdin := io.Pipe()
	stdout, out := io.Pipe()
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &piped{Reader: stdout, WriteCloser: stdin, cancel: cancel, ended: make(chan struct{})}
	go func() { // ends with its command: see Close
		defer close(p.ended)
		said := &tail{}
		err := c.Shell.Run(run, command.Call{
			Command: config.Command{Argv: []string{"docker", "system", "dial-stdio"}, Dir: "/"}, Line: output.Line{Resource: "docker dial"},
			Serves: true, Stdin: in, Stdout: out, Stderr: said, Unset: ofCompose[:],
		})
		if err != nil {
			err = errors.Join(io.EOF, fmt.Errorf("docker system dial-stdio: %w: %s", err, said.last()))
		}
		out.CloseWithError(err)
		in.CloseWithError(err)
	}()
	return p, nil
}

// piped is a connection through a docker command.
type piped struct {
	io.Reader
	io.WriteCloser
	cancel context.CancelFunc
	ended  chan struct{}
}

// Close ends the command and waits for it.
func (p *piped) Close() error {
	err := p.WriteCloser.Close()
	p.cancel()
	if r, ok := p.Reader.(io.Closer); ok {
		_ = r.Close() // what it still says is for nobody
	}
	<-p.ended
	return err
}
