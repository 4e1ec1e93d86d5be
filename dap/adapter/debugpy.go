package adapter

// Debugpy returns the description of Python's debugger, which the program
// itself brings.
func Debugpy() Adapter {
	return Adapter{
		Name:     "debugpy",
		Language: "Python",
		Filters:  map[string]string{"unrecovered-panic": "uncaught", "runtime-fatal-throw": ""},
		Attach:   map[string]any{"request": "attach", "subProcess": false},
		Own: []string{
			"resource", "pod", "container", "workspace", "substitutePath", "pathMappings", "restart", "type", "name",
			"program", "module", "code", "args", "env", "cwd", "processId", "host", "port", "connect", "listen", "python", "mode", "noDebug",
		},
		Once:       []string{"stopOnEntry"},
		Remembered: []string{"setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints"},
		Forgotten:  []string{"setInstructionBreakpoints", "setDataBreakpoints"},
		Resuming:   []string{"continue", "next", "stepIn", "stepOut", "goto"},
		Ends:       []string{"terminated"},
		Notice:     "is a program in Python, not in Go: debugpy debugs it, in its own process",
		Armed:      "towlineArmed", // of the agent's hook
		Hidden:     []string{"initialized", "exited", "terminated", "capabilities", "process"},
	}
}
