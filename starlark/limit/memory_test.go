package limit

import (
	"testing"

	"go.starlark.net/starlark"
)

// TestCheckNested: a tuple that holds another twice, and that one another twice,
// takes as long to hash as it has leaves.
func TestCheckNested(t *testing.T) {
	var v starlark.Value = starlark.Tuple{}
	for range 10 {
		v = starlark.Tuple{v, v}
	}
	if err := CheckNested(v); err != nil {
		t.Errorf("a thousand leaves: %v", err)
	}
	for range 20 {
		v = starlark.NewList([]starlark.Value{starlark.Tuple{v, v}})
	}
	for range 20 {
		v = starlark.Tuple{v, v}
	}
	if err := CheckNested(v); err == nil {
		t.Error("a tuple with a million lists in it is accepted")
	}
}
