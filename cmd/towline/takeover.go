package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
)

// interactive reports whether a person can be asked.
func interactive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// askedPerson is who is asked what the daemon asks, each question once.
type askedPerson struct {
	in    *bufio.Reader
	out   io.Writer
	asked map[string]bool // by the question's text
}

func newPerson(in io.Reader, out io.Writer) *askedPerson {
	return &askedPerson{in: bufio.NewReader(in), out: out, asked: map[string]bool{}}
}

// fresh are the questions that the person was not asked.
func (p *askedPerson) fresh(asks []api.Ask) []api.Ask {
	return slices.DeleteFunc(slices.Clone(asks), func(a api.Ask) bool { return p.asked[a.Text] })
}

// answers asks, and returns what is answered. No answer, which is also that of a ctx
// that ends, leaves all as it is.
func (p *askedPerson) answers(ctx context.Context, asks []api.Ask) (given []api.AnswerRequest) {
	for _, a := range asks {
		p.asked[a.Text] = true
		fmt.Fprintln(p.out)
		say(p.out, a.Text)
		prompt := "[y/N] "
		if len(a.Choices) > 1 {
			prompt = "[" + strings.Join(a.Choices, "/") + "/N] "
		}
		fmt.Fprint(p.out, prompt)
		word, ok := p.line(ctx)
		if !ok {
			fmt.Fprintln(p.out)
			return given
		}
		if word == "y" {
			word = "yes"
		}
		if choice := choiceOf(asks, a.ID, word); slices.Contains(a.Choices, choice) {
			given = append(given, api.AnswerRequest{ID: a.ID, Choice: choice, Text: a.Text})
			continue
		}
		say(p.out, "Left as it is. `towline answer` lists it again.")
	}
	return given
}

// line reads a line of the person's; ok is false when ctx has ended.
func (p *askedPerson) line(ctx context.Context) (text string, ok bool) {
	line := make(chan string, 1)
	go func() { // ends with its line, or with the program
		text, _ := p.in.ReadString('\n')
		line <- strings.ToLower(strings.TrimSpace(text))
	}()
	select {
	case <-ctx.Done():
		return "", false
	case text := <-line:
		return text, true
	}
}
