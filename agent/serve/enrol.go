//go:build linux

package serve

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// enrolSocket is the name of the socket in the run folder through which the
// command `enroll`, run by exec, hands over a key.
const enrolSocket = "enroll.sock"

const (
	maxEnrolment = 4096
	maxOwner     = 256
	enrolTimeout = 5 * time.Second
)

// enrolment is what the command sends; the answer is wire.Enrolled or refusal.
type enrolment struct {
	Owner string `json:"owner"`
	Key   string `json:"key"` // hex
}

type refusal struct {
	Error string `json:"error"`
}

// listenEnrol makes the run folder, for our user only, and listens in it.
func listenEnrol(dir string) (net.Listener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if st := info.Sys().(*syscall.Stat_t); !info.IsDir() || int(st.Uid) != os.Getuid() {
		return nil, fmt.Errorf("%s belongs to uid %d, not to us", dir, st.Uid)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, enrolSocket)
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	return ln, os.Chmod(name, 0o600)
}

func (s *Server) acceptEnrol() {
	for {
		conn, err := s.enrol.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.wg.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(enrolTimeout))
			var answer any
			err := checkPeer(conn)
			if err == nil {
				answer, err = s.enrolOne(conn)
			}
			if err != nil {
				answer = refusal{err.Error()}
			}
			json.NewEncoder(conn).Encode(answer)
		})
	}
}

func (s *Server) enrolOne(r io.Reader) (answer any, err error) {
	err = enrolFrom(r, func(owner string, key []byte) (err error) {
		answer, err = s.Enrol(owner, key)
		return err
	})
	return answer, err
}

// enrolFrom reads an enrolment and has it carried out.
func enrolFrom(r io.Reader, enrol func(owner string, key []byte) error) error {
	var e enrolment
	if err := json.NewDecoder(io.LimitReader(r, maxEnrolment)).Decode(&e); err != nil {
		return fmt.Errorf("reading the enrolment: %w", err)
	}
	key, err := hex.DecodeString(e.Key)
	if err != nil {
		return errors.New("the key is not in hex")
	}
	if e.Owner == "" || len(e.Owner) > maxOwner {
		return errors.New("the enrolment names no owner")
	}
	return enrol(e.Owner, key)
}

// EnrollByExec is the body of the command `enroll`: it reads a key in hex from
// stdin, hands it to the server of runDir, and writes the server's answer, a
// wire.Enrolled as JSON, to stdout.
func EnrollByExec(runDir, owner string, stdin io.Reader, stdout io.Writer) error {
	_, err := enrollByExec(runDir, owner, bufio.NewReaderSize(stdin, maxEnrolment), stdout)
	return err
}

// Relay is the body of the command `enroll --relay`: EnrollByExec, after which
// stdin and stdout carry a connection to the server's port, until either side
// ends. It is the whole of its process, which ends with it.
func Relay(runDir, owner string, stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReaderSize(stdin, maxEnrolment)
	enrolled, err := enrollByExec(runDir, owner, in, stdout)
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(enrolled.Port)))
	if err != nil {
		return fmt.Errorf("connecting to the agent: %w", err)
	}
	defer conn.Close()
	ended := make(chan error, 2)
	carry := func(dst io.Writer, src io.Reader) {
		_, err := io.Copy(dst, src)
		ended <- err
	}
	go carry(conn, in)
	go carry(stdout, conn)
	return <-ended
}

func enrollByExec(runDir, owner string, stdin *bufio.Reader, stdout io.Writer) (enrolled wire.Enrolled, err error) {
	line, err := stdin.ReadSlice('\n')
	if err != nil {
		return enrolled, fmt.Errorf("reading the key from stdin: %w", err)
	}
	conn, err := dialEnrol(filepath.Join(runDir, enrolSocket))
	if err != nil {
		return enrolled, fmt.Errorf("reaching the agent: %w", err)
	}
	defer conn.Close()
	if err := checkPeer(conn); err != nil {
		return enrolled, fmt.Errorf("the agent's place is taken: %w", err)
	}
	conn.SetDeadline(time.Now().Add(enrolTimeout))
	if err := json.NewEncoder(conn).Encode(enrolment{Owner: owner, Key: strings.TrimSpace(string(line))}); err != nil {
		return enrolled, fmt.Errorf("handing over the key: %w", err)
	}
	var answer struct {
		wire.Enrolled
		refusal
	}
	if err := json.NewDecoder(io.LimitReader(conn, maxEnrolment)).Decode(&answer); err != nil {
		return enrolled, fmt.Errorf("reading the agent's answer: %w", err)
	}
	if answer.Error != "" {
		return enrolled, errors.New(answer.Error)
	}
	return answer.Enrolled, json.NewEncoder(stdout).Encode(answer.Enrolled)
}

// dialEnrol dials the socket, which a container that has only just started may
// not have made yet.
func dialEnrol(name string) (net.Conn, error) {
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("unix", name)
		if err == nil || time.Now().After(end) {
			return conn, err
		}
	}
}
