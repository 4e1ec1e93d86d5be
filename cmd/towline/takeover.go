package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// interactive reports whether a person can be asked.
func interactive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// taken are the problems that a person may answer by taking what is another's.
func taken(s api.Status) []*config.Problem {
	var problems []*config.Problem
	for i := range s.Resources {
		if p := s.Resources[i].Problem; p != nil && p.Cause == config.CauseTaken {
			problems = append(problems, p)
		}
	}
	return problems
}

// asksToTake asks whether all of it is to be taken. No answer, which is also
// that of a ctx that ends, is no.
func asksToTake(ctx context.Context, in io.Reader, out io.Writer, problems []*config.Problem) bool {
	if len(problems) == 0 {
		return false
	}
	fmt.Fprintln(out)
	for _, p := range problems {
		say(out, p.Message)
	}
	fmt.Fprint(out, "Take it over? Its owner is not asked. [y/N] ")
	answer := make(chan string, 1)
	go func() { // ends with its line, or with the program
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false
	case text := <-answer:
		if text == "y" || text == "yes" {
			return true
		}
	}
	say(out, "Left alone. A namespace of your own: `towline down`, then `towline up --namespace NAME`.")
	return false
}
