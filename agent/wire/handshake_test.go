package wire_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

var (
	keyA = bytes.Repeat([]byte{1}, wire.KeySize)
	keyB = bytes.Repeat([]byte{2}, wire.KeySize)
)

// shake performs a handshake in which the agent knows the key under the id of
// the daemon's.
func shake(daemon, agent []byte) (id wire.KeyID, greetErr, acceptErr error) {
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		id, acceptErr = wire.Accept(b, func(wire.KeyID) []byte { return agent })
		b.Close()
	}()
	greetErr = wire.Greet(a, daemon)
	a.Close()
	<-done
	return id, greetErr, acceptErr
}

func TestHandshake(t *testing.T) {
	id, greetErr, acceptErr := shake(keyA, keyA)
	if greetErr != nil || acceptErr != nil || id != wire.KeyIDOf(keyA) {
		t.Errorf("same keys: daemon %v, agent %v, id %x", greetErr, acceptErr, id)
	}
	if _, greetErr, _ = shake(keyA, nil); !errors.Is(greetErr, wire.ErrNotEnrolled) {
		t.Errorf("unknown key: daemon %v, want ErrNotEnrolled", greetErr)
	}
	// An agent that has the id of a key but not the key is found out.
	if _, greetErr, acceptErr = shake(keyA, keyB); !errors.Is(greetErr, wire.ErrForged) || acceptErr == nil {
		t.Errorf("other key: daemon %v, agent %v, want ErrForged", greetErr, acceptErr)
	}
	if err := wire.Greet(nil, keyA[1:]); err == nil {
		t.Error("a short key was taken")
	}
}

// A daemon that knows the id of a key but not the key is found out by the agent.
func TestHandshakeForgedDaemon(t *testing.T) {
	id := wire.KeyIDOf(keyA)
	hello := append([]byte("towline\x00\x00\x01"), id[:]...)
	hello = append(hello, make([]byte, 32)...)
	conn := &script{in: bytes.NewReader(append(hello, make([]byte, 32)...))}
	if _, err := wire.Accept(conn, func(wire.KeyID) []byte { return keyA }); !errors.Is(err, wire.ErrForged) {
		t.Errorf("got %v, want ErrForged", err)
	}
}

// A recorded conversation is worth nothing the next time.
func TestHandshakeReplay(t *testing.T) {
	a, b := net.Pipe()
	said := &bytes.Buffer{}
	go wire.Greet(tee{a, said}, keyA)
	lookup := func(wire.KeyID) []byte { return keyA }
	if _, err := wire.Accept(b, lookup); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Accept(&script{in: bytes.NewReader(said.Bytes())}, lookup); !errors.Is(err, wire.ErrForged) {
		t.Errorf("the agent took a replay: %v", err)
	}
}

func TestHandshakeStrangers(t *testing.T) {
	tests := map[string]struct {
		reply string
		want  error
	}{
		"web server": {"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request", wire.ErrNotAgent},
		"silence":    {"", io.ErrUnexpectedEOF},
		"half":       {"towline\x00", io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		if err := wire.Greet(&script{in: bytes.NewReader([]byte(test.reply))}, keyA); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
	newer := append([]byte("towline\x00\x00\x09\x01"), make([]byte, 32)...)
	var version *wire.VersionError
	if err := wire.Greet(&script{in: bytes.NewReader(newer)}, keyA); !errors.As(err, &version) || version.Theirs != 9 {
		t.Errorf("newer agent: got %v, want a VersionError with 9", err)
	}
	older := append([]byte("towline\x00\x00\x00"), make([]byte, 48)...)
	if _, err := wire.Accept(&script{in: bytes.NewReader(older)}, nil); !errors.As(err, &version) || version.Theirs != 0 {
		t.Errorf("older daemon: got %v, want a VersionError with 0", err)
	}
}

// FuzzAccept: whatever a stranger says, the agent takes nobody in, and ends.
func FuzzAccept(f *testing.F) {
	f.Add([]byte("towline\x00\x00\x01"))
	f.Add(append([]byte("towline\x00\x00\x01"), make([]byte, 200)...))
	f.Fuzz(func(t *testing.T, said []byte) {
		_, err := wire.Accept(&script{in: bytes.NewReader(said)}, func(wire.KeyID) []byte { return keyA })
		if err == nil {
			t.Fatal("a stranger was taken in")
		}
	})
}

// FuzzGreet: the same from the daemon's side.
func FuzzGreet(f *testing.F) {
	f.Add(append([]byte("towline\x00\x00\x01\x00"), make([]byte, 200)...))
	f.Fuzz(func(t *testing.T, said []byte) {
		if err := wire.Greet(&script{in: bytes.NewReader(said)}, keyA); err == nil {
			t.Fatal("a stranger was taken for the agent")
		}
	})
}

// script is a connection whose other side says what was written beforehand.
type script struct{ in io.Reader }

func (s *script) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }

// tee copies what is written.
type tee struct {
	net.Conn
	said *bytes.Buffer
}

func (t tee) Write(p []byte) (int, error) {
	t.said.Write(p)
	return t.Conn.Write(p)
}
