package delta_test

import (
	"bytes"
	"fmt"

	"github.com/towline-dev/towline/agent/delta"
)

// A program is built again and differs in a few places: the patch has those.
func ExampleIndex_Diff() {
	old := bytes.Repeat([]byte("the same instructions, again and again; "), 10_000)
	new := append(append(bytes.Clone(old[:200_000]), "inserted"...), old[200_000:]...)

	patch := delta.NewIndex(old).Diff(new)
	fmt.Println("less than a hundredth:", len(patch) < len(new)/100)

	var made bytes.Buffer
	if err := delta.Apply(&made, bytes.NewReader(old), int64(len(old)), patch, 1<<20); err != nil {
		fmt.Println(err)
	}
	fmt.Println("the new file:", bytes.Equal(made.Bytes(), new))
	// Output:
	// less than a hundredth: true
	// the new file: true
}
