package play

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Caller speaks with a program of the stories: one line on each connection.
type Caller struct {
	// Addr returns where the program listens now; "" is not yet.
	Addr func() string

	conn net.Conn // of the last line
}

// Say sends a line, as soon as the program listens.
func (c *Caller) Say(ctx context.Context, line string) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = conn
	_, err = io.WriteString(conn, line+"\n")
	return err
}

func (c *Caller) dial(ctx context.Context) (net.Conn, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Conn(nil), error(nil)
		if addr := c.Addr(); addr != "" {
			conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
		if conn != nil || err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return conn, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the program does not listen: %w, %v", ctx.Err(), err)
		}
	}
}

// Answer returns what the program answers.
func (c *Caller) Answer(ctx context.Context) (string, error) {
	if c.conn == nil {
		return "", errors.New("nothing was said to it")
	}
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	line, err := bufio.NewReader(c.conn).ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// Crash has the program kill itself, and returns when it has.
func (c *Caller) Crash(ctx context.Context) error {
	if err := c.Say(ctx, "crash"); err != nil {
		return err
	}
	if got, err := c.Answer(ctx); err == nil {
		return fmt.Errorf("the program lives, and says %q", got)
	}
	return ctx.Err()
}
