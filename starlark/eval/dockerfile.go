package eval

import (
	"strings"
)

// dockerfileImages returns the images that a Dockerfile takes from: those of
// FROM and of COPY, without the file's own stages. Variables are replaced by ARGs that stand before the first FROM,
// with the build's values first.
func dockerfileImages(text string, buildArgs map[string]string) []string {
	var images []string
	vars, stages := map[string]string{}, map[string]bool{}
	seenFrom := false
	add := func(name string) {
		name = expand(name, vars)
		if name != "" && name != "scratch" && !stages[strings.ToLower(name)] && !isNumber(name) {
			images = append(images, name)
		}
	}
	for _, words := range dockerInstructions(text) {
		switch strings.ToUpper(words[0]) {
		case "ARG":
			if !seenFrom {
				addArgs(vars, words[1:], buildArgs)
			}
		case "FROM":
			seenFrom = true
			rest := skipFlags(words[1:])
			if len(rest) > 0 {
				add(rest[0])
			}
			if len(rest) >= 3 && strings.EqualFold(rest[1], "as") {
				stages[strings.ToLower(rest[2])] = true
			}
		case "COPY":
			for _, w := range words[1:] {
				if from, ok := strings.CutPrefix(w, "--from="); ok {
					add(from)
				}
			}
		}
	}
	return images
}

// dockerInstructions returns the instructions as words, with continued lines
// joined and comments dropped.
func dockerInstructions(text string) [][]string {
	escape := "\\"
	var instructions [][]string
	var joined strings.Builder
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			if key, value, ok := strings.Cut(comment, "="); head && ok && strings.EqualFold(strings.TrimSpace(key), "escape") {
				escape = strings.TrimSpace(value)
			}
			continue
		}
		if line == "" {
			continue
		}
		head = false
		if rest, ok := strings.CutSuffix(line, escape); ok {
			joined.WriteString(rest + " ")
			continue
		}
		joined.WriteString(line)
		if words := strings.Fields(joined.String()); len(words) > 0 {
			instructions = append(instructions, words)
		}
		joined.Reset()
	}
	if words := strings.Fields(joined.String()); len(words) > 0 {
		instructions = append(instructions, words)
	}
	return instructions
}

func addArgs(vars map[string]string, words []string, buildArgs map[string]string) {
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		value = expand(strings.Trim(value, `"'`), vars)
		if v, ok := buildArgs[name]; ok {
			value = v
		}
		vars[name] = value
	}
}

func skipFlags(words []string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		words = words[1:]
	}
	return words
}

func isNumber(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// expand replaces $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other}.
func expand(s string, vars map[string]string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "$")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if body, ok := strings.CutPrefix(after, "{"); ok {
			inner, rest, closed := strings.Cut(body, "}")
			if !closed {
				return b.String()
			}
			b.WriteString(expandBraces(inner, vars))
			s = rest
			continue
		}
		end := 0
		for end < len(after) && (after[end] == '_' || after[end] >= '0' && after[end] <= '9' || after[end]|0x20 >= 'a' && after[end]|0x20 <= 'z') {
			end++
		}
		b.WriteString(vars[after[:end]])
		s = after[end:]
	}
}

func expandBraces(inner string, vars map[string]string) string {
	if name, def, ok := strings.Cut(inner, ":-"); ok {
		if v := vars[name]; v != "" {
			return v
		}
		return expand(def, vars)
	}
	if name, other, ok := strings.Cut(inner, ":+"); ok {
		if vars[name] == "" {
			return ""
		}
		return expand(other, vars)
	}
	return vars[inner]
}
