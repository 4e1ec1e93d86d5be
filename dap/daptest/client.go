// Package daptest is a small client of the Debug Adapter Protocol: what an
// editor does, as calls that wait. Tests, benchmarks and the demo share it.
package daptest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/towline-dev/towline/dap/message"
)

// ErrRefused is wrapped by the errors of requests that were answered with a
// failure.
var ErrRefused = errors.New("refused")

// Client is one editor. Its methods may be called concurrently; each waits
// until it has what it asks for, ctx ends or the connection does. Its one
// goroutine reads, and ends with Close or the connection.
type Client struct {
	conn io.ReadWriteCloser

	mu      sync.Mutex
	seq     int
	answers map[int]chan message.Message
	events  []message.Message // not taken yet
	log     []message.Message // everything that was received
	changed chan struct{}     // closed and replaced when one of the above grows
	err     error             // of reading, once it ended
}

// NewClient returns a client of the server behind conn.
func NewClient(conn io.ReadWriteCloser) *Client {
	c := &Client{conn: conn, answers: map[int]chan message.Message{}, changed: make(chan struct{})}
	go c.read()
	return c
}

// Close ends the connection without a word.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) read() {
	r := bufio.NewReader(c.conn)
	for {
		m, err := message.Read(r)
		c.mu.Lock()
		if err != nil {
			c.err = fmt.Errorf("the connection ended: %w", err)
			c.wake()
			c.mu.Unlock()
			return
		}
		c.log = append(c.log, m)
		if m.Type == message.Event {
			c.events = append(c.events, m)
		} else if answer := c.answers[m.RequestSeq]; m.Type == message.Response && answer != nil {
			delete(c.answers, m.RequestSeq)
			answer <- m
		}
		c.wake()
		c.mu.Unlock()
	}
}

// wake tells everybody who waits to look again. mu is held.
func (c *Client) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Send sends a request and returns where its answer will arrive.
func (c *Client) Send(command string, args any) (<-chan message.Message, error) {
	answer := make(chan message.Message, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	c.answers[c.seq] = answer
	return answer, message.Write(c.conn, message.NewRequest(command, args).Renumbered(c.seq, 0))
}

// Call sends a request and decodes the body of its answer into out, unless
// that is nil.
func (c *Client) Call(ctx context.Context, command string, args, out any) error {
	answer, err := c.Send(command, args)
	if err != nil {
		return err
	}
	m, err := c.await(ctx, answer)
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if !m.Success {
		return fmt.Errorf("%s: %w: %s", command, ErrRefused, m.FailureText())
	}
	if out == nil || m.Payload() == nil {
		return nil
	}
	return json.Unmarshal(m.Payload(), out)
}

func (c *Client) await(ctx context.Context, answer <-chan message.Message) (message.Message, error) {
	for {
		c.mu.Lock()
		changed, ended := c.changed, c.err
		c.mu.Unlock()
		select {
		case m := <-answer:
			return m, nil
		default:
		}
		if ended != nil {
			return message.Message{}, ended
		}
		select {
		case m := <-answer:
			return m, nil
		case <-changed:
		case <-ctx.Done():
			return message.Message{}, ctx.Err()
		}
	}
}

// Event waits for an event of that name that fits, takes it and decodes its
// body into out. A nil fits takes any; nil out does not decode.
func (c *Client) Event(ctx context.Context, name string, fits func(message.Message) bool, out any) error {
	for {
		m, found, changed, ended := c.take(name, fits)
		switch {
		case found && out != nil && m.Payload() != nil:
			return json.Unmarshal(m.Payload(), out)
		case found:
			return nil
		case ended != nil:
			return fmt.Errorf("waiting for %s: %w", name, ended)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", name, ctx.Err())
		}
	}
}

func (c *Client) take(name string, fits func(message.Message) bool) (m message.Message, found bool, changed <-chan struct{}, ended error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range c.events {
		if m.Event == name && (fits == nil || fits(m)) {
			c.events = append(c.events[:i:i], c.events[i+1:]...)
			return m, true, nil, nil
		}
	}
	return message.Message{}, false, c.changed, c.err
}

// Received returns everything that was received so far.
func (c *Client) Received() []message.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]message.Message(nil), c.log...)
}
