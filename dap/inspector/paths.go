package inspector

import (
	"encoding/base64"
	"errors"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// filePath returns the file that a script's address names; "" when that is none.
func filePath(address string) string {
	if strings.HasPrefix(address, "/") {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || !strings.HasPrefix(u.Path, "/") {
		return ""
	}
	return path.Clean(u.Path)
}

// addressOf returns a regular expression for the addresses that the scripts of a
// file may have: modules that are loaded again have a query.
func addressOf(file string) string {
	u := (&url.URL{Scheme: "file", Path: file}).String()
	names := []string{regexp.QuoteMeta(u), regexp.QuoteMeta(file), regexp.QuoteMeta("file://" + file)}
	// Node escapes less than others do.
	node := strings.NewReplacer("%", "%25", "\\", "%5C", "\n", "%0A", "\r", "%0D", "\t", "%09", "?", "%3F", "#", "%23").Replace(file)
	names = append(names, regexp.QuoteMeta("file://"+node))
	return "^(?:" + strings.Join(unique(names), "|") + `)(?:\?.*)?$`
}

func unique(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}

// sourceOf returns the file that a source map means by a name. base is the
// address of the map or the script, cwd the program's folder; "" is no file.
func sourceOf(base, name, cwd string) string {
	if i := strings.IndexByte(name, '?'); i > 0 && strings.Contains(name, "://") {
		name = name[:i] // bundlers tell versions apart so
	}
	switch {
	case name == "":
		return ""
	case strings.HasPrefix(name, "file:"):
		return filePath(name)
	case strings.HasPrefix(name, "webpack:"), strings.HasPrefix(name, "webpack-internal:"), strings.HasPrefix(name, "turbopack:"):
		return bundled(name, cwd)
	case strings.HasPrefix(name, "/"):
		return path.Clean(name)
	case strings.Contains(name, "://") || strings.HasPrefix(name, "node:") || strings.HasPrefix(name, "data:"):
		return ""
	}
	dir := filePath(base)
	if dir == "" {
		return ""
	}
	if plain, err := url.PathUnescape(name); err == nil && !strings.Contains(plain, "\x00") {
		name = plain
	}
	return path.Join(path.Dir(dir), name)
}

// bundled returns the file of a source that a bundler names by a scheme of its
// own, below the program's folder: webpack://NAME/./src/a.ts,
// webpack-internal:///(rsc)/./src/a.ts, turbopack:///[project]/src/a.ts.
func bundled(name, cwd string) string {
	_, rest, ok := strings.Cut(name, "://")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "/") // the bundle's name
	if strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "[") {
		_, rest, _ = strings.Cut(rest, "/") // the layer's
	}
	switch {
	case rest == "" || strings.HasPrefix(rest, "webpack/") || strings.HasPrefix(rest, "external "):
		return ""
	case strings.HasPrefix(rest, "/"):
		return path.Clean(rest)
	case strings.HasPrefix(rest, "~/"):
		return path.Join(cwd, "node_modules", rest[2:])
	case cwd == "":
		return ""
	}
	return path.Join(cwd, rest)
}

// errNoData says that an address holds no data.
var errNoData = errors.New("no data: address")

// dataOf returns what a data: address holds.
func dataOf(address string) ([]byte, error) {
	rest, ok := strings.CutPrefix(address, "data:")
	if !ok {
		return nil, errNoData
	}
	kind, text, ok := strings.Cut(rest, ",")
	if !ok {
		return nil, errNoData
	}
	if strings.HasSuffix(kind, ";base64") {
		text = strings.TrimRight(text, "=")
		if data, err := base64.RawStdEncoding.DecodeString(text); err == nil {
			return data, nil
		}
		return base64.RawURLEncoding.DecodeString(text)
	}
	plain, err := url.PathUnescape(text)
	return []byte(plain), err
}

// isDependency reports whether a file belongs to a package that the program uses: its
// maps are mostly of sources that are not there.
func isDependency(file string) bool { return strings.Contains(file, "/node_modules/") }
