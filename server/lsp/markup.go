package lsp

import (
	"regexp"
	"strings"

	lsp "go.lsp.dev/protocol"
)

// markup is text for a client that takes Markdown, or plain text.
func markup(text string, markdown bool) *lsp.MarkupContent {
	if markdown {
		return &lsp.MarkupContent{Kind: lsp.MarkupKindMarkdown, Value: text}
	}
	return &lsp.MarkupContent{Kind: lsp.MarkupKindPlainText, Value: plainText(text)}
}

// The marks of the Markdown that starlark/ide writes.
var (
	link2    = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]*)\)`)
	autoLink = regexp.MustCompile(`<(https?://[^>\s]+)>`)
	emphasis = regexp.MustCompile("\\*\\*([^*\n]+)\\*\\*|`([^`\n]+)`")
	escaped  = regexp.MustCompile(`\\([\\!-/:-@[-` + "`" + `{-~])`)
)

// plainText is Markdown as somebody would write it who has no Markdown. What
// stands in fences stays as it is.
func plainText(markdown string) string {
	var out []string
	code := false
	for line := range strings.SplitSeq(markdown, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "```"):
			code = !code
			continue
		case code:
		case trimmed == "---":
			line = ""
		default:
			line = plainLine(line)
		}
		if line == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue // one empty line is enough
		}
		out = append(out, line)
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

func plainLine(line string) string {
	line = strings.TrimRight(line, " ")
	line = strings.TrimLeft(line, "#")
	for _, m := range [...]struct {
		signs   string // one of which each such mark has
		mark    *regexp.Regexp
		instead string
	}{{"[", link2, "$1 ($2)"}, {"<", autoLink, "$1"}, {"*`", emphasis, "$1$2"}, {`\`, escaped, "$1"}} {
		if strings.ContainsAny(line, m.signs) {
			line = m.mark.ReplaceAllString(line, m.instead)
		}
	}
	return strings.TrimPrefix(line, " ")
}
