// Command notices writes the notices of what is linked into the programs: the
// licence of each module, where many share a text only once. A module without a
// licence, or with one that is not allowed here, fails.
//
//	notices [-check] FILE PACKAGE...
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// platforms are those that programs are made for: what is linked differs.
var platforms = []string{"linux", "darwin", "windows"}

// allowed are the licences of what may be linked, by their SPDX names;
// MPL-2.0 holds for files of its own only, which are linked unchanged.
var allowed = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "CC0-1.0"}

func main() {
	check := flag.Bool("check", false, "fail where FILE is not what would be written")
	flag.Parse()
	if err := run(*check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(check bool, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: notices [-check] FILE PACKAGE...")
	}
	modules, err := linked(args[1:])
	if err != nil {
		return err
	}
	var all notices
	for _, m := range modules {
		if err := all.add(m); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	all.write(&text)
	if !check {
		return os.WriteFile(args[0], text.Bytes(), 0o644)
	}
	if have, err := os.ReadFile(args[0]); err != nil || !bytes.Equal(have, text.Bytes()) {
		return fmt.Errorf("%s is not up to date: run \"make notices\"", args[0])
	}
	return nil
}

// module is what `go list -json` says of one.
type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// linked lists the modules whose packages are linked on any platform, by path;
// Go's own library is first.
func linked(packages []string) ([]module, error) {
	root, err := output(nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	found := map[string]module{}
	for _, platform := range platforms {
		list, err := output([]string{"GOOS=" + platform, "CGO_ENABLED=0"}, "go", append([]string{"list", "-deps", "-json=Module"}, packages...)...)
		if err != nil {
			return nil, err
		}
		for each := json.NewDecoder(strings.NewReader(list)); ; {
			var p struct{ Module *module }
			if err := each.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module != nil && !p.Module.Main {
				found[p.Module.Path] = *p.Module
			}
		}
	}
	// Its version is that of whoever builds; the licence is the same.
	list := []module{{Path: "Go's own library", Dir: strings.TrimSpace(root)}}
	for _, m := range found {
		list = append(list, m)
	}
	slices.SortFunc(list[1:], func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}

func output(env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return string(out), nil
}

// notices are the texts to print.
type notices struct {
	texts []*notice
}

// notice is one text and those that it holds for.
type notice struct {
	licences string   // SPDX names
	key      string   // the same for two texts that differ in layout alone
	text     string   // as the first has it
	holders  []string // module, version and, where the text does not have them, its copyright lines
}

var (
	legal     = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)
	layout    = regexp.MustCompile(`\W+`)
	copyright = regexp.MustCompile(`(?im)^\W*(copyright (?:\(c\)|©|[0-9]{4}).*)$`)
)

// add takes up the licence files of one module.
func (n *notices) add(m module) error {
	if m.Replace != nil {
		m.Dir = m.Replace.Dir
	}
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	licensed := false
	for _, entry := range entries {
		// Documents have licences of their own; they are not linked.
		if !legal.MatchString(entry.Name()) || entry.IsDir() || strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), ".docs") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, entry.Name()))
		if err != nil {
			return err
		}
		licences, err := identify(text)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", m.Path, entry.Name(), err)
		}
		licensed = licensed || len(licences) > 0
		n.hold(m, strings.Join(licences, ", "), string(text))
	}
	if !licensed {
		return fmt.Errorf("%s: no licence that is known in %s", m.Path, m.Dir)
	}
	return nil
}

// identify names the licences that text holds; none is no error, a NOTICE has none.
func identify(text []byte) ([]string, error) {
	var found []string
	for _, match := range licensecheck.Scan(text).Match {
		if match.IsURL || slices.Contains(found, match.ID) || strings.Contains(match.ID, "Patent") {
			continue
		}
		if !slices.Contains(allowed, match.ID) {
			return nil, fmt.Errorf("%s is not among the licences that are allowed", match.ID)
		}
		found = append(found, match.ID)
	}
	return found, nil
}

// hold notes that text holds for m. Apache's is one wherever it is whole, but for the copyright lines.
func (n *notices) hold(m module, licences, text string) {
	key, holder := layout.ReplaceAllString(strings.ToLower(text), " "), strings.TrimSpace(m.Path+" "+m.Version)
	if licences == "Apache-2.0" && licensecheck.Scan([]byte(text)).Percent > 90 {
		key = licences
		for _, line := range copyright.FindAllStringSubmatch(text, -1) {
			if !strings.ContainsAny(line[1], "[{") {
				holder += ", " + strings.TrimSpace(line[1])
			}
		}
	}
	at := slices.IndexFunc(n.texts, func(have *notice) bool { return have.key == key })
	if at < 0 {
		at = len(n.texts)
		n.texts = append(n.texts, &notice{licences: licences, key: key, text: strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))})
	}
	n.texts[at].holders = append(n.texts[at].holders, holder)
}

func (n *notices) write(to io.Writer) {
	fmt.Fprint(to, "Towline is made with the following works, each under its own licence.\n")
	for _, each := range n.texts {
		title := each.licences
		if title == "" {
			title = "Notice"
		}
		fmt.Fprintf(to, "\n%s\n%s\n  %s\n\n%s\n", strings.Repeat("=", 80), title, strings.Join(each.holders, "\n  "), each.text)
	}
}
