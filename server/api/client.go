package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// The routes of the API, in the order of Client's methods.
const (
	RouteStatus   = "/v1/status"
	RouteWatch    = "/v1/watch"
	RouteLogs     = "/v1/logs"
	RouteProject  = "/v1/project"
	RouteAllow    = "/v1/allow"
	RouteAnswer   = "/v1/answer"
	RouteUp       = "/v1/up"
	RouteArgs     = "/v1/args"
	RouteDown     = "/v1/down"
	RouteHint     = "/v1/hint"
	RouteLook     = "/v1/look"
	RouteSwitch   = "/v1/switch"
	RouteTrigger  = "/v1/trigger"
	RouteButton   = "/v1/button"
	RouteRestart  = "/v1/restart"
	RouteDebug    = "/v1/debug"
	RouteDial     = "/v1/dial"
	RouteShutdown = "/v1/shutdown"
)

// Protocol is the Upgrade token of the raw streams.
const Protocol = "towline"

// SessionHeader carries the DebugSession of an upgraded connection, as JSON.
const SessionHeader = "Towline-Session"

// Client talks to one daemon. Its methods may be called concurrently.
type Client struct {
	endpoint Endpoint
	http     *http.Client
}

// NewClient returns a client of the daemon that listens on the endpoint's
// socket. It does not connect; see Connect.
func NewClient(e Endpoint) *Client {
	connect := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial(ctx, e)
	}
	return &Client{
		endpoint: e,
		http:     &http.Client{Transport: &http.Transport{DialContext: connect, MaxIdleConnsPerHost: 8}},
	}
}

// Status returns the daemon's current snapshot.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodGet, RouteStatus, nil, &s)
	return s, err
}

// Project returns the last good project, or the failed one when there is none.
func (c *Client) Project(ctx context.Context) (*config.Project, error) {
	var p *config.Project
	err := c.call(ctx, http.MethodGet, RouteProject, nil, &p)
	return p, err
}

// Logs calls visit with the kept lines that the request selects and, when it
// follows, with each new one.
func (c *Client) Logs(ctx context.Context, req LogsRequest, visit func(LogLine) error) error {
	return stream(ctx, c, RouteLogs, req, visit)
}

// Allow evaluates the Tiltfile for a person who wants it to run its commands.
// It may run them by itself from then on, as long as what it read stays as it
// is. Otherwise a project that is not up is only read.
func (c *Client) Allow(ctx context.Context) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodPost, RouteAllow, nil, &s)
	return s, err
}

// Answer answers a question of Status.Asks.
func (c *Client) Answer(ctx context.Context, req AnswerRequest) error {
	return c.call(ctx, http.MethodPost, RouteAnswer, req, nil)
}

// Up brings the project up. It returns once the Tiltfile is evaluated and the
// cluster is allowed; Watch tells of the rest.
func (c *Client) Up(ctx context.Context, req UpRequest) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodPost, RouteUp, req, &s)
	return s, err
}

// SetArgs replaces the arguments that the Tiltfile of a project that is up was
// given, and the choice of resources with them. It returns when the Tiltfile is
// evaluated with them; when that fails, the old ones stay in force.
func (c *Client) SetArgs(ctx context.Context, args ...string) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodPost, RouteArgs, ArgsRequest{Args: args}, &s)
	return s, err
}

// Down deletes what Up applied and returns when it is gone.
func (c *Client) Down(ctx context.Context, req DownRequest) error {
	return c.call(ctx, http.MethodPost, RouteDown, req, nil)
}

// Noticed is Hint for files that something else than a person's save changed: a
// command that runs may be writing them.
func (c *Client) Noticed(ctx context.Context, paths ...string) error {
	return c.call(ctx, http.MethodPost, RouteHint, HintRequest{Paths: paths, Outside: true}, nil)
}

// Hint says that a person saved files, and when they last typed into them; zero where
// nobody saw it. It returns when the hint is noted,
// not when the change has arrived anywhere.
func (c *Client) Hint(ctx context.Context, typed time.Time, paths ...string) error {
	return c.call(ctx, http.MethodPost, RouteHint, HintRequest{Paths: paths, Typed: typed}, nil)
}

// Look has the daemon look at all files that the project depends on, and returns when
// the status shows what changed: all that was written before is known then.
func (c *Client) Look(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, RouteLook, nil, nil)
}

// Switch turns resources of a project that is up on, with what they depend on,
// or off: until Down, whatever the Tiltfile enables.
func (c *Client) Switch(ctx context.Context, on bool, resources ...string) error {
	return c.call(ctx, http.MethodPost, RouteSwitch, SwitchRequest{Resources: resources, On: on}, nil)
}

// Trigger forces a full update of a resource.
func (c *Client) Trigger(ctx context.Context, resource string) error {
	return c.call(ctx, http.MethodPost, RouteTrigger, ResourceRequest{Resource: resource}, nil)
}

// Press presses a button: its command runs with what was filled in.
func (c *Client) Press(ctx context.Context, r ButtonRequest) error {
	return c.call(ctx, http.MethodPost, RouteButton, r, nil)
}

// Restart restarts a resource's processes in place, in the containers that
// they run in.
func (c *Client) Restart(ctx context.Context, resource string) error {
	return c.call(ctx, http.MethodPost, RouteRestart, ResourceRequest{Resource: resource}, nil)
}

// Shutdown ends the daemon; what runs in the cluster stays.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, RouteShutdown, nil, nil)
}

// Debug opens a stream that speaks DAP with a debugger in the container. The
// caller closes it; ctx bounds only the opening.
func (c *Client) Debug(ctx context.Context, req DebugRequest) (net.Conn, DebugSession, error) {
	var session DebugSession
	conn, header, err := c.upgrade(ctx, RouteDebug, req)
	if err != nil {
		return nil, session, err
	}
	if err := json.Unmarshal([]byte(header.Get(SessionHeader)), &session); err != nil {
		conn.Close()
		return nil, session, fmt.Errorf("reading the debugging session's description: %w", err)
	}
	return conn, session, nil
}

// Dial connects to a port of a resource's pod, as one of its port-forwards
// does. The caller closes the connection; ctx bounds only the opening.
func (c *Client) Dial(ctx context.Context, req DialRequest) (net.Conn, error) {
	conn, _, err := c.upgrade(ctx, RouteDial, req)
	return conn, err
}

// Unanswered says why nothing answered on the last connection that Dial made to a port;
// nil where something did, or that is not known.
func (c *Client) Unanswered(ctx context.Context, req DialRequest) error {
	req.Why = true
	err := c.call(ctx, http.MethodPost, RouteDial, req, nil)
	if problem := (*config.Problem)(nil); errors.As(err, &problem) {
		return problem
	}
	return nil // the daemon has gone
}

// upgrade opens the raw stream that a request asks for. ctx bounds only the
// opening.
func (c *Client) upgrade(ctx context.Context, route string, in any) (net.Conn, http.Header, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	conn, err := dial(ctx, c.endpoint)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	raw, header, err := upgrade(conn, route, body)
	if err != nil || !stop() {
		conn.Close()
		return nil, nil, errors.Join(ctx.Err(), err)
	}
	return raw, header, nil
}

// upgrade sends a request on conn and turns the connection into the raw stream
// behind it.
func upgrade(conn net.Conn, route string, body []byte) (net.Conn, http.Header, error) {
	req, err := http.NewRequest(http.MethodPost, "http://daemon"+route, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", Protocol)
	if err := req.Write(conn); err != nil {
		return nil, nil, fmt.Errorf("asking the daemon for a stream: %w", err)
	}
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, req)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, nil, failure(resp)
	}
	return NewRawConn(conn, reader), resp.Header, nil
}

// rawConn is a connection whose first bytes were read ahead.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

// NewRawConn returns the raw stream of a connection that was HTTP's, on either
// side of it. read has what was read ahead.
func NewRawConn(conn net.Conn, read *bufio.Reader) net.Conn { return &rawConn{conn, read} }

func (c *rawConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// CloseWrite tells the other side that nothing follows.
func (c *rawConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// call sends one request and decodes the answer into out unless it is nil.
func (c *Client) call(ctx context.Context, method, route string, in, out any) error {
	resp, err := c.send(ctx, method, route, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the daemon's answer to %s: %w", route, err)
	}
	return nil
}

// send sends one request; an answer that is not a success becomes an error.
func (c *Client) send(ctx context.Context, method, route string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://daemon"+route, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if p, is := errors.AsType[*config.Problem](err); is {
		return nil, p // what dial says to a person
	}
	if err != nil {
		return nil, fmt.Errorf("asking the daemon %s: %w", route, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, failure(resp)
	}
	return resp, nil
}

// stream sends one request and visits each line of the answer.
func stream[T any](ctx context.Context, c *Client, route string, in any, visit func(T) error) error {
	resp, err := c.send(ctx, http.MethodPost, route, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var v T
		if err := dec.Decode(&v); err != nil {
			if errors.Is(err, io.EOF) && ctx.Err() == nil {
				return nil
			}
			return errors.Join(ctx.Err(), err)
		}
		if err := visit(v); err != nil {
			return err
		}
	}
}

// failure turns an unsuccessful answer into the *config.Problem that it
// carries.
func failure(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	var f Failure
	if json.Unmarshal(data, &f) == nil && f.Problem.Message != "" {
		return &f.Problem
	}
	return fmt.Errorf("the daemon answered %s: %s", resp.Status, bytes.TrimSpace(data))
}
