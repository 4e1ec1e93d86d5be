package ide

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// pathFilter says which paths a string may name.
type pathFilter struct {
	base   string            // the folder that they are relative to
	dirs   bool              // folders only
	file   func(string) bool // whether a file of that name is meant; nil: all are
	marked func(string) bool // whether a folder with such a file is meant; nil: any is
}

// named returns whether names have a pattern, and do not have another.
func named(pattern, not string) func(string) bool {
	yes := regexp.MustCompile(`(?i)` + pattern)
	if not == "" {
		return yes.MatchString
	}
	no := regexp.MustCompile(`(?i)` + not)
	return func(name string) bool { return yes.MatchString(name) && !no.MatchString(name) }
}

var (
	yamlFile   = named(`\.ya?ml$`, "")
	manifest   = named(`\.ya?ml$`, `compose|values|^Chart\.|^kustomization\.`)
	loadedFile = named(`tiltfile|\.(star|bzl)$`, "")
	dockerFile = named(`dockerfile|containerfile`, `\.dockerignore$`)
)

// meantFiles says which files arguments of built-ins name.
var meantFiles = map[string]func(string) bool{
	"k8s_yaml.yaml": manifest, "read_yaml.paths": yamlFile, "read_yaml_stream.paths": yamlFile, "helm.values": yamlFile,
	"read_json.paths": named(`\.json$`, ""), "docker_compose.configPaths": named(`compose.*\.ya?ml$`, ""),
	"docker_compose.env_file": named(`env`, ""), "docker_build.dockerfile": dockerFile,
}

// meantFolders says what lies in the folders that arguments of built-ins name.
var meantFolders = map[string]func(string) bool{
	"helm.paths": named(`^Chart\.ya?ml$`, ""), "kustomize.paths": named(`^kustomization(\.ya?ml)?$`, ""), "docker_build.context": dockerFile,
}

// pathsFor returns which paths an argument of a call names.
func pathsFor(f *resolve.File, sig *infer.Signature, p *decl.Param, path []syntax.Node) pathFilter {
	want := pathFilter{base: baseFolder(f, sig, p, callAround(path)), dirs: true}
	for _, role := range p.Type.Roles() {
		want.dirs = want.dirs && role != decl.RoleFile && role != decl.RolePath && role != decl.RoleGlob
	}
	want.file, want.marked = meantFiles[sig.Name+"."+p.Name], meantFolders[sig.Name+"."+p.Name]
	return want
}

// module completes the file of a load: one of the project's own, or an
// extension.
func (c *completer) module(lit *syntax.Literal) {
	inner := lit.Inner()
	whole, typed := c.f.Src[inner.Start:inner.End], c.f.Src[inner.Start:c.off]
	if ext := strings.HasPrefix(whole, "ext:"); !ext || strings.HasPrefix("ext:", typed) {
		c.paths(lit, pathFilter{base: dir(c.f), file: loadedFile})
		if strings.ContainsRune(whole, '/') && !ext {
			return // the path says where to look
		}
	}
	c.out.Replace = inner
	for _, e := range c.s.extensions(c.f) {
		c.add(Item{Label: "ext://" + e, Kind: ItemModule, rank: rank{near: elsewhere, fit: general}})
	}
}

// paths completes a path, one folder at a time.
func (c *completer) paths(lit *syntax.Literal, want pathFilter) {
	if c.s.Host == nil {
		return
	}
	inner := lit.Inner()
	typed := c.f.Src[inner.Start:c.off]
	folder, slash := "", strings.LastIndexByte(typed, '/')
	if slash >= 0 {
		folder = typed[:slash+1]
	}
	folder = below(want.base, folder)
	entries, _ := c.s.Host.ReadDir(folder)
	rest := c.f.Src[c.off:inner.End]
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		rest = rest[:i]
	}
	c.out.Replace = syntax.Span{Start: inner.Start + slash + 1, End: c.off + len(rest)}
	for n, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(typed[slash+1:], ".")
		if hidden || want.dirs && !e.IsDir() {
			continue
		}
		i := Item{Label: e.Name(), Kind: ItemFile, rank: rank{fit: c.fileFit(want, filepath.Join(folder, e.Name()))}}
		if e.IsDir() {
			i.Label, i.Kind = e.Name()+"/", ItemFolder
			i.rank = rank{fit: fits, order: 1}
			if n < maxLooked {
				i.rank.fit = c.folderFit(want, filepath.Join(folder, e.Name()))
			}
		}
		c.add(i)
	}
}

// maxLooked is how many folders are looked into, to put first those that are
// meant.
const maxLooked = 100

// fileFit says how well a file suits the place.
func (c *completer) fileFit(want pathFilter, path string) fitness {
	switch {
	case path == c.f.Name:
		return misfit // a file rarely means itself
	case want.file != nil && !want.file(filepath.Base(path)):
		return general
	case want.file == nil:
		return mayFit
	}
	return fits
}

// folderFit says how well a folder suits the place: by what lies in it, where
// that matters.
func (c *completer) folderFit(want pathFilter, path string) fitness {
	meant := want.marked
	if meant == nil {
		meant = want.file
	}
	if meant == nil {
		return fits
	}
	entries, _ := c.s.Host.ReadDir(path)
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && meant(e.Name()) }) {
		return fits
	}
	return mayFit
}
