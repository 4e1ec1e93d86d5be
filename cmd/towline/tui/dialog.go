package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// act is something that a person wants of the daemon. One of its fields is set,
// and says is what the view tells once it is done.
type act struct {
	says    string
	trigger string
	restart string
	onOff   *api.SwitchRequest
	answer  *api.AnswerRequest
	press   *api.ButtonRequest
}

// dialog is a question to a person: some choices to go through, of which one is
// taken. It stands over everything else, and esc leaves it.
type dialog struct {
	title   string
	text    string
	choices []choice
	at      int
}

// choice is one that may be taken. A field is filled in, not taken.
type choice struct {
	title string
	field *config.ButtonInput
	value string  // of the field
	does  *act    // nil: nothing, and the dialog is left
	next  *dialog // that comes after it
}

// asksFor is the dialog of the questions that wait for a person.
func asksFor(asks []api.Ask) *dialog {
	d := &dialog{title: "Which question?"}
	for _, a := range asks {
		one := &dialog{title: "Towline asks", text: a.Text, choices: []choice{{title: "leave it as it is"}}}
		for i, c := range a.Choices {
			title := c
			if i < len(a.Titles) {
				title = a.Titles[i]
			}
			one.choices = append(one.choices, choice{title: title, does: &act{
				says: "answered: " + title, answer: &api.AnswerRequest{ID: a.ID, Choice: c, Text: a.Text},
			}})
		}
		d.choices = append(d.choices, choice{title: words.Line(a.Text), next: one})
	}
	if len(d.choices) == 1 {
		return d.choices[0].next
	}
	return d
}

// pressable is a button with the resource that runs its command.
type pressable struct {
	config.Button
	command string
}

// buttonsOf are those that start a command: of a resource and of the whole
// project, or of all resources for nil.
func buttonsOf(s *api.Status, of *api.ResourceStatus) (all []pressable) {
	for i := range s.Resources {
		for _, b := range s.Resources[i].Buttons {
			if !b.Disabled && (of == nil || b.Resource == "" || b.Resource == of.Name || s.Resources[i].Name == of.Name) {
				all = append(all, pressable{b, s.Resources[i].Name})
			}
		}
	}
	return all
}

// buttonsFor is the dialog of some buttons.
func buttonsFor(buttons []pressable) *dialog {
	d := &dialog{title: "Which button?"}
	for _, b := range buttons {
		title := b.Text
		if title == "" {
			title = b.Name
		}
		c := choice{title: title}
		press := &act{says: "pressed " + title, press: &api.ButtonRequest{Resource: b.command, Button: b.Name, Inputs: map[string]string{}}}
		var fields []choice
		for i := range b.Inputs {
			if in := &b.Inputs[i]; !in.Hidden {
				fields = append(fields, choice{title: in.Name, field: in, value: in.Default})
				if in.Label != "" {
					fields[len(fields)-1].title = in.Label
				}
			}
		}
		if c.does = press; len(fields) > 0 || b.RequiresConfirmation {
			c.does = nil
			c.next = &dialog{title: title, choices: append(fields, choice{title: "press it", does: press}, choice{title: "leave it"})}
			if b.RequiresConfirmation {
				c.next.text = "It asks to be confirmed."
			}
		}
		if b.Resource != "" {
			c.title += dim("  of " + b.Resource)
		}
		d.choices = append(d.choices, c)
	}
	return d
}

// disables asks whether a resource is to be taken down.
func disables(name string) *dialog {
	return &dialog{title: "Disable " + name + "?", text: "What it has in the cluster is deleted, and its commands end. The others stay up.", choices: []choice{
		{title: "leave it as it is"},
		{title: "disable " + name, does: &act{says: "disables " + name, onOff: &api.SwitchRequest{Resources: []string{name}}}},
	}}
}

// key takes a key. It gives the dialog that is open after it, and what is to be
// done.
func (d *dialog) key(key, text string) (*dialog, *act) {
	if len(d.choices) == 0 {
		return nil, nil
	}
	c := &d.choices[d.at]
	if c.field != nil && len(c.field.Choices) == 0 && d.typed(c, key, text) {
		return d, nil
	}
	switch key {
	case "esc", "q":
		return nil, nil
	case "up", "k", "shift+tab":
		d.at = max(d.at-1, 0)
	case "down", "j", "tab":
		d.at = min(d.at+1, len(d.choices)-1)
	case "left", "h":
		d.turn(c, -1)
	case "right", "l", "space":
		d.turn(c, 1)
	case "enter":
		switch {
		case c.field != nil:
			d.at++
		case c.next != nil:
			return c.next, nil
		default:
			d.fillIn(c.does)
			return nil, c.does
		}
	}
	return d, nil
}

// typed takes a key that changes the text of a field.
func (d *dialog) typed(c *choice, key, text string) bool {
	switch {
	case key == "backspace":
		c.value = withoutLast(c.value)
	case key == "ctrl+u":
		c.value = ""
	case text != "":
		c.value += text
	default:
		return false
	}
	return true
}

// turn takes the next of the choices of a field.
func (d *dialog) turn(c *choice, by int) {
	if c.field == nil || len(c.field.Choices) == 0 {
		return
	}
	n := len(c.field.Choices)
	c.value = c.field.Choices[(max(slices.Index(c.field.Choices, c.value), 0)+by+n)%n]
}

// fillIn writes the fields into what is to be done.
func (d *dialog) fillIn(a *act) {
	for _, c := range d.choices {
		if a != nil && a.press != nil && c.field != nil {
			a.press.Inputs[c.field.Name] = c.value
		}
	}
}

// rows are what a terminal shows of it.
func (d *dialog) rows(columns, room int) []string {
	rows := []string{bold + cut(d.title, columns) + plain}
	if d.text != "" {
		rows = append(rows, fold(words.Wrap(d.text, columns), columns)...)
	}
	above := min(len(rows), max(room-3, 1))
	rows = append(rows[:above], "")
	first := max(0, d.at-max(room-len(rows), 1)+1)
	for i, c := range d.choices {
		if i < first {
			continue
		}
		text := c.title
		if c.field != nil {
			text = fmt.Sprintf("%s: %s", c.title, c.value)
			switch {
			case len(c.field.Choices) > 0:
				text = fmt.Sprintf("%s: ‹ %s ›", c.title, c.value)
			case i == d.at:
				text += "▏"
			}
		}
		if i == d.at {
			text = reverse + cut("› "+text, columns) + plain
		} else {
			text = cut("  "+text, columns)
		}
		rows = append(rows, text)
	}
	return rows[:min(len(rows), max(room, 1))]
}

// withoutLast is a text without its last letter.
func withoutLast(text string) string {
	runes := []rune(text)
	return string(runes[:max(len(runes)-1, 0)])
}

// oneLine is what was pasted, as one line.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }
