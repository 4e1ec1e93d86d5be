// Package editortest is a language client for tests and benchmarks: it speaks to
// a server over any stream, remembers everything that the server said, and
// checks each message against the protocol's metamodel.
//
// It shares no code with the server's side of the wire, so that a mistake
// there shows.
package editortest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/towline-dev/towline/server/protocol/metamodel"
)

// ErrClosed is returned when the server has closed the connection.
var ErrClosed = errors.New("the server closed the connection")

// Message is a notification or request of the server.
type Message struct {
	Method string
	ID     json.RawMessage // nil for a notification
	Params json.RawMessage
}

// Failure is an error that the server answered with.
type Failure struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// Error returns the server's message and code.
func (f *Failure) Error() string { return fmt.Sprintf("%s (%d)", f.Message, f.Code) }

// Editor is a language client. Its methods may be called concurrently.
//
// One goroutine reads until the server closes the connection.
type Editor struct {
	rwc     io.ReadWriteCloser
	session *metamodel.Session // nil: messages are not checked

	writeMu sync.Mutex

	mu       sync.Mutex
	nextID   int
	calls    map[string]chan Reply // by raw id
	received []Message             // of the server, in order
	problems []error               // of the metamodel
	answers  map[string]any        // results for requests of the server, by method; nil otherwise
	held     map[string]bool       // methods of the server that are answered by Reply alone
	changed  chan struct{}         // closed and replaced with each received message
	done     chan struct{}         // closed when the server closed the connection
}

// Reply is the answer to a request.
type Reply struct {
	result json.RawMessage
	err    error
}

// Result returns the answer's JSON, "" for an error.
func (r Reply) Result() string { return string(r.result) }

// Err returns the *Failure that the server answered with, or ErrClosed.
func (r Reply) Err() error { return r.err }

// New returns an editor on a connection to a server, which it owns, and which
// checks all messages.
func New(rwc io.ReadWriteCloser) (*Editor, error) {
	session, err := metamodel.NewSession()
	if err != nil {
		return nil, err
	}
	return start(rwc, session), nil
}

// NewUnchecked is New without checks, for benchmarks.
func NewUnchecked(rwc io.ReadWriteCloser) *Editor { return start(rwc, nil) }

func start(rwc io.ReadWriteCloser, session *metamodel.Session) *Editor {
	e := &Editor{
		rwc: rwc, session: session,
		calls: map[string]chan Reply{}, answers: map[string]any{}, held: map[string]bool{},
		changed: make(chan struct{}), done: make(chan struct{}),
	}
	go e.read()
	return e
}

// Answer sets the result that requests of the server with the given method
// get from now on; without one they get null.
func (e *Editor) Answer(method string, result any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[method] = result
}

// Hold leaves requests of the server with the given method unanswered, until Reply.
func (e *Editor) Hold(method string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[method] = true
}

// Reply answers a request of the server that was held.
func (e *Editor) Reply(m Message, result any) error {
	return e.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
}

// Call sends a request and decodes the answer into result unless it is nil.
func (e *Editor) Call(ctx context.Context, method string, params, result any) error {
	id, answer, err := e.Begin(method, params)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting for the answer to %s (%s): %w", method, id, ctx.Err())
	case r := <-answer:
		if r.err != nil {
			return fmt.Errorf("%s: %w", method, r.err)
		}
		if result == nil {
			return nil
		}
		if raw, ok := result.(*json.RawMessage); ok { // benchmarks measure the server
			*raw = r.result
			return nil
		}
		return json.Unmarshal(r.result, result)
	}
}

// Begin sends a request and returns its id and where its answer arrives.
func (e *Editor) Begin(method string, params any) (string, <-chan Reply, error) {
	e.mu.Lock()
	e.nextID++
	id := strconv.Itoa(e.nextID)
	answer := make(chan Reply, 1)
	e.calls[id] = answer
	e.mu.Unlock()
	err := e.send(map[string]any{"jsonrpc": "2.0", "id": json.RawMessage(id), "method": method, "params": params})
	return id, answer, err
}

// Notify sends a notification.
func (e *Editor) Notify(method string, params any) error {
	return e.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// Raw sends bytes as they are, without a header.
func (e *Editor) Raw(data []byte) error {
	e.writeMu.Lock()
	defer e.writeMu.Unlock()
	_, err := e.rwc.Write(data)
	return err
}

// Frame returns body behind a header.
func Frame(body []byte) []byte {
	return append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", len(body)), body...)
}

func (e *Editor) send(v any) error {
	if m, ok := v.(map[string]any); ok && m["params"] == nil {
		delete(m, "params")
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if e.session != nil {
		if err := e.session.FromClient(body); err != nil {
			return err
		}
	}
	return e.Raw(Frame(body))
}

// Await returns the first message of the server, from the given index on, that
// match accepts, and the index behind it. It waits for messages to come.
func (e *Editor) Await(ctx context.Context, from int, match func(Message) bool) (Message, int, error) {
	for {
		e.mu.Lock()
		received, changed := e.received, e.changed
		e.mu.Unlock()
		for ; from < len(received); from++ {
			if match(received[from]) {
				return received[from], from + 1, nil
			}
		}
		select {
		case <-changed:
		case <-e.done:
			e.mu.Lock()
			rest := len(e.received) > from
			e.mu.Unlock()
			if !rest {
				return Message{}, from, ErrClosed
			}
		case <-ctx.Done():
			return Message{}, from, ctx.Err()
		}
	}
}

// Mark returns the index that Await needs to see only later messages.
func (e *Editor) Mark() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.received)
}

// Received returns all messages of the server so far.
func (e *Editor) Received() []Message {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.received
}

// Problems returns what is wrong with the server's messages so far.
func (e *Editor) Problems() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.problems
}

// Done is closed when the server has closed the connection.
func (e *Editor) Done() <-chan struct{} { return e.done }

// Close closes the connection.
func (e *Editor) Close() error { return e.rwc.Close() }

// read receives messages until the connection ends.
func (e *Editor) read() {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		close(e.done)
		for id, answer := range e.calls {
			answer <- Reply{err: ErrClosed}
			delete(e.calls, id)
		}
	}()
	in := bufio.NewReaderSize(e.rwc, 1<<16)
	for {
		body, err := readFrame(in)
		if err != nil {
			return
		}
		e.receive(body)
	}
}

func readFrame(in *bufio.Reader) ([]byte, error) {
	length := -1
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(value); err != nil {
				return nil, err
			}
		}
	}
	if length < 0 {
		return nil, errors.New("a message without a length")
	}
	body := make([]byte, length)
	_, err := io.ReadFull(in, body)
	return body, err
}

// receive takes in one message of the server.
func (e *Editor) receive(body []byte) {
	var problem error
	if e.session != nil {
		problem = e.session.FromServer(body)
	} else if id, result, ok := plainAnswer(body); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		if answer := e.calls[id]; answer != nil {
			delete(e.calls, id)
			answer <- Reply{result: result}
		}
		return
	}
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
		Result json.RawMessage `json:"result"`
		Error  *Failure        `json:"error"`
	}
	err := json.Unmarshal(body, &m)
	e.mu.Lock()
	if problem = errors.Join(problem, err); problem != nil {
		e.problems = append(e.problems, fmt.Errorf("%w in %s", problem, bytes.TrimSpace(body[:min(len(body), 2000)])))
	}
	if m.Method == "" {
		if answer, ok := e.calls[string(m.ID)]; ok {
			delete(e.calls, string(m.ID))
			r := Reply{result: m.Result}
			if m.Error != nil {
				r.err = m.Error
			}
			answer <- r
		} else {
			e.add(Message{ID: m.ID, Params: body})
		}
		e.mu.Unlock()
		return
	}
	e.add(Message{Method: m.Method, ID: m.ID, Params: m.Params})
	result, held := e.answers[m.Method], e.held[m.Method]
	e.mu.Unlock()
	if m.ID != nil && !held {
		// Written beside the reader, as the server may not read until it is read.
		go func() { _ = e.Reply(Message{ID: m.ID}, result) }()
	}
}

// plainAnswer takes an answer apart that has no error, without a look at what it
// says: reading it would take longer than the server took to write it, and be
// measured with it.
func plainAnswer(body []byte) (id string, result []byte, ok bool) {
	rest, ok := bytes.CutPrefix(body, []byte(`{"jsonrpc":"2.0","id":`))
	if !ok {
		return "", nil, false
	}
	number, result, ok := bytes.Cut(rest, []byte(`,"result":`))
	if _, err := strconv.Atoi(string(number)); !ok || err != nil {
		return "", nil, false
	}
	result, ok = bytes.CutSuffix(result, []byte("}"))
	return string(number), result, ok
}

// add records a message and wakes Await. The caller holds e.mu.
func (e *Editor) add(m Message) {
	e.received = append(e.received, m)
	close(e.changed)
	e.changed = make(chan struct{})
}
