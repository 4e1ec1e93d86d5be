package agenttest_test

import (
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/wire"
)

func TestFake(t *testing.T) {
	agenttest.Conformance(t, func(t *testing.T) agenttest.Subject {
		f := agenttest.NewFake()
		f.ReadOnly("/sealed")
		f.OnRun = play
		return agenttest.Subject{
			Agent: f, Root: "/app", Sealed: "/sealed", Mount: func() string { f.Mount("/app/mounted", "from there"); return "/app/mounted" },
			Crash: func() { f.Crash(wire.Exit{Code: 3}) },
			Shell: func(script string) wire.Command { return wire.Command{Argv: []string{"sh", "-c", script}} },
		}
	})
}

// play performs echo and exit.
func play(cmd wire.Command, stdout, stderr io.Writer) wire.Exit {
	for _, line := range strings.Split(cmd.Argv[2], "; ") {
		if code, ok := strings.CutPrefix(line, "exit "); ok {
			n, _ := strconv.Atoi(code)
			return wire.Exit{Code: n}
		}
		out := stdout
		text := strings.TrimPrefix(line, "echo ")
		if t, ok := strings.CutSuffix(text, " >&2"); ok {
			text, out = t, stderr
		}
		io.WriteString(out, text+"\n")
	}
	return wire.Exit{}
}
