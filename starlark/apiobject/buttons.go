package apiobject

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// inputsOf is what a button asks for.
func inputsOf(o config.APIObject) []config.ButtonInput {
	var all []config.ButtonInput
	for _, v := range value.ListOf(o.Spec["inputs"]) {
		input := fieldsOf(v)
		in := config.ButtonInput{Default: preset(input), Hidden: fieldsOf(input["hidden"]) != nil, Choices: texts(fieldsOf(input["choice"])["choices"])}
		in.Name, _ = input["name"].(string)
		in.Label, _ = input["label"].(string)
		if b := fieldsOf(input["bool"]); b != nil {
			in.Bool, in.Choices = true, []string{textOr(b, "true_string", "true"), textOr(b, "false_string", "false")}
		}
		if in.Name != "" {
			all = append(all, in)
		}
	}
	return all
}

// textOr is a field's text, or what holds without it.
func textOr(fields map[string]any, key, without string) string {
	if s, ok := fields[key].(string); ok {
		return s
	}
	return without
}

// inputs are the variables of what buttons ask for, as they are preset.
func (s *Set) inputs(buttons []string) map[string]string {
	env := map[string]string{}
	for _, o := range s.objects {
		if o.Kind == "UIButton" && slices.Contains(buttons, o.Name) {
			for _, in := range inputsOf(o) {
				env[in.Name] = in.Default
			}
		}
	}
	return env
}
