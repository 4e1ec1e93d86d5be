package adapter

// Inspector returns the description of the debugger of Node.js, which the agent
// serves.
func Inspector() Adapter {
	return Adapter{
		Name:     "inspector",
		Language: "JavaScript",
		Notice:   "runs in Node.js and is not in Go: its inspector debugs it",
		Filters:  map[string]string{"unrecovered-panic": "uncaught", "runtime-fatal-throw": "", "raised": "all"},
		Attach:   map[string]any{"request": "attach"},
		Own: []string{
			"resource", "pod", "container", "workspace", "substitutePath", "restart", "type", "name",
			"program", "args", "env", "cwd", "processId", "host", "address", "port", "mode", "noDebug", "localRoot", "remoteRoot", "continueOnAttach",
		},
		Once:       []string{"stopOnEntry"},
		Remembered: []string{"setBreakpoints", "setExceptionBreakpoints"},
		Forgotten:  []string{"setFunctionBreakpoints", "setInstructionBreakpoints", "setDataBreakpoints"},
		Resuming:   []string{"continue", "next", "stepIn", "stepOut"},
		Ends:       []string{"terminated"},
		Hidden:     []string{"initialized", "exited", "terminated", "capabilities", "process"},
	}
}
