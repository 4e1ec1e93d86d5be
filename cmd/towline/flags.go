package main

import (
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// timeLimit is a duration on the command line, 0 for none.
type timeLimit time.Duration

func (l *timeLimit) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = errors.New("it is over before it begins")
	}
	*l = timeLimit(d)
	return err
}

func (l *timeLimit) String() string {
	if *l == 0 {
		return "0" // which help leaves out
	}
	return time.Duration(*l).String()
}

func (l *timeLimit) Type() string { return "duration" }

// namespaceName is a namespace on the command line, "" for none said.
type namespaceName string

func (n *namespaceName) Set(text string) error {
	valid, err := regexp.MatchString("^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$", text)
	if err == nil && !valid {
		err = errors.New("a namespace has up to 63 lower-case letters, digits and hyphens, and a letter or digit at both ends")
	}
	*n = namespaceName(text)
	return err
}

func (n *namespaceName) String() string { return string(*n) }
func (n *namespaceName) Type() string   { return "string" }

// gitOpsMode is what becomes of what a GitOps tool holds, "" for nothing said.
type gitOpsMode config.GitOps

func (m *gitOpsMode) Set(text string) error {
	*m = gitOpsMode(text)
	if !slices.Contains([]config.GitOps{config.GitOpsAsk, config.GitOpsPause, config.GitOpsLeave, config.GitOpsApply}, config.GitOps(text)) {
		return errors.New("it is one of pause, leave, apply and ask")
	}
	return nil
}

func (m *gitOpsMode) String() string { return string(*m) }
func (m *gitOpsMode) Type() string   { return "string" }
