// Package cdp is a client of the Chrome DevTools Protocol as Node.js speaks it:
// the few methods and types that a debugger needs, and calls that wait.
//
// A process has one connection, and on it one session for its main thread and
// one for each worker thread, whose messages are wrapped in those of the main
// one.
package cdp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// The limits of what is accepted, in bytes: of the list of targets, of a
// message, and of the events that nobody has taken yet.
const (
	maxList    = 1 << 20
	MaxMessage = 128 << 20
	maxQueued  = 256 << 20
)

// ErrClosed is wrapped by the errors of calls on a connection that has ended.
var ErrClosed = errors.New("the connection to the inspector ended")

// Error is an error that the inspector answers.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Dial asks the inspector behind conn for its process and opens its session, on
// the same connection. It takes conn over.
func Dial(ctx context.Context, conn net.Conn) (*Conn, error) {
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	address, err := target(conn)
	var ws *websocket.Conn
	if err == nil {
		dialer := websocket.Dialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
		ws, _, err = dialer.DialContext(ctx, address, nil)
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("opening the inspector: %w", err)
	}
	ws.SetReadLimit(MaxMessage)
	return newConn(ws), nil
}

// target returns the address of the process's WebSocket. The inspector refuses
// any Host but an address or localhost, and gives the address below that.
func target(conn net.Conn) (string, error) {
	if _, err := io.WriteString(conn, "GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxList)), nil)
	if err != nil {
		return "", fmt.Errorf("asking for its targets: %w", err)
	}
	defer resp.Body.Close()
	var list []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if resp.ContentLength < 0 || resp.ContentLength > maxList {
		return "", fmt.Errorf("asking for its targets: %d bytes are announced", resp.ContentLength)
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	if err != nil {
		return "", fmt.Errorf("asking for its targets: %w", err)
	}
	for _, t := range list {
		if u, err := url.Parse(t.URL); err == nil && t.Type == "node" && u.Path != "" {
			return "ws://localhost" + u.EscapedPath(), nil
		}
	}
	return "", errors.New("it has no process that can be debugged: another debugger may be connected")
}
