package inject

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// service is what a Compose service says of how it runs. A list that is nil is
// the image's; an empty one is none.
type service struct {
	Entrypoint []string          `json:"entrypoint"`
	Command    []string          `json:"command"`
	StopSignal string            `json:"stop_signal"`
	Restart    string            `json:"restart"`
	Volumes    []json.RawMessage `json:"volumes"`
	Deploy     struct {
		RestartPolicy struct {
			Condition string `json:"condition"`
		} `json:"restart_policy"`
	} `json:"deploy"`
}

// Service has a Compose service run its image under the agent. binary is the
// agent's, where docker runs; a container mounts it read-only. Nothing of the
// container's user, capabilities, network or file system changes.
func Service(name string, s map[string]json.RawMessage, img Image, binary string) error {
	var is service
	if err := read(s, &is); err != nil {
		return fmt.Errorf("reading the Compose service %s: %w", name, err)
	}
	argv := is.argv(img)
	switch {
	case len(argv) == 0 && img.Unread != "":
		return fmt.Errorf("service %s names no command, and %s; set command in the Compose file", name, img.Unread)
	case len(argv) == 0:
		return fmt.Errorf("neither service %s nor image %s says what to run; set command or ENTRYPOINT", name, img.Spec.Ref)
	}
	o := client.InitOptions{StopSignal: is.StopSignal, Restart: is.restart()}
	if o.StopSignal == "" {
		o.StopSignal = img.StopSignal
	}
	s["entrypoint"] = raw(client.InitCommand(name, o, argv))
	s["command"] = raw(nil)
	s["volumes"] = raw(append(is.Volumes,
		raw(map[string]any{"type": "bind", "source": binary, "target": wire.BinPath, "read_only": true, "bind": map[string]any{"create_host_path": false}}),
		raw(tmpfs(path.Dir(wire.RunRoot), 0o755)), // so that at each start there is no RunRoot, whose mode would count in place of ours
		raw(tmpfs(wire.RunRoot, 0o1777)),
	))
	return nil
}

func tmpfs(target string, mode int) map[string]any {
	return map[string]any{"type": "tmpfs", "target": target, "tmpfs": map[string]any{"mode": mode}}
}

// argv is what docker would run.
func (s service) argv(img Image) []string {
	entrypoint, command := s.Entrypoint, s.Command
	if len(entrypoint) == 0 && len(command) == 0 {
		command = img.Cmd
	}
	if entrypoint == nil {
		entrypoint = img.Entrypoint
	}
	return slices.Concat(entrypoint, command)
}

// restart is when docker would start the container again, for the agent, which
// outlives what runs in it.
func (s service) restart() wire.RestartMode {
	policy := s.Restart
	if policy == "" {
		policy = s.Deploy.RestartPolicy.Condition
	}
	switch {
	case policy == "always" || policy == "unless-stopped" || policy == "any":
		return wire.RestartAlways
	case strings.HasPrefix(policy, "on-failure"): // ":5" may follow
		return wire.RestartOnFailure
	}
	return wire.RestartNever
}

// read decodes the fields of a document that a value has.
func read(fields map[string]json.RawMessage, into any) error {
	whole, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return json.Unmarshal(whole, into)
}

// raw encodes plain data, which cannot fail.
func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("inject: " + err.Error())
	}
	return data
}
