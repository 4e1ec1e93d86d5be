package kube

import (
	"context"
	"errors"
	"io"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// ExecOptions say what Exec runs, and where.
type ExecOptions struct {
	Namespace, Pod, Container string
	Argv                      []string
	Stdin                     io.Reader   // nil: none
	Stdout, Stderr            io.Writer   // nil: dropped
	TTY                       bool        // it has a terminal, and all that it writes is Stdout's
	Sizes                     <-chan Size // of the terminal; closed or nil: it stays
}

// Size is that of a terminal.
type Size struct{ Columns, Rows uint16 }

// sizes hands a terminal's sizes on.
type sizes <-chan Size

// Next implements remotecommand.TerminalSizeQueue.
func (s sizes) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &remotecommand.TerminalSize{Width: size.Columns, Height: size.Rows}
}

// Exec runs a command in a container and returns its exit code. The error is
// for a command that could not be run or whose end is not known: an exit code
// other than 0 is not an error.
//
// That Exec returned does not prove that the command read all of Stdin or that
// all it wrote arrived; who needs that has to ask the other side.
func (c *Cluster) Exec(ctx context.Context, o ExecOptions) (exitCode int, err error) {
	err = c.credentials.again(func() error {
		exitCode, err = c.exec(ctx, o)
		return err
	})
	return exitCode, err
}

func (c *Cluster) exec(ctx context.Context, o ExecOptions) (exitCode int, err error) {
	object := "container " + o.Container + " of pod " + o.Pod
	options := &corev1.PodExecOptions{
		Container: o.Container, Command: o.Argv,
		Stdin: o.Stdin != nil, Stdout: o.Stdout != nil, Stderr: o.Stderr != nil, TTY: o.TTY,
	}
	if o.Stdin == nil && o.Stdout == nil && o.Stderr == nil {
		options.Stdout, o.Stdout = true, io.Discard // the API insists on a stream
	}
	request := c.clientset.CoreV1().RESTClient().Post().Namespace(o.Namespace).Resource("pods").Name(o.Pod).
		SubResource("exec").VersionedParams(options, scheme.ParameterCodec)
	executor, err := c.executor(request.URL())
	if err != nil {
		return -1, classify("running a command in", object, err)
	}
	streams := remotecommand.StreamOptions{Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, Tty: o.TTY}
	if o.Sizes != nil {
		streams.TerminalSizeQueue = sizes(o.Sizes)
	}
	err = executor.StreamWithContext(ctx, streams)
	var exit utilexec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitStatus(), nil
	}
	if err != nil {
		return -1, classify("running a command in", object, err)
	}
	return 0, nil
}

// executor speaks WebSocket, and SPDY to servers or proxies that do not.
func (c *Cluster) executor(u *url.URL) (remotecommand.Executor, error) {
	config, _ := c.credentials.now()
	spdy, err := remotecommand.NewSPDYExecutor(config, "POST", u)
	if err != nil {
		return nil, err
	}
	socket, err := remotecommand.NewWebSocketExecutor(config, "GET", u.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(socket, spdy, upgradeRefused)
}

// upgradeRefused reports whether a server or a proxy on the way does not
// speak WebSocket, so that SPDY is worth a try.
func upgradeRefused(err error) bool {
	var refusal *httpstream.UpgradeFailureError
	if errors.As(err, &refusal) && apierrors.IsNotFound(refusal.Cause) {
		return false // the pod is not there, in whatever protocol
	}
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}
