package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Endpoint is where the daemon of one workspace is found.
type Endpoint struct {
	Workspace string // absolute folder, symbolic links resolved
	Socket    string // unix socket, 0600 in a 0700 folder, that a new daemon listens on
	Lock      string // held by the daemon for as long as it lives
	Address   string // file in which the daemon notes the socket that it listens on
	State     string // folder that outlives the daemon
}

// EndpointOf returns the endpoint of the workspace that holds the given
// folder. It creates nothing.
func EndpointOf(workspace string) (Endpoint, error) {
	abs, err := filepath.Abs(workspace)
	if err != nil {
		return Endpoint{}, fmt.Errorf("resolving workspace %s: %w", workspace, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	state, err := stateHome()
	if err != nil {
		return Endpoint{}, err
	}
	sum := sha256.Sum256([]byte(abs))
	id := hex.EncodeToString(sum[:8])
	dir := filepath.Join(state, "towline", "workspaces", id)
	return Endpoint{
		Workspace: abs,
		Socket:    socketOf(id),
		Lock:      filepath.Join(dir, "lock"),
		Address:   filepath.Join(dir, "socket"),
		State:     dir,
	}, nil
}

// listening is the socket of the daemon that runs: an editor and a terminal
// may disagree on where the runtime folder is.
func (e Endpoint) listening() string {
	if data, err := os.ReadFile(e.Address); err == nil && len(data) > 0 {
		return string(data)
	}
	return e.Socket
}

// ID is a short name of the workspace, the same on every run; it labels the
// workspace's objects in the cluster.
func (e Endpoint) ID() string { return filepath.Base(e.State) }

// LogFile is where the daemon writes its own log.
func (e Endpoint) LogFile() string { return filepath.Join(e.State, "daemon.log") }

// Elsewhere is the socket of a daemon that cannot have Socket: the runtime
// folder goes with the last login, and some environments name one that was.
func (e Endpoint) Elsewhere() string { return filepath.Join(sharedDir("/tmp"), e.ID()+".sock") }

// socketOf is where a workspace's socket lies: in the user's runtime folder or,
// without XDG_RUNTIME_DIR (macOS, a bare container), in the temporary folder
// under the user's id. A path that is too long for a socket is passed over.
func socketOf(id string) string {
	dirs := []string{sharedDir(os.TempDir()), sharedDir("/tmp")}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		dirs = append([]string{filepath.Join(dir, "towline")}, dirs...)
	}
	var socket string
	for _, dir := range dirs {
		socket = filepath.Join(dir, id+".sock")
		if len(socket) < len(syscall.RawSockaddrUnix{}.Path) { // it ends in a zero
			break
		}
	}
	return socket
}

// sharedDir is the user's folder in one that others may write to, too.
func sharedDir(temp string) string {
	return filepath.Join(temp, fmt.Sprintf("towline-%d", os.Getuid()))
}

func stateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the state folder: %w", err)
	}
	return filepath.Join(home, ".local", "state"), nil
}
