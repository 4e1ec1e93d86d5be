package eval

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.starlark.net/starlark"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// kustomizing serialises runs of the library, whose schema is global.
var kustomizing sync.Mutex

func (c *call) kustomize() (starlark.Value, error) {
	var in struct {
		Paths unpack.Path     `arg:"paths"`
		Bin   starlark.Value  `arg:"kustomize_bin"`
		Flags unpack.Sequence `arg:"flags"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	dir := in.Paths.Value
	var out string
	var err error
	options, library := kustomizeOptions(in.Flags)
	bin, _ := value.AsString(value.OrNone(in.Bin))
	if library && bin == "" {
		out, err = c.run.kustomizeLibrary(dir, in.Flags, options)
	} else {
		out, err = c.run.kustomizeBinary(dir, bin, in.Flags)
	}
	if err != nil {
		c.run.files.Watch(dir) // what is missing may come
		return nil, err
	}
	return value.Blob{Text: out, Source: "kustomize: " + dir}, nil
}

// kustomizeOptions translates flags to the library's options; ok is false when
// one of them is only known to the program.
func kustomizeOptions(flags []string) (*krusty.Options, bool) {
	o := krusty.MakeDefaultOptions()
	o.Reorder = krusty.ReorderOptionUnspecified
	for i := 0; i < len(flags); i++ {
		name, value, hasValue := strings.Cut(strings.TrimLeft(flags[i], "-"), "=")
		needsValue := name == "load-restrictor" || name == "load_restrictor" || name == "reorder"
		if needsValue && !hasValue && i+1 < len(flags) {
			i++
			value = flags[i]
		}
		switch {
		case strings.HasPrefix(name, "load") && strings.HasSuffix(strings.ToLower(value), "none"):
			o.LoadRestrictions = types.LoadRestrictionsNone
		case strings.HasPrefix(name, "load"):
		case name == "reorder":
			o.Reorder = krusty.ReorderOption(value)
		case name == "enable-managedby-label":
			o.AddManagedbyLabel = !hasValue || value == "true"
		default:
			return nil, false
		}
	}
	return o, true
}

func (r *run) kustomizeLibrary(dir string, flags []string, options *krusty.Options) (string, error) {
	if r.opts.Allowed != nil && !r.kustomizesHere(dir) && r.held("fetching what the kustomization in "+dir+" names") {
		return "", nil
	}
	key := cache.Key{Kind: "kustomize", Content: dir + "\x00" + strings.Join(flags, "\x00")}
	reads := r.newReadFiles()
	defer reads.watch()
	if text, ok := recall[string](r.opts.Cache, key, reads); ok {
		return text, nil
	}
	files := &asking{FileSystem: reads}
	text, err := kustomizeBuild(files, dir, options)
	if err == nil && !files.unsure {
		r.opts.Cache.Put(key, &remembered[string]{text, files.asked})
	}
	return text, err
}

func kustomizeBuild(files filesys.FileSystem, dir string, options *krusty.Options) (string, error) {
	kustomizing.Lock()
	defer kustomizing.Unlock()
	result, err := krusty.MakeKustomizer(options).Run(files, dir)
	if err != nil {
		return "", remote(fmt.Errorf("kustomize: %w", err))
	}
	text, err := result.AsYaml()
	return string(text), err
}

// remote tells an error that is about fetching what a kustomization names. The
// library keeps only the words of what went wrong.
func remote(err error) error {
	if text := err.Error(); strings.Contains(text, ": dial tcp") || strings.Contains(text, "git fetch") {
		return fault.Environment(err)
	}
	return err
}

// kustomizeBinary runs the program, or kubectl in its place.
func (r *run) kustomizeBinary(dir, bin string, flags []string) (string, error) {
	r.watchBelow(dir)
	argv := []string{bin, "build"}
	switch {
	case bin != "":
	case r.hasProgram("kustomize"):
		argv[0] = "kustomize"
	case r.hasProgram("kubectl"):
		argv = []string{"kubectl", "kustomize"}
	default:
		return "", fault.Environment(fmt.Errorf("kustomize: the flags %q need the program kustomize or kubectl, and neither is installed", flags))
	}
	argv = append(append(argv, flags...), dir)
	if r.held("the command " + strconv.Quote(value.CommandText(argv))) {
		return "", nil
	}
	var stderr strings.Builder
	out, err := r.command(config.Command{Argv: argv, Dir: r.dir()}, "", func(s string) { stderr.WriteString(s) })
	if err != nil {
		return "", fmt.Errorf("command %q failed.\nerror: %w\nstdout: %s\nstderr: %s", value.CommandText(argv), err, quoteEnd(string(out)), quoteEnd(stderr.String()))
	}
	return string(out), nil
}

// watchBelow notes all files below a folder.
func (r *run) watchBelow(dir string) {
	r.files.Watch(dir)
	paths, _ := r.files.List(dir, true)
	for _, p := range paths {
		r.files.Watch(p)
	}
}

// hasProgram reports whether a program is in the PATH of the run.
func (r *run) hasProgram(name string) bool {
	return process.Find(name, r.env.Var("PATH"), r.dir()) != ""
}

// readFiles lets kustomize read files and notes which; it refuses to write.
type readFiles struct {
	filesys.FileSystem
	run  *run
	seen []string
}

func (r *run) newReadFiles() *readFiles {
	return &readFiles{FileSystem: filesys.MakeFsOnDisk(), run: r}
}

// watch has the run depend on what was read.
func (f *readFiles) watch() {
	for _, path := range f.seen {
		f.run.files.Watch(path)
	}
}

// ReadFile implements filesys.FileSystem.
func (f *readFiles) ReadFile(path string) ([]byte, error) {
	f.note(path)
	if !filepath.IsAbs(path) {
		return f.FileSystem.ReadFile(path)
	}
	return f.run.files.Content(path)
}

// Open implements filesys.FileSystem.
func (f *readFiles) Open(path string) (filesys.File, error) {
	f.note(path)
	return f.FileSystem.Open(path)
}

// note leaves out what was fetched to a temporary folder, and the other names
// that a kustomization could have.
func (f *readFiles) note(path string) {
	if !filepath.IsAbs(path) || f.fetched(path) {
		return
	}
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path)) && !f.FileSystem.Exists(path) {
		return
	}
	f.seen = append(f.seen, path)
}

// fetched reports whether a path is in a folder that the library made to fetch
// something to. A project may have such a name as well.
func (f *readFiles) fetched(path string) bool {
	made := filepath.Join(os.TempDir(), "kustomize-")
	rest, ok := strings.CutPrefix(path, made)
	if !ok {
		return false
	}
	folder, _, _ := strings.Cut(rest, string(filepath.Separator))
	return !value.Below([]string{made + folder}, f.run.opts.Tiltfile)
}

// Create implements filesys.FileSystem.
func (f *readFiles) Create(path string) (filesys.File, error) {
	if !strings.HasPrefix(path, os.TempDir()) {
		return nil, &os.PathError{Op: "create", Path: path, Err: os.ErrPermission}
	}
	return f.FileSystem.Create(path)
}
