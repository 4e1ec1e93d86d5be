package agents

import (
	"bytes"
	"context"
	"fmt"
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
	c, err := client.New(ctx, conn, key)
	if err != nil {
		return nil, err // not a nil Client in an Agent
	}
	return c, nil
}
