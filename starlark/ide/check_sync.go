package ide

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/syntax"
)

// syncSource checks where a sync step of a build takes its files from: that it is
// there, within what is watched, and not left out.
func (c *checker) syncSource(build *syntax.CallExpr, fn string, sync *syntax.CallExpr) {
	local := infer.Argument(sync, 0, "local_path")
	if local == nil || fn == "docker_build" && c.syncPath(build, local) || c.s.Host == nil {
		return
	}
	if by := c.leftOut(build, fn, local); by != "" {
		c.add(local.Span(), CodeSyncOutside, "%s is left out by %s, so nothing of it is synced", local.Value, by)
		return
	}
	c.madeLater(local, "nothing is synced")
}

// leftOut says what leaves a path out of a build, with all that is below it, "" if
// nothing does that can be seen: lists with exceptions, patterns and computed values
// are for the evaluation.
func (c *checker) leftOut(build *syntax.CallExpr, fn string, local *syntax.Literal) string {
	here := c.ownFolder().path
	context := here
	if fn == "docker_build" {
		lit := infer.Argument(build, 1, "context")
		if lit == nil {
			return ""
		}
		context = below(here, lit.Value)
	}
	path := below(here, local.Value)
	within := func(of string) func(string) bool {
		return func(p string) bool { return inside(below(context, p), of) }
	}
	if only, known := literals(namedArg(build, "only")); known && len(only) > 0 &&
		!slices.ContainsFunc(only, within(path)) && !slices.ContainsFunc(only, func(p string) bool { return inside(path, below(context, p)) }) {
		return "only="
	}
	if ignore, known := literals(namedArg(build, "ignore")); known && slices.ContainsFunc(plainPatterns(ignore), within(path)) {
		return "ignore="
	}
	if fn != "docker_build" {
		return ""
	}
	if text, ok := c.s.Host.ReadFile(filepath.Join(context, ".dockerignore")); ok && slices.ContainsFunc(plainPatterns(strings.Split(text, "\n")), within(path)) {
		return ".dockerignore"
	}
	return ""
}

// inside reports whether a clean path is a folder or lies in it.
func inside(folder, path string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// literals are the texts of a list, or of one text; known is false where one of them is
// computed.
func literals(x syntax.Expr) (texts []string, known bool) {
	if x == nil {
		return nil, false
	}
	for _, e := range elements(x) {
		lit, ok := e.(*syntax.Literal)
		if !ok || lit.Kind != syntax.STRING {
			return nil, false
		}
		texts = append(texts, lit.Value)
	}
	return texts, true
}

// plainPatterns are those that are a path; none where there is an exception.
func plainPatterns(patterns []string) (paths []string) {
	for _, p := range patterns {
		p = strings.TrimSpace(p)
		if strings.HasPrefix(p, "!") {
			return nil
		}
		p = strings.TrimSuffix(strings.TrimPrefix(p, "/"), "/**")
		if p = strings.TrimSuffix(p, "/*"); p != "" && p != "." && !strings.HasPrefix(p, "#") && !strings.ContainsAny(p, "*?[\\") {
			paths = append(paths, p)
		}
	}
	return paths
}
