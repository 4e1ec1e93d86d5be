// Package limit keeps the execution of a Starlark file within bounds of steps,
// depth and memory. Starlark's own limits count steps, and a single step may
// make a value of any size; so what could is measured, by guards that are put
// in a file's tree before it is compiled.
//
// The guards are our own since nothing else can be had: Starlark has no hook on
// allocation, and a limit on the whole process would end the daemon with the
// evaluation. They know the few operations that make much of little.
package limit

import (
	"fmt"

	"go.starlark.net/starlark"
)

// checkEvery is the number of steps between two looks at depth and memory.
const checkEvery = 10_000

// Steps makes a thread stop when it takes more steps than *most, which may
// change on the way, nests deeper, or has made what is more than the meter
// allows.
func Steps(thread *starlark.Thread, m *Meter, most *uint64, depth int) {
	thread.SetMaxExecutionSteps(min(checkEvery, *most))
	thread.OnMaxSteps = func(t *starlark.Thread) {
		steps := t.ExecutionSteps()
		switch {
		case t.CallStackDepth() > depth:
			t.Cancel(fmt.Sprintf("calls nest deeper than %d: is there an endless recursion?", depth))
		case steps >= *most:
			t.Cancel(fmt.Sprintf("the evaluation took more than %d steps: is there an endless loop? (towline.limits(steps=…) allows more)", *most))
		default:
			if err := m.Allow(0); err != nil {
				t.Cancel(err.Error())
			}
			t.SetMaxExecutionSteps(min(steps+checkEvery, *most))
		}
	}
}
