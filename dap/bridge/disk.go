package bridge

import (
	"bufio"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/dap/rewrite"
)

// maxDepth is how deep below the workspace modules are looked for.
const maxDepth = 6

// DescribeDisk returns what this machine holds for the sources of programs
// that are built from a workspace: its modules, and Go's own folders.
func DescribeDisk(ctx context.Context, workspace string) rewrite.Workspace {
	space := rewrite.Workspace{Files: disk{}, Root: filepath.ToSlash(workspace)}
	workspace = filepath.FromSlash(space.Files.Real(space.Root))
	space.Modules = modules(workspace)
	space.GOROOT, space.ModCache = goFolders(ctx, workspace)
	return space
}

// disk is the machine's file system, as rewrite asks for it.
type disk struct{}

// Exists reports whether a regular file has that name.
func (disk) Exists(path string) bool {
	info, err := os.Stat(filepath.FromSlash(path))
	return err == nil && info.Mode().IsRegular()
}

// Real returns the name of a file that no link is part of.
func (disk) Real(path string) string {
	real, err := filepath.EvalSymlinks(filepath.FromSlash(path))
	if err != nil {
		return path
	}
	return filepath.ToSlash(real)
}

// modules finds the Go modules of a workspace, and the one that it lies in.
func modules(workspace string) []rewrite.Module {
	var found []rewrite.Module
	add := func(dir string) bool {
		name := modulePath(filepath.Join(dir, "go.mod"))
		if name != "" {
			found = append(found, rewrite.Module{Dir: filepath.ToSlash(dir), Path: name})
		}
		return name != ""
	}
	for dir := filepath.Dir(workspace); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if add(dir) {
			break
		}
	}
	// What cannot be read holds no module for us.
	_ = filepath.WalkDir(workspace, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if path != workspace && skipped(workspace, path, d.Name()) {
			return filepath.SkipDir
		}
		add(path)
		return nil
	})
	return found
}

func skipped(workspace, path, name string) bool {
	rel, err := filepath.Rel(workspace, path)
	deep := err != nil || strings.Count(rel, string(filepath.Separator)) >= maxDepth
	return deep || strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor" || name == "testdata"
}

// modulePath returns the module directive of a go.mod; "" when there is none.
func modulePath(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		fields := strings.Fields(scan.Text())
		if len(fields) >= 2 && fields[0] == "module" {
			return strings.Trim(fields[1], "\"`")
		}
	}
	return ""
}

// goFolders asks the Go command where its own folders are; without one there
// are none.
func goFolders(ctx context.Context, dir string) (goroot, modcache string) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOROOT", "GOMODCACHE")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", ""
	}
	var env struct{ GOROOT, GOMODCACHE string }
	if json.Unmarshal(out, &env) != nil {
		return "", ""
	}
	return filepath.ToSlash(env.GOROOT), filepath.ToSlash(env.GOMODCACHE)
}
