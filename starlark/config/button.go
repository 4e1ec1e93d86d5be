package config

import (
	"fmt"
	"slices"
	"strings"
)

// ButtonInput is what a button asks for, and hands to its command as a variable.
type ButtonInput struct {
	Name    string   `json:"name"`
	Label   string   `json:"label,omitempty"`
	Hidden  bool     `json:"hidden,omitempty"`  // nobody is asked
	Choices []string `json:"choices,omitempty"` // none: any text
	Bool    bool     `json:"bool,omitempty"`    // Choices are its true and its false
	Default string   `json:"default"`
}

// Env checks what a person filled in and returns the variables of the command;
// what is not filled in is as it is preset.
func (b *Button) Env(filled map[string]string) (map[string]string, *Problem) {
	env, names := map[string]string{}, []string(nil)
	for _, in := range b.Inputs {
		env[in.Name] = in.Default
		if !in.Hidden {
			names = append(names, in.Name)
		}
	}
	for name, text := range filled {
		i := slices.IndexFunc(b.Inputs, func(in ButtonInput) bool { return in.Name == name && !in.Hidden })
		if i < 0 {
			return nil, &Problem{Message: fmt.Sprintf("the button %s asks for no %q", b.Name, name), Hint: "its inputs are: " + strings.Join(names, ", ")}
		}
		in := b.Inputs[i]
		switch {
		case in.Bool && text == "true":
			text = in.Choices[0]
		case in.Bool && text == "false":
			text = in.Choices[1]
		case len(in.Choices) > 0 && !slices.Contains(in.Choices, text):
			return nil, &Problem{Message: fmt.Sprintf("%s=%q: the button %s has no such choice", name, text, b.Name), Hint: "choose one of: " + strings.Join(in.Choices, ", ")}
		}
		env[name] = text
	}
	if b.Disabled {
		return nil, &Problem{Message: "the button " + b.Name + " is disabled", Hint: "ui_button(disabled=…) in the Tiltfile says so"}
	}
	return env, nil
}
