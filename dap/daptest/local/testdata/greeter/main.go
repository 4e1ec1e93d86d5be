// Command greeter answers each line of its input.
package main

import (
	"bufio"
	"fmt"
	"os"
)

type visit struct {
	name  string
	count int
}

func greet(v visit) string {
	text := "hello " + v.name
	twice := 2 * v.count
	return fmt.Sprintf("%s, %d", text, twice)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	for n := 1; in.Scan(); n++ {
		fmt.Println(greet(visit{name: in.Text(), count: n}))
	}
}
