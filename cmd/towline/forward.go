package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/forward"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/unpack"
)

func forwardCommand() *cobra.Command {
	var ws workspaceFlags
	var next bool
	cmd := &cobra.Command{
		Use:   "forward RESOURCE [[HOST:]LOCAL:]PORT...",
		Short: "Have ports of a resource answer on this machine, until Ctrl-C",
		Long: `Has ports of a resource's pod answer on this machine until Ctrl-C, or until the
project is taken down, beside those that the Tiltfile forwards. Each connection goes to the newest ready pod, so that
a port stays open across rollouts and restarts. A single number is the port here,
and the pod's exposed port; local port 0 takes a free one, and --next-free the next
one where a port is in use.`,
		Example: "  towline forward web 8080:80\n  towline forward db 0:5432 9187",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return &config.Problem{Message: "which port of which resource is not said", Hint: usage(cmd)}
			}
			specs, err := portForwards(args[1:])
			if err != nil {
				return err
			}
			p, err := lookAt(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			r, spec, err := p.resource(args[0])
			if err != nil {
				return err
			}
			switch {
			case spec.Kind == config.KindLocal:
				return &config.Problem{Message: r.Name + " runs on this machine, in no pod", Hint: "its ports answer here already", Pos: r.Pos}
			case spec.Kind == config.KindCompose:
				return &config.Problem{Message: r.Name + " is a Compose service and has no pod", Hint: "publish its port in the Compose file: `ports:`", Pos: r.Pos}
			}
			return p.keepForwards(cmd.Context(), forwards{r.Name, specs, p.holder, next}, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVar(&next, "next-free", false, "take the next free local port where one is in use, and say so")
	return cmd
}

// portForwards reads ports as port_forwards= of a Tiltfile does.
func portForwards(args []string) (specs []config.PortForward, _ error) {
	for _, arg := range args {
		one, err := unpack.PortForward(arg)
		if err != nil {
			return nil, &config.Problem{Message: fmt.Sprintf("%q is no port to forward: %v", arg, err), Hint: "as in 8080:80, port 8080 here and 80 in the pod"}
		}
		specs = append(specs, one)
	}
	return specs, nil
}

// podDialer reaches pods through the daemon, whichever runs by then.
type podDialer struct{ client *api.Client }

func (d podDialer) DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	req := api.DialRequest{Resource: resource, Forward: spec}
	conn, err := d.client.Dial(ctx, req)
	if err != nil {
		return nil, err
	}
	return &askingConn{Conn: conn, why: func() error { return d.client.Unanswered(ctx, req) }}, nil
}

// askingConn asks the daemon why nothing came: a pod without an agent is connected to
// before anybody knows whether something listens there.
type askingConn struct {
	net.Conn
	why   func() error
	heard bool
}

func (c *askingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.heard = c.heard || n > 0; c.heard || err != io.EOF {
		return n, err
	}
	if why := c.why(); why != nil {
		return n, why
	}
	return n, err
}

// CloseWrite tells the pod that nothing follows, where it can be told.
func (c *askingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// forwards are ports of a resource.
type forwards struct {
	resource string
	specs    []config.PortForward
	holder   func(ctx context.Context, local string) string // the resource whose forward has a port, "" for none
	next     bool                                           // where a port is in use, the next free one is taken
}

// keepForwards holds ports open while the project is up, whichever daemon has it.
func (p *project) keepForwards(ctx context.Context, what forwards, out, problems io.Writer) error {
	down := ending{e: p.endpoint}
	if down.see(&p.status) != nil {
		return &config.Problem{Message: "nothing is up", Hint: "`towline up` brings the project up"}
	}
	return whileUp(ctx, p.client, &down, func(ctx context.Context) error {
		return keepForwards(ctx, podDialer{p.client}, what, out, problems)
	})
}

// holder names the resource whose forward has a port of this machine, "" for none.
func (p *project) holder(ctx context.Context, local string) string {
	s, err := p.client.Status(ctx)
	if err != nil {
		return "" // it is in use all the same
	}
	for _, r := range s.Resources {
		if slices.ContainsFunc(r.Forwards, func(f api.Forward) bool { return f.Local == local && f.Problem == "" }) {
			return r.Name
		}
	}
	return ""
}

// failure says why a port cannot be had, and who has one that is in use.
func (f *forwards) failure(ctx context.Context, port forward.Forward) error {
	other := fmt.Sprintf("choose another local port, as in `towline forward %s 0:PORT`, which takes a free one", f.resource)
	if !errors.Is(port.Err, syscall.EADDRINUSE) {
		hint := "choose a host of this machine: `localhost`, which is the default, or one of its addresses"
		if errors.Is(port.Err, os.ErrPermission) {
			hint = other
		}
		return &config.Problem{Message: fmt.Sprintf("nothing can listen on %s: %v", port.Local, cause(port.Err)), Hint: hint}
	}
	p := &config.Problem{Message: port.Local + " is in use by another program", Hint: other + "; --next-free takes the next one"}
	if by := f.holder(ctx, port.Local); by != "" {
		p.Message = fmt.Sprintf("%s is in use: %s's own forward holds it", port.Local, by)
	} else if by, _ := forward.Holder(port.Local); by != "" {
		p.Message = fmt.Sprintf("%s is in use by %s", port.Local, by)
	}
	return p
}

// cause is an error of the network without the address, which is said already.
func cause(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// keepForwards holds ports open until ctx ends, and says where they answer. One that
// cannot be had ends it.
func keepForwards(ctx context.Context, to forward.Dialer, what forwards, out, problems io.Writer) error {
	log := output.Log{Emit: func(l output.Line) {
		if l.Level != "error" { // those end it
			fmt.Fprintln(problems, l.Text)
		}
	}}
	facts := make(chan forward.Facts)
	all := forward.Start(ctx, to, log, func(f forward.Facts) {
		select {
		case facts <- f:
		case <-ctx.Done():
		}
	})
	defer all.Close()
	all.TakeNext(what.next)
	all.Open(what.resource, what.specs)
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-facts:
			for _, port := range f.Forwards {
				if port.Problem != "" {
					return what.failure(ctx, port)
				}
				if told[port.Local] {
					continue
				}
				told[port.Local] = true
				fmt.Fprintf(out, "%s -> %s%s\n", port.Local, what.resource, remotePort(port))
			}
		}
	}
}

// remotePort is a port in the pod: where none was named, each connection takes what
// its pod exposes.
func remotePort(port forward.Forward) string {
	if port.Remote == 0 {
		return fmt.Sprintf(", the port that its pod exposes or else %d", port.Spec.Local)
	}
	return fmt.Sprintf(":%d", port.Remote)
}
