package daptest

import (
	"context"
	"errors"
	"fmt"
)

// Source is a source file.
type Source struct {
	Name string `json:"name,omitempty"`
	Path string `json:"path,omitempty"`
}

// Breakpoint is what a server says of a breakpoint.
type Breakpoint struct {
	ID       int    `json:"id"`
	Verified bool   `json:"verified"`
	Message  string `json:"message"`
	Line     int    `json:"line"`
	Source   Source `json:"source"`
}

// Stopped is the body of the event of that name.
type Stopped struct {
	Reason           string `json:"reason"`
	Description      string `json:"description"`
	Text             string `json:"text"`
	ThreadID         int    `json:"threadId"`
	HitBreakpointIDs []int  `json:"hitBreakpointIds"`
}

// Frame is one call of a stack.
type Frame struct {
	ID     int    `json:"id"`
	Name   string `json:"name"`
	Line   int    `json:"line"`
	Source Source `json:"source"`
}

// Scope is a group of variables of a frame.
type Scope struct {
	Name      string `json:"name"`
	Variables int    `json:"variablesReference"`
}

// Variable is a name and its value.
type Variable struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	Type     string `json:"type"`
	Children int    `json:"variablesReference"`
}

// Thread is one thread; of a Go program, a goroutine.
type Thread struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// Initialize introduces the client and returns what the server can do.
func (c *Client) Initialize(ctx context.Context) (map[string]any, error) {
	var capabilities map[string]any
	err := c.Call(ctx, "initialize", map[string]any{
		"clientID": "daptest", "adapterID": "towline", "pathFormat": "path",
		"linesStartAt1": true, "columnsStartAt1": true, "supportsVariableType": true,
		"supportsInvalidatedEvent": true,
	}, &capabilities)
	return capabilities, err
}

// Attach attaches and waits until the server wants to know the breakpoints.
func (c *Client) Attach(ctx context.Context, args map[string]any) error {
	return c.begin(ctx, "attach", args)
}

// Launch is Attach for the request of that name.
func (c *Client) Launch(ctx context.Context, args map[string]any) error {
	return c.begin(ctx, "launch", args)
}

func (c *Client) begin(ctx context.Context, command string, args map[string]any) error {
	if err := c.Call(ctx, command, args, nil); err != nil {
		return err
	}
	return c.Event(ctx, "initialized", nil, nil)
}

// SetBreakpoints replaces the breakpoints of a file.
func (c *Client) SetBreakpoints(ctx context.Context, path string, lines ...int) ([]Breakpoint, error) {
	wanted := make([]map[string]int, 0, len(lines))
	for _, line := range lines {
		wanted = append(wanted, map[string]int{"line": line})
	}
	var body struct {
		Breakpoints []Breakpoint `json:"breakpoints"`
	}
	err := c.Call(ctx, "setBreakpoints", map[string]any{
		"source": Source{Path: path}, "breakpoints": wanted,
	}, &body)
	if err == nil && len(body.Breakpoints) != len(lines) {
		err = fmt.Errorf("setBreakpoints: %d breakpoints for %d lines", len(body.Breakpoints), len(lines))
	}
	return body.Breakpoints, err
}

// ConfigurationDone lets the program run.
func (c *Client) ConfigurationDone(ctx context.Context) error {
	return c.Call(ctx, "configurationDone", nil, nil)
}

// WaitStopped waits until the program stops.
func (c *Client) WaitStopped(ctx context.Context) (Stopped, error) {
	var s Stopped
	err := c.Event(ctx, "stopped", nil, &s)
	return s, err
}

// StackTrace returns the calls of a stopped thread, the innermost first.
func (c *Client) StackTrace(ctx context.Context, thread int) ([]Frame, error) {
	var body struct {
		Frames []Frame `json:"stackFrames"`
	}
	err := c.Call(ctx, "stackTrace", map[string]int{"threadId": thread, "levels": 20}, &body)
	if err == nil && len(body.Frames) == 0 {
		err = errors.New("stackTrace: no frames")
	}
	return body.Frames, err
}

// Scopes returns the groups of variables of a frame.
func (c *Client) Scopes(ctx context.Context, frame int) ([]Scope, error) {
	var body struct {
		Scopes []Scope `json:"scopes"`
	}
	err := c.Call(ctx, "scopes", map[string]int{"frameId": frame}, &body)
	return body.Scopes, err
}

// Variables returns the variables behind a reference.
func (c *Client) Variables(ctx context.Context, reference int) ([]Variable, error) {
	var body struct {
		Variables []Variable `json:"variables"`
	}
	err := c.Call(ctx, "variables", map[string]int{"variablesReference": reference}, &body)
	return body.Variables, err
}

// Local returns the value of a variable of a frame, whatever its scope.
func (c *Client) Local(ctx context.Context, frame int, name string) (string, error) {
	scopes, err := c.Scopes(ctx, frame)
	if err != nil {
		return "", err
	}
	for _, scope := range scopes {
		variables, err := c.Variables(ctx, scope.Variables)
		if err != nil {
			return "", err
		}
		for _, v := range variables {
			if v.Name == name {
				return v.Value, nil
			}
		}
	}
	return "", fmt.Errorf("no variable %s in frame %d", name, frame)
}

// Evaluate returns the value of an expression in a frame.
func (c *Client) Evaluate(ctx context.Context, frame int, expression string) (string, error) {
	var body struct {
		Result string `json:"result"`
	}
	err := c.Call(ctx, "evaluate", map[string]any{"frameId": frame, "expression": expression, "context": "watch"}, &body)
	return body.Result, err
}

// Threads returns the threads of the program.
func (c *Client) Threads(ctx context.Context) ([]Thread, error) {
	var body struct {
		Threads []Thread `json:"threads"`
	}
	err := c.Call(ctx, "threads", nil, &body)
	return body.Threads, err
}

// Next steps over one line; WaitStopped tells where it ended.
func (c *Client) Next(ctx context.Context, thread int) error {
	return c.Call(ctx, "next", map[string]int{"threadId": thread}, nil)
}

// Continue lets a stopped program run.
func (c *Client) Continue(ctx context.Context, thread int) error {
	return c.Call(ctx, "continue", map[string]int{"threadId": thread}, nil)
}

// Disconnect ends the session; the program runs on.
func (c *Client) Disconnect(ctx context.Context) error {
	return c.Call(ctx, "disconnect", nil, nil)
}
