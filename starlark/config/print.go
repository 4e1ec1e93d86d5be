package config

import (
	"bytes"
	"encoding/json"
	"slices"
)

// AppendJSON appends the project as `towline eval --json` prints it: indented
// by two blanks, with a newline at its end. What JSON has no form for, as an
// infinite number in a manifest, is null.
func (p *Project) AppendJSON(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if e.Encode(p) != nil { // it writes nothing then
		_ = e.Encode(p.printable())
	}
	return b.Bytes()
}

// printable is a copy of the project without what JSON has no form for. It can
// stand in what was decoded of YAML, or given by the Tiltfile as it is.
func (p *Project) printable() *Project {
	c := *p
	c.YAML, c.API, c.Buttons = slices.Clone(p.YAML), slices.Clone(p.API), slices.Clone(p.Buttons)
	for i := range c.YAML {
		c.YAML[i].Content = printableMap(c.YAML[i].Content)
	}
	for i := range c.API {
		c.API[i].Spec = printableMap(c.API[i].Spec)
	}
	for i := range c.Buttons {
		c.Buttons[i].Spec = printableMap(c.Buttons[i].Spec)
	}
	c.Settings.Towline = printableMap(c.Settings.Towline)
	return &c
}

func printableMap(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = printable(v)
	}
	return c
}

func printable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return printableMap(v)
	case []any:
		c := slices.Clone(v)
		for i := range c {
			c[i] = printable(c[i])
		}
		return c
	}
	if _, err := json.Marshal(v); err != nil {
		return nil
	}
	return v
}
