package dockerfile

import "strings"

// Assign returns the file's text with values in the place of what its ARGs say
// of variables, as if the build had been given them, and each piece that it
// wrote, with the variable's name. Lines keep their numbers. A value of several
// lines has no form in a Dockerfile.
func (f *File) Assign(values map[string]string) (text string, written map[string]string) {
	var b strings.Builder
	written = map[string]string{}
	done := 0
	for _, i := range f.Instructions {
		if i.Name != "ARG" {
			continue
		}
		for _, w := range i.words {
			name, _, _ := strings.Cut(w.text, "=")
			value, given := values[name]
			if !given {
				continue
			}
			b.WriteString(f.text[done:w.start])
			for range strings.Count(f.text[w.start:w.end], "\n") {
				b.WriteString(string(f.escape) + "\n")
			}
			piece := name + "=" + f.quote(value)
			b.WriteString(piece)
			written[piece] = name
			done = w.end
		}
	}
	return b.String() + f.text[done:], written
}

// quote writes a value of one line so that it is taken as it is.
func (f *File) quote(value string) string {
	escape := string(f.escape)
	if !strings.ContainsAny(value, "'"+escape) {
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(escape, escape+escape, `"`, escape+`"`, "$", escape+"$").Replace(value) + `"`
}
