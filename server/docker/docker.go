// Package docker reaches into the containers of a Docker Engine, or of what
// answers as one does, as podman's service: by its HTTP API, on whatever
// connections its Dial makes.
//
// Nothing is published for it, and nothing else is asked of the engine: services
// are brought up by the docker command, which knows what this does not have to.
package docker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Engine is a Docker Engine. Its methods may be called concurrently.
type Engine struct {
	// Dial makes a connection to the engine, which is a request's own.
	Dial func(ctx context.Context) (io.ReadWriteCloser, error)
}

// maxAnswer bounds the answer to a request, in bytes.
const maxAnswer = 1 << 20

// requestTimeout ends a request that is answered at once, when its context does not.
const requestTimeout = 10 * time.Second

// Exec runs a command in a container, as its user, and returns its stdin and
// stdout as a stream, which ends with the command. Closing it ends its stdin.
func (e Engine) Exec(ctx context.Context, container string, argv []string) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var made struct{ ID string }
	err := e.ask(ctx, http.MethodPost, "/containers/"+url.PathEscape(container)+"/exec", map[string]any{
		"AttachStdin": true, "AttachStdout": true, "AttachStderr": true, "Cmd": argv,
	}, &made)
	if err != nil {
		return nil, err
	}
	conn, in, err := e.send(ctx, http.MethodPost, "/exec/"+url.PathEscape(made.ID)+"/start", map[string]any{}, "tcp")
	if err != nil {
		return nil, err
	}
	return &stream{conn: conn, in: in, ended: func(said string) error { return e.why(made.ID, argv, said) }}, nil
}

// why says why a command's stream ended before who reads it was content.
func (e Engine) why(id string, argv []string, said string) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	var state struct {
		Running  bool
		ExitCode int
	}
	if err := e.ask(ctx, http.MethodGet, "/exec/"+url.PathEscape(id)+"/json", nil, &state); err != nil || state.Running || state.ExitCode == 0 && said == "" {
		return io.EOF
	}
	return fmt.Errorf("%s ended with exit code %d: %s: %w", argv[0], state.ExitCode, said, io.EOF)
}

// ask makes a request and reads its answer.
func (e Engine) ask(ctx context.Context, method, path string, body, answer any) error {
	conn, in, err := e.send(ctx, method, path, body, "")
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := json.NewDecoder(io.LimitReader(in, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("reading docker's answer to %s: %w", path, err)
	}
	return nil
}

// send makes a request on a connection of its own. With upgrade the connection
// goes on as the stream that was asked for; in is what comes by it.
func (e Engine) send(ctx context.Context, method, path string, body any, upgrade string) (conn io.ReadWriteCloser, in io.Reader, err error) {
	text := []byte(nil)
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return nil, nil, fmt.Errorf("writing a request to docker: %w", err)
		}
	}
	r, err := http.NewRequest(method, "http://docker"+path, bytes.NewReader(text))
	if err != nil {
		return nil, nil, fmt.Errorf("making a request to docker: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Close = upgrade == ""
	if upgrade != "" {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", upgrade)
	}
	if conn, err = e.Dial(ctx); err != nil {
		return nil, nil, fmt.Errorf("reaching docker: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	reader := bufio.NewReader(conn)
	in, err = exchange(conn, reader, r, upgrade != "")
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("asking docker for %s: %w", path, ctx.Err())
		}
		return nil, nil, err
	}
	return conn, in, nil
}

// exchange writes a request and reads the head of its answer. in is its body, or
// what the connection carries from then on.
func exchange(conn io.Writer, reader *bufio.Reader, r *http.Request, upgrade bool) (in io.Reader, err error) {
	if err := r.Write(conn); err != nil {
		return nil, fmt.Errorf("asking docker for %s: %w", r.URL.Path, err)
	}
	answer, err := http.ReadResponse(reader, r)
	if err != nil {
		return nil, fmt.Errorf("reading docker's answer to %s: %w", r.URL.Path, err)
	}
	switch {
	case answer.StatusCode == http.StatusSwitchingProtocols, upgrade && answer.StatusCode == http.StatusOK:
		return reader, nil // the raw stream, whatever it calls it
	case answer.StatusCode/100 == 2:
		return answer.Body, nil
	}
	return nil, refusal(r.URL.Path, answer)
}

// refusal is what an engine says of a request that it does not fulfil.
func refusal(path string, answer *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
	var said struct{ Message, Cause string }
	if json.Unmarshal(text, &said) != nil || said.Message == "" {
		said.Message = strings.TrimSpace(string(text))
	}
	if said.Message == "" {
		return fmt.Errorf("docker answers %s to %s", answer.Status, path)
	}
	return errors.New("docker: " + said.Message)
}
