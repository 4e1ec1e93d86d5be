package client

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/towline-dev/towline/agent/wire"
)

// NewKey returns a fresh random key.
func NewKey() []byte {
	key := make([]byte, wire.KeySize)
	rand.Read(key) // never fails
	return key
}

// EnrollCommand returns the command that enrols a key, to be run by exec in
// the named container. Its stdin is EnrollInput, its stdout is for
// ParseEnrolled. The owner, the workspace's id, has one key at a time:
// enrolling another ends connections with the older one.
func EnrollCommand(container, owner string) []string {
	return []string{wire.BinPath, "enroll", "--run-dir=" + wire.RunDir(container), "--owner=" + owner}
}

// RelayCommand is EnrollCommand whose stdin and stdout carry a connection to the
// agent's port once the answer was printed.
func RelayCommand(container, owner string) []string {
	return append(EnrollCommand(container, owner), "--relay")
}

// EnrollInput returns what the enroll command reads from its stdin.
func EnrollInput(key []byte) []byte {
	return append([]byte(hex.EncodeToString(key)), '\n')
}

// ParseEnrolled reads what the enroll command printed.
func ParseEnrolled(stdout []byte) (wire.Enrolled, error) {
	var e wire.Enrolled
	line, _, _ := bytes.Cut(bytes.TrimSpace(stdout), []byte("\n"))
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("reading what the agent's enroll command printed, %.200q: %w", stdout, err)
	}
	if e.Port <= 0 || e.Port > 65535 {
		return e, fmt.Errorf("the agent's enroll command named port %d", e.Port)
	}
	if e.Protocol != wire.Version {
		return e, &wire.VersionError{Ours: wire.Version, Theirs: e.Protocol}
	}
	return e, nil
}
