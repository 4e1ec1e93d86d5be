package adapter

// Flags are the flags that make a Go program a good one to debug.
const Flags = `go build -gcflags="all=-N -l" -ldflags=-compressdwarf=false`

// Delve returns the description of the Go debugger that the agent serves.
func Delve() Adapter {
	return Adapter{
		Name:         "delve",
		Language:     "Go",
		Capabilities: delveCapabilities(),
		Filters:      map[string]string{"raised": ""},
		Attach:       map[string]any{"mode": "remote", "request": "attach"},
		Own: []string{
			"resource", "pod", "container", "workspace", "substitutePath", "restart",
			"program", "args", "env", "cwd", "processId", "host", "port", "backend", "waitFor",
			"guessSubstitutePath", "buildFlags", "output", "noDebug", "dlvCwd",
		},
		Once:       []string{"stopOnEntry"},
		Remembered: []string{"setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints"},
		Forgotten:  []string{"setInstructionBreakpoints", "setDataBreakpoints"},
		Resuming:   []string{"continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue"},
		Ends:       []string{"terminated"},
		Gone:       []string{" has exited with status ", "detached from the process"},
		Hidden:     []string{"initialized", "exited", "terminated", "capabilities", "process"},
		Sources:    "dlv sources",
		BuildInfo:  "runtime.modinfo",
		Explanations: []Explanation{
			{
				Text:    "could not open debug info",
				Message: "the program has no debug information",
				Hint:    "build it without -s and -w in -ldflags, for example: " + Flags,
			}, {
				Text:    "no debug information present in binary",
				Message: "the program has no debug information",
				Hint:    "build it without -s and -w in -ldflags, for example: " + Flags,
			}, {
				Text:    "already being debugged",
				Message: "another debugger is attached to the process",
				Hint:    "end the other debugging session first",
			}, {
				Text:    "operation not permitted",
				Message: "the debugger may not trace the process",
				Hint:    "the pod forbids ptrace: look at its seccomp profile, and at kernel.yama.ptrace_scope of the node (at most 1)",
			}, {
				Text:    "kernel security setting",
				Message: "the debugger may not trace the process",
				Hint:    "set kernel.yama.ptrace_scope of the node to 0 or 1",
			}, {
				Text:    "not an executable file",
				Message: "the process is not a Go program",
				Hint:    "this debugger knows Go only; check that the resource's container runs the binary itself and not a script that starts it",
			}, {
				Text:    "ersion of Delve is too old",
				Message: "the program was built by a Go that this version of towline does not know",
				Hint:    "update towline, or build with an older Go",
			},
		},
	}
}

// delveCapabilities are delve's own but for what the bridge does: it restarts
// the process through the daemon, and a program in a pod is never ended with
// the session. They are told before it is known which debugger it will be, so
// that the exceptions are those of all.
func delveCapabilities() map[string]any {
	yes := []string{
		"supportsConfigurationDoneRequest", "supportsConditionalBreakpoints", "supportsHitConditionalBreakpoints",
		"supportsDelayedStackTraceLoading", "supportsFunctionBreakpoints", "supportsInstructionBreakpoints",
		"supportsExceptionInfoRequest", "supportsSetVariable", "supportsEvaluateForHovers", "supportsClipboardContext",
		"supportsSteppingGranularity", "supportsLogPoints", "supportsDisassembleRequest", "supportsRestartRequest",
		"supportsReadMemoryRequest", "supportsWriteMemoryRequest", "supportsDataBreakpoints",
	}
	caps := map[string]any{
		"exceptionBreakpointFilters": []map[string]any{
			{"filter": "unrecovered-panic", "label": "Uncaught Exceptions, Unrecovered Panics", "default": true},
			{"filter": "runtime-fatal-throw", "label": "Fatal Throws of Go", "default": true},
			{"filter": "raised", "label": "Raised Exceptions", "description": "Stop at each exception of a program in Python or JavaScript, caught or not"},
		},
	}
	for _, name := range yes {
		caps[name] = true
	}
	return caps
}
