package limit

import "go.starlark.net/syntax"

// maxNesting is how deep brackets may nest in a file: the parser recurses.
const maxNesting = 2_000

// CheckNesting refuses source whose brackets nest so deep that the parser,
// which recurses, could exhaust the stack. Brackets in strings and comments do
// not count.
func CheckNesting(path string, source []byte) error {
	depth, line, operators := 0, int32(1), 0
	for i := 0; i < len(source); i++ {
		switch c := source[i]; c {
		case '\n':
			line++
			operators = 0
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		case '-', '+', '~':
			operators++
		case '#':
			for i+1 < len(source) && source[i+1] != '\n' {
				i++
			}
		case '"', '\'':
			i = skipString(source, i, &line)
		}
		if depth > maxNesting || operators > 20*maxNesting {
			return syntax.Error{Pos: syntax.MakePosition(&path, line, 1), Msg: "expressions nest too deep"}
		}
	}
	return nil
}

// skipString returns the index of the last byte of the string that starts at i.
func skipString(source []byte, i int, line *int32) int {
	quote := source[i]
	triple := i+2 < len(source) && source[i+1] == quote && source[i+2] == quote
	if triple {
		i += 2
	}
	for i++; i < len(source); i++ {
		switch {
		case source[i] == '\\':
			i++
		case source[i] == '\n':
			*line++
			if !triple {
				return i
			}
		case source[i] == quote && !triple:
			return i
		case source[i] == quote && i+2 < len(source) && source[i+1] == quote && source[i+2] == quote:
			return i + 2
		}
	}
	return i
}
