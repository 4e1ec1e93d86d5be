package logs

import (
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/server/api"
)

// levels are the names that loggers give levels, in lower case.
var levels = map[string]string{
	"trace": "trace", "trc": "trace", "verbose": "trace", "finest": "trace",
	"debug": "debug", "dbg": "debug", "debu": "debug", "fine": "debug",
	"info": "info", "inf": "info", "information": "info", "informational": "info", "notice": "info",
	"warn": "warn", "warning": "warn", "wrn": "warn",
	"error": "error", "err": "error", "eror": "error", "severe": "error",
	"fatal": "fatal", "ftl": "fatal", "critical": "fatal", "crit": "fatal", "panic": "fatal", "dpanic": "fatal",
	"alert": "fatal", "emergency": "fatal", "emerg": "fatal",
}

// levelNamed is the level that a logger names, as text or by number (pino's and
// bunyan's), "" where it is none.
func levelNamed(name string) string {
	if level, ok := levels[strings.ToLower(name)]; ok {
		return level
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 10 || n > 60 {
		return ""
	}
	return api.LogLevels[n/10-1]
}

// Rank is the place of a level among LogLevels, -1 of none.
func Rank(level string) int { return slices.Index(api.LogLevels[:], level) }

// levelRoom is how much of a plain line is searched for its level, in bytes.
const levelRoom = 96

// levelOf finds the level of a plain line: a word in capitals, or one in
// brackets or before a colon, near its beginning; klog's letter; or what
// begins a stack trace. "" where it has none.
func levelOf(text string) string {
	switch {
	case strings.HasPrefix(text, "panic: "), strings.HasPrefix(text, "fatal error: "),
		strings.HasPrefix(text, "Traceback (most recent call last)"), strings.HasPrefix(text, "Exception in thread "),
		isException(text):
		return "error"
	case isKlog(text):
		return map[byte]string{'I': "info", 'W': "warn", 'E': "error", 'F': "fatal"}[text[0]]
	}
	text = text[:min(len(text), levelRoom)]
	for at := 0; at < len(text); {
		if !isLetter(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && (isLetter(text[end]) || text[end] == '_') {
			end++
		}
		if level := levelWord(text, at, end); level != "" {
			return level
		}
		at = end
	}
	return ""
}

func levelWord(text string, at, end int) string {
	word := text[at:end]
	level, ok := levels[strings.ToLower(word)]
	if !ok || end < len(text) && (text[end] == '=' || text[end] >= '0' && text[end] <= '9') {
		return ""
	}
	before, after := byte(' '), byte(' ')
	if at > 0 {
		before = text[at-1]
	}
	if end < len(text) {
		after = text[end]
	}
	framed := before == '[' && after == ']' || before == '<' && after == '>' || before == '(' && after == ')'
	switch {
	case framed, at == 0 && after == ':':
		return level
	case word == strings.ToUpper(word) && len(word) > 2 && strings.IndexByte(" \t|", before) >= 0 && strings.IndexByte(" \t|:", after) >= 0:
		return level
	}
	return ""
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// isKlog reports whether a line begins as klog's do: I0102 15:04:05.
func isKlog(text string) bool {
	if len(text) < 9 || strings.IndexByte("IWEF", text[0]) < 0 || text[5] != ' ' || text[8] != ':' {
		return false
	}
	for _, i := range [...]int{1, 2, 3, 4, 6, 7} {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// isException reports whether a line begins with the name of an exception, as
// Java, Python and Node end or begin their stacks: java.lang.FooException: text.
func isException(text string) bool {
	name, _, _ := strings.Cut(text, ":")
	if len(name) > 128 || strings.ContainsAny(name, " \t=/") {
		return false
	}
	for _, suffix := range [...]string{"Exception", "Error"} {
		if strings.HasSuffix(name, suffix) && len(name) > len(suffix) {
			return name[0] >= 'A' && name[0] <= 'Z' || strings.ContainsRune(name, '.')
		}
	}
	return name == "Error" && len(text) > len(name)
}
