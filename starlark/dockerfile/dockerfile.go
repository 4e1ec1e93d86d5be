// Package dockerfile reads Dockerfiles, for everything that has to know what
// one says without building it: the evaluation (which images an image is built
// from), the build (putting in their place what was built of them, and finding
// the line that is at fault) and the editor (stages).
//
// It reads what BuildKit's own parser reads: the escape directive, continued
// lines with comments and empty lines among them, and here-documents. That
// parser is not used since it brings the language server half of BuildKit, and
// forgets where in the file a word stands, which replacing one needs. Nothing
// here is an error: what cannot be understood is an instruction that names no
// image, and the builder says what is wrong with it.
package dockerfile

import (
	"regexp"
	"slices"
	"strings"
)

// File is a Dockerfile that was read.
type File struct {
	Instructions []Instruction // in their order

	text   string
	escape byte
}

// Instruction is one instruction of a Dockerfile.
type Instruction struct {
	Name string // in upper case: "FROM"
	Text string // continued lines joined, without here-documents
	Line int    // where it begins, 1-based

	heredoc bool
	words   []word // behind the name
}

// word is a word of an instruction, as it is written, quotes included.
type word struct {
	text       string
	start, end int // in the file; a continued line may lie between
}

// Parse reads a Dockerfile.
func Parse(text string) *File {
	f := &File{text: text, escape: '\\'}
	s := scanner{text: strings.TrimPrefix(text, "\ufeff"), file: f, directives: true}
	s.offset = len(text) - len(s.text)
	for s.text != "" {
		s.instruction()
	}
	return f
}

// scanner takes a file apart, line by line.
type scanner struct {
	file       *File
	text       string // what is left
	offset     int    // of it in the file
	line       int    // that was read last
	directives bool   // only comments so far
}

// next reads a line, without its end.
func (s *scanner) next() (line string, at int) {
	at = s.offset
	line, rest, found := strings.Cut(s.text, "\n")
	s.text, s.offset = rest, s.offset+len(line)
	if found {
		s.offset++
	}
	s.line++
	return strings.TrimSuffix(line, "\r"), at
}

// instruction reads up to the end of the next instruction.
func (s *scanner) instruction() {
	var joined joinedLine
	first := 0
	for s.text != "" {
		line, at := s.next()
		trimmed := strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(trimmed, "#"); ok {
			s.directive(comment)
			continue
		}
		if trimmed == "" {
			s.directives = s.directives && first == 0
			continue
		}
		s.directives = false
		if first == 0 {
			first = s.line
		}
		body, continued := s.continued(line)
		joined.add(body, at)
		if !continued {
			break
		}
	}
	if first == 0 {
		return
	}
	words := joined.words()
	if len(words) == 0 {
		return
	}
	i := Instruction{Name: strings.ToUpper(words[0].text), Text: strings.TrimSpace(joined.text.String()), Line: first, words: words[1:]}
	if i.Name == "RUN" || i.Name == "COPY" || i.Name == "ADD" {
		i.heredoc = s.heredocs(i.words)
	}
	s.file.Instructions = append(s.file.Instructions, i)
}

// directive takes a comment that may set the escape character: directives
// stand above all else.
func (s *scanner) directive(comment string) {
	key, value, ok := strings.Cut(comment, "=")
	if !s.directives || !ok {
		s.directives = s.directives && ok
		return
	}
	if value = strings.TrimSpace(value); strings.EqualFold(strings.TrimSpace(key), "escape") && len(value) == 1 {
		s.file.escape = value[0]
	}
}

// continued takes the escape character off a line that goes on in the next. Two
// of them are none.
func (s *scanner) continued(line string) (body string, ok bool) {
	escape := string(s.file.escape)
	body, ok = strings.CutSuffix(strings.TrimRight(line, " \t"), escape)
	if !ok || strings.HasSuffix(body, escape) {
		return line, false
	}
	return body, true
}

var heredocWord = regexp.MustCompile(`^\d*<<(-?)([^<]+)$`)

// heredocs skips the here-documents that the words of an instruction begin.
func (s *scanner) heredocs(words []word) (any bool) {
	for _, w := range words {
		m := heredocWord.FindStringSubmatch(w.text)
		if m == nil {
			continue
		}
		end := unquote(m[2])
		if end == "" {
			continue
		}
		any = true
		for s.text != "" {
			line, _ := s.next()
			if m[1] != "" {
				line = strings.TrimLeft(line, "\t")
			}
			if line == end {
				break
			}
		}
	}
	return any
}

// joinedLine is an instruction's lines as one, and where each byte came from.
type joinedLine struct {
	text strings.Builder
	at   []int
}

func (j *joinedLine) add(body string, at int) {
	j.text.WriteString(body)
	for i := range len(body) {
		j.at = append(j.at, at+i)
	}
}

// words cuts the line at white space outside of quotes.
func (j *joinedLine) words() []word {
	text := j.text.String()
	var words []word
	start, quote := -1, byte(0)
	end := func(i int) {
		if start >= 0 {
			words = append(words, word{text[start:i], j.at[start], j.at[i-1] + 1})
		}
		start = -1
	}
	for i := range len(text) {
		c := text[i]
		blank := c == ' ' || c == '\t'
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case blank:
			end(i)
			continue
		case c == '"' || c == '\'':
			quote = c
		}
		if start < 0 {
			start = i
		}
	}
	end(len(text))
	return words
}

// unquote takes the quotes off a word.
func unquote(s string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(s) }

// Stages returns the names of the stages, in their order.
func (f *File) Stages() []string {
	var names []string
	for i := range f.Instructions {
		if name := f.Instructions[i].stage(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Variables returns the names of the variables that ARG declares, each once, in
// their order.
func (f *File) Variables() []string {
	var names []string
	for _, i := range f.Instructions {
		if i.Name != "ARG" {
			continue
		}
		for _, w := range i.words {
			if name, _, _ := strings.Cut(w.text, "="); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// stage is the name that a FROM gives its stage.
func (i *Instruction) stage() string {
	rest := i.arguments()
	if i.Name != "FROM" || len(rest) < 3 || !strings.EqualFold(rest[1].text, "as") {
		return ""
	}
	return unquote(rest[2].text)
}

// arguments are the words behind the flags.
func (i *Instruction) arguments() []word {
	rest := i.words
	for len(rest) > 0 && strings.HasPrefix(rest[0].text, "--") {
		rest = rest[1:]
	}
	return rest
}

// Line returns the line (1-based) of the instruction that a builder repeats: on
// one line, with any white space between the words. It returns 0 when there is
// none.
func (f *File) Line(instruction string) int {
	want := strings.Join(strings.Fields(instruction), " ")
	if want == "" {
		return 0
	}
	for _, i := range f.Instructions {
		have := strings.Join(strings.Fields(i.Text), " ")
		// Behind a here-document's name the builder shows what it holds.
		if strings.EqualFold(have, want) || i.heredoc && len(want) > len(have) && strings.EqualFold(have+" ", want[:len(have)+1]) {
			return i.Line
		}
	}
	return 0
}
