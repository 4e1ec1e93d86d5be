package build

import (
	"regexp"
	"strings"
)

// The words by which builders say what they are at.
var (
	atStep    = regexp.MustCompile(`^#\d+ \[(?:([^\]]+) )?(\d+/\d+)\] (.+)$`)       // BuildKit: "#7 [web 2/4] RUN make"
	atLegacy  = regexp.MustCompile(`^Step (\d+/\d+) : (.+)$`)                       // docker without BuildKit
	atContext = regexp.MustCompile(`^#\d+ transferring context: \S+`)               // how much so far
	atExport  = regexp.MustCompile(`^#\d+ (exporting|pushing|loading) (.+)$`)       // of BuildKit's last step
	atEnd     = regexp.MustCompile(`^#\d+ (?:DONE|CACHED|CANCELED|ERROR)\b`)        // of any step
	took      = regexp.MustCompile(`(?: \d+\.\d+s)?(?: done)?$`)                    // at a line's end
	atPush    = regexp.MustCompile(`^(?:The push refers to repository|pushing \S)`) // docker's, and ours
	atOurs    = regexp.MustCompile(`^(?:waiting for BuildKit|go build )`)           //
)

// longestStep is how many characters a step has at most.
const longestStep = 100

// StepOf returns what a line of a build's output says that it is at, "" for any other
// line.
func StepOf(line string) string {
	line = strings.TrimRight(line, "\r\n ")
	switch {
	case atEnd.MatchString(line):
		return ""
	case atStep.MatchString(line):
		m := atStep.FindStringSubmatch(line)
		return short(strings.TrimSpace(m[1] + " " + m[2] + " " + m[3]))
	case atLegacy.MatchString(line):
		m := atLegacy.FindStringSubmatch(line)
		return short(m[1] + " " + m[2])
	case atContext.MatchString(line):
		_, what, _ := strings.Cut(took.ReplaceAllString(line, ""), " ")
		return short(what)
	case atExport.MatchString(line):
		m := atExport.FindStringSubmatch(took.ReplaceAllString(line, ""))
		if m == nil {
			return ""
		}
		return short(m[1] + " " + m[2])
	case atPush.MatchString(line):
		return "pushing"
	case atOurs.MatchString(line):
		return short(line)
	}
	return ""
}

// short cuts what would fill a line of a terminal.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestStep {
		return string(runes[:longestStep-1]) + "…"
	}
	return text
}
