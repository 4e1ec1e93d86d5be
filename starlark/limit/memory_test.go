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

// TestTextSize: the text of lists that hold each other many times is as long as
// if they were others, and known at once.
func TestTextSize(t *testing.T) {
	var v starlark.Value = starlark.String("lol")
	for range 15 {
		list := make([]starlark.Value, 10)
		for i := range list {
			list[i] = v
		}
		v = starlark.NewList(list)
	}
	const budget = 1 << 60
	n, ok := textSize(v, budget)
	if leaves := uint64(1e15); !ok || n < 3*leaves || n > 8*leaves {
		t.Errorf("%d %v", n, ok)
	}
	self := starlark.NewList(nil)
	for range 3 {
		if err := self.Append(self); err != nil {
			t.Fatal(err)
		}
	}
	if n, ok := textSize(self, budget); !ok || n < uint64(len(self.String())) {
		t.Errorf("of a list that holds itself %d, %v; it is %s", n, ok, self)
	}
}
