package agents

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
)

// Pods reaches into the cluster's pods.
type Pods interface {
	Exec(ctx context.Context, o kube.ExecOptions) (exitCode int, err error)
	Dial(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Connect proves by exec that the owner, a workspace, may speak to a
// container's agent, and dials it.
func Connect(ctx context.Context, pods Pods, owner string, id engine.TargetID) (Agent, error) {
	key := client.NewKey()
	var out, errs bytes.Buffer
	code, err := pods.Exec(ctx, kube.ExecOptions{
		Namespace: id.Namespace, Pod: id.Pod, Container: id.Container,
		Argv:  client.EnrollCommand(id.Container, owner),
		Stdin: bytes.NewReader(client.EnrollInput(key)), Stdout: &out, Stderr: &errs,
	})
	if err != nil {
		return nil, fmt.Errorf("enrolling by exec: %w", err)
	}
	if code != 0 {
		return nil, fmt.Errorf("enrolling by exec: exit code %d: %s", code, strings.TrimSpace(errs.String()))
	}
	enrolled, err := client.ParseEnrolled(out.Bytes())
	if err != nil {
		return nil, err
	}
	conn, err := pods.Dial(ctx, id.Namespace, id.Pod, enrolled.Port)
	if err != nil {
		return nil, fmt.Errorf("forwarding the agent's port: %w", err)
	}
	return speak(ctx, conn, key)
}

// speak makes an Agent of a connection.
func speak(ctx context.Context, conn io.ReadWriteCloser, key []byte) (Agent, error) {
	c, err := client.New(ctx, conn, key)
	if err != nil {
		return nil, err // not a nil Client in an Agent
	}
	return c, nil
}

// Containers reach into containers that have no address of their own.
type Containers interface {
	// Exec runs a command in a container, with its stdin and stdout as a stream.
	Exec(ctx context.Context, container string, argv []string) (io.ReadWriteCloser, error)
}

// ConnectByExec is Connect for a container of docker's: the stream of the exec
// that enrols carries the connection, too.
func ConnectByExec(ctx context.Context, containers Containers, owner string, id engine.TargetID) (Agent, error) {
	key := client.NewKey()
	stream, err := containers.Exec(ctx, id.Pod, client.RelayCommand(id.Container, owner))
	if err != nil {
		return nil, fmt.Errorf("enrolling by exec: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	relayed, err := enrol(stream, key)
	if err != nil {
		stream.Close()
		return nil, fmt.Errorf("enrolling by exec: %w", err)
	}
	return speak(ctx, relayed, key)
}

// maxEnrolled bounds the answer to an enrolment, in bytes.
const maxEnrolled = 4 << 10

// enrol hands a key to an agent that relays, and returns what follows.
func enrol(stream io.ReadWriteCloser, key []byte) (io.ReadWriteCloser, error) {
	if _, err := stream.Write(client.EnrollInput(key)); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(stream, maxEnrolled)
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errors.New("the answer has no end")
	}
	if err != nil {
		return nil, err
	}
	if _, err := client.ParseEnrolled(line); err != nil {
		return nil, err
	}
	return relayed{in, stream}, nil
}

// relayed is a stream of which some was read already.
type relayed struct {
	io.Reader
	io.WriteCloser
}
