package cdp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// writeTime is what sending a message may take.
const writeTime = 30 * time.Second

// closeTime is what the inspector may take to hear that the connection ends.
const closeTime = time.Second

// Main is the session of the main thread.
const Main = ""

// Event is something that the inspector tells of.
type Event struct {
	Session string // the thread's, Main or that of a worker
	Method  string
	Params  json.RawMessage
}

// Conn is a connection to one process. Its methods may be called concurrently.
// Its one goroutine reads, and ends with Close or the connection.
type Conn struct {
	ws      *websocket.Conn
	done    chan struct{} // closed when reading has ended
	writing sync.Mutex

	mu      sync.Mutex
	seq     int
	pending map[int]call
	workers map[string]bool // the sessions of those that live
	events  []Event
	size    int           // of the events, in bytes
	more    chan struct{} // holds one when there are events
	err     error         // why reading ended
}

// call is one that the inspector has not answered.
type call struct {
	session string
	answer  chan<- reply
}

// frame is a message of the protocol.
type frame struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Error          `json:"error,omitempty"`
}

type reply struct {
	result json.RawMessage
	err    error
}

func newConn(ws *websocket.Conn) *Conn {
	c := &Conn{ws: ws, done: make(chan struct{}), pending: map[int]call{}, workers: map[string]bool{}, more: make(chan struct{}, 1)}
	go c.read()
	return c
}

// Close ends the connection; V8 then forgets the breakpoints and lets the
// process run. What the inspector still says is read for a while.
func (c *Conn) Close() {
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(closeTime))
	select {
	case <-c.done:
	case <-time.After(closeTime):
	}
	c.ws.Close()
	<-c.done
}

// Abort ends the connection without a word, and with it whatever waits for it.
func (c *Conn) Abort() { c.ws.Close() }

// Call calls a method in a session and decodes its result into out, unless that
// is nil.
func (c *Conn) Call(ctx context.Context, session, method string, params, out any) error {
	answer := make(chan reply, 1)
	id, err := c.send(session, method, params, answer)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case r := <-answer:
		if r.err == nil && out != nil {
			r.err = json.Unmarshal(r.result, out)
		}
		if r.err != nil {
			return fmt.Errorf("%s: %w", method, r.err)
		}
		return nil
	case <-ctx.Done():
		c.forget(id)
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

func (c *Conn) send(session, method string, params any, answer chan<- reply) (int, error) {
	args, err := json.Marshal(params)
	if err != nil {
		return 0, err
	}
	if params == nil {
		args = nil
	}
	id, err := c.expect(session, answer)
	if err != nil {
		return 0, err
	}
	if err := c.write(session, frame{ID: id, Method: method, Params: args}); err != nil {
		c.forget(id)
		return 0, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return id, nil
}

// errThread says that a worker is gone.
var errThread = fmt.Errorf("%w: its thread ended", ErrClosed)

// expect notes that an answer is waited for, and returns its number.
func (c *Conn) expect(session string, answer chan<- reply) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if session != Main && !c.workers[session] {
		return 0, errThread
	}
	c.seq++
	c.pending[c.seq] = call{session, answer}
	return c.seq, nil
}

// write sends a frame, wrapped for a worker. Nobody waits for the answer to what
// carries it: that a worker is gone is told by an event.
func (c *Conn) write(session string, f frame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if session != Main {
		inner, err := json.Marshal(map[string]string{"sessionId": session, "message": string(data)})
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.seq++
		f = frame{ID: c.seq, Method: "NodeWorker.sendMessageToWorker", Params: inner}
		c.mu.Unlock()
		return c.write(Main, f)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTime))
	return c.ws.WriteMessage(websocket.TextMessage, data)
}

func (c *Conn) forget(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// Next waits for the next event.
func (c *Conn) Next(ctx context.Context) (Event, error) {
	for {
		c.mu.Lock()
		e, ok := c.first()
		err := c.err
		c.mu.Unlock()
		if ok {
			return e, nil
		}
		if err != nil {
			return Event{}, err
		}
		select {
		case <-c.more:
		case <-c.done:
		case <-ctx.Done():
			return Event{}, context.Cause(ctx)
		}
	}
}

func (c *Conn) read() {
	defer close(c.done)
	for {
		_, data, err := c.ws.ReadMessage()
		if err == nil {
			err = c.take(Main, data)
		}
		if err != nil {
			c.end(fmt.Errorf("%w: %w", ErrClosed, err))
			c.ws.Close()
			return
		}
	}
}

// end answers whoever waits.
func (c *Conn) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for id, p := range c.pending {
		p.answer <- reply{err: err}
		delete(c.pending, id)
	}
}

// take handles a message of a session. The error is one after which the
// connection is of no use.
func (c *Conn) take(session string, data []byte) error {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("reading a message of the inspector: %w", err)
	}
	if f.Method == "NodeWorker.receivedMessageFromWorker" && session == Main {
		var inner struct {
			SessionID string `json:"sessionId"`
			Message   string `json:"message"`
		}
		if err := json.Unmarshal(f.Params, &inner); err != nil {
			return fmt.Errorf("reading a message of a worker: %w", err)
		}
		if inner.SessionID == Main {
			return errors.New("a message of a worker names none")
		}
		return c.take(inner.SessionID, []byte(inner.Message))
	}
	if session == Main && (f.Method == "NodeWorker.attachedToWorker" || f.Method == "NodeWorker.detachedFromWorker") {
		if err := c.note(f); err != nil {
			return err
		}
	}
	if f.Method != "" {
		return c.queue(Event{session, f.Method, f.Params})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pending[f.ID]
	if !ok || p.session != session {
		return nil // it was given up
	}
	delete(c.pending, f.ID)
	r := reply{result: f.Result}
	if f.Error != nil {
		r.err = f.Error
	}
	p.answer <- r
	return nil
}

func (c *Conn) queue(e Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += len(e.Params); c.size > maxQueued {
		return fmt.Errorf("more than %d bytes of events wait", maxQueued)
	}
	c.events = append(c.events, e)
	select {
	case c.more <- struct{}{}:
	default:
	}
	return nil
}

// note notes that a worker came, or that one went: the calls that wait in its
// session are answered at once, since whoever takes the events may be one of them.
func (c *Conn) note(f frame) error {
	var worker struct {
		SessionID string `json:"sessionId"`
	}
	if err := json.Unmarshal(f.Params, &worker); err != nil {
		return fmt.Errorf("reading %s: %w", f.Method, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Method == "NodeWorker.attachedToWorker" {
		c.workers[worker.SessionID] = true
		return nil
	}
	delete(c.workers, worker.SessionID)
	for id, p := range c.pending {
		if p.session == worker.SessionID && p.session != Main {
			p.answer <- reply{err: errThread}
			delete(c.pending, id)
		}
	}
	return nil
}

// Ready returns the next event if there is one.
func (c *Conn) Ready() (Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first()
}

// first takes the first event. mu is held.
func (c *Conn) first() (Event, bool) {
	if len(c.events) == 0 {
		return Event{}, false
	}
	e := c.events[0]
	c.events[0] = Event{}
	c.events = c.events[1:]
	c.size -= len(e.Params)
	return e, true
}

// Drop forgets the events that wait.
func (c *Conn) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events, c.size = nil, 0
}
