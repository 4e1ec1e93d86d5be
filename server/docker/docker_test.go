package docker

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// frame is a piece of a command's output as an engine sends it.
func frame(stream byte, text string) []byte {
	head := make([]byte, 8, 8+len(text))
	head[0] = stream
	binary.BigEndian.PutUint32(head[4:], uint32(len(text)))
	return append(head, text...)
}

// engine is an Engine whose containers run one command: it says what it is told,
// after a word on stderr, until that is "end".
func engine(t *testing.T) Engine {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /containers/{name}/exec", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Cmd []string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if name := r.PathValue("name"); name != "web" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":"No such container: %s"}`, name)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]string{"Id": asked.Cmd[0]})
	})
	mux.HandleFunc("GET /exec/{id}/json", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"Running":false,"ExitCode":3}`)
	})
	mux.HandleFunc("POST /exec/{id}/start", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody sees that the client goes
		if r.PathValue("id") == "hangs" {
			<-r.Context().Done()
			return
		}
		conn, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
		_, _ = conn.Write(frame(2, "no such key\n"))
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "end\n" {
				return
			}
			_, _ = conn.Write(append(frame(1, line[:1]), frame(1, line[1:])...))
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Cleanup(s.CloseClientConnections)
	return Engine{Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
	}}
}

func TestExec(t *testing.T) {
	stream, err := engine(t).Exec(t.Context(), "web", []string{"agent", "enroll"})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, text := range []string{"hello\n", "again\n"} {
		if _, err := io.WriteString(stream, text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(stream, got); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	_, _ = io.WriteString(stream, "end\n")
	_, err = stream.Read(make([]byte, 1))
	if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "agent ended with exit code 3: no such key") {
		t.Errorf("at its end: %v", err)
	}
}

func TestExecRefused(t *testing.T) {
	if _, err := engine(t).Exec(t.Context(), "gone", []string{"agent"}); err == nil || err.Error() != "docker: No such container: gone" {
		t.Errorf("a container that is not there: %v", err)
	}
	lost := Engine{Dial: func(context.Context) (io.ReadWriteCloser, error) { return nil, errors.New("no such file") }}
	if _, err := lost.Exec(t.Context(), "web", []string{"agent"}); err == nil || !strings.Contains(err.Error(), "reaching docker: no such file") {
		t.Errorf("without an engine: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := engine(t).Exec(ctx, "web", []string{"hangs"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that does not answer: %v", err)
	}
}

// FuzzStream: whatever an engine sends, reading it ends, and no more is kept of it
// than is said.
func FuzzStream(f *testing.F) {
	f.Add(append(frame(2, "words"), frame(1, "text")...))
	f.Add([]byte{1, 0, 0, 0, 255, 255, 255, 255, 'a'})
	f.Add([]byte{2, 0, 0, 0, 255, 255, 255, 255, 'a'})
	f.Add([]byte("HTTP/1.1 500"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &stream{in: bytes.NewReader(data), ended: func(said string) error {
			if len(said) > maxSaid {
				t.Errorf("%d bytes are kept", len(said))
			}
			return io.EOF
		}}
		if n, _ := io.Copy(io.Discard, s); n > int64(len(data)) {
			t.Errorf("%d bytes of %d", n, len(data))
		}
	})
}
