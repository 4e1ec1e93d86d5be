//go:build linux

package debug

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
)

// Program is what a process runs.
type Program struct {
	PID      int
	Exe      string // path of its executable in the container, "" when it cannot be read
	Language string // "Go", "Python", …; "" when it is not known

	wrapper bool // it runs the program that is meant as a child: a shell, `go run`, air
}

// Go reports whether delve may know the program. What cannot be read is left
// for delve to judge.
func (p Program) Go() bool { return !p.wrapper && (p.Language == "Go" || p.Exe == "") }

// meant reports whether the program is one that a person may mean to debug.
func (p Program) meant() bool {
	return p.Go() || !p.wrapper && slices.Contains(languages, p.Language)
}

// languages are those that can be debugged.
var languages = []string{"Go", "Python", "JavaScript"}

// MayRun reports whether the program is there to run another one.
func (p Program) MayRun() bool { return p.wrapper }

func (p Program) String() string { return fmt.Sprintf("%s (pid %d)", p.Exe, p.PID) }

// Look returns the program that a person means who debugs a process: its own,
// or the only one of a known language that it runs when it is a shell, `go run`,
// air or the like. Otherwise the error says what there is instead.
func Look(pid int) (Program, error) {
	root, found, others := survey(pid)
	if root.Go() {
		return root, nil
	}
	if served := root.served(children()); root.wrapper && !served.wrapper {
		return served, nil
	}
	switch {
	case len(found) == 1:
		return found[0].served(children()), nil
	case len(found) > 1:
		e := wire.Errorf(wire.CodeNotDebuggable, "%s runs several programs: %s", root, list(found))
		e.Hint = "let each have a container of its own, so that it is clear which one is debugged"
		return root, e
	case len(others) == 0:
		e := wire.Errorf(wire.CodeNotDebuggable, "%s runs no program of its own now that could be debugged", root)
		e.Hint = "look at its output with `towline logs`, and try again when the program runs"
		return root, e
	}
	return root, unsupported(others[0])
}

// reloaded returns the process that the program, a watcher of its own files, runs
// in its place; 0 when there is none.
func (p Program) reloaded(children map[int][]int) int {
	if p.Language != "Python" {
		return 0
	}
	return reloadedBelow(p.PID, children)
}

// LanguageOf returns the language of the program that Look finds or refuses; ""
// when it is not known, or a shell has not yet run its program.
func LanguageOf(pid int) string {
	_, found, others := survey(pid)
	if all := append(found, others...); len(all) > 0 {
		return all[0].Language
	}
	return ""
}

// survey returns a process's program and, of that or of those that it runs as a
// wrapper, those that can be debugged and the others.
func survey(pid int) (root Program, found, others []Program) {
	root = examine(pid)
	switch {
	case root.Go(): // at each start: no other process is looked at for it
		return root, []Program{root}, nil
	case root.meant():
		if child := root.reloaded(children()); child != 0 {
			return root, []Program{examine(child)}, nil
		}
		return root, []Program{root}, nil
	case !root.wrapper:
		return root, nil, []Program{root}
	}
	found, others = below(root, children())
	return root, found, others
}

// below returns the programs that a wrapper runs and that can be debugged, and
// the other programs, by whatever number of wrappers.
func below(p Program, children map[int][]int) (found, others []Program) {
	for _, pid := range children[p.PID] {
		child := examine(pid)
		if child.meant() {
			if reloaded := child.reloaded(children); reloaded != 0 {
				child = examine(reloaded)
			}
			if last := len(found) - 1; last >= 0 && p.master(found[last], child) {
				found[last] = child // the newest of workers takes the place of one that ended
			} else {
				found = append(found, child)
			}
			continue
		}
		if !child.wrapper && child.Language != "" {
			others = append(others, child)
		}
		f, o := below(child, children)
		found, others = append(found, f...), append(others, o...)
	}
	return found, others
}

// unsupported is the refusal of a program in another language.
func unsupported(p Program) *wire.Error {
	last := len(languages) - 1
	known := strings.Join(languages[:last], ", ") + " and " + languages[last]
	e := wire.Errorf(wire.CodeNotDebuggable, "%s is a program in %s, and so far only %s can be debugged", p, p.Language, known)
	if p.Language == "" {
		e = wire.Errorf(wire.CodeNotDebuggable, "%s is no program in %s, and so far only those can be debugged", p, strings.ReplaceAll(known, " and ", " or "))
	}
	e.Hint = hints[p.Language]
	if e.Hint == "" {
		e.Hint = "start the language's own debugger in the container, and reach it by a port_forward"
	}
	return e
}

// hints say what can be done instead.
var hints = map[string]string{
	"Java": "start it with -agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=5005, and attach the editor's Java debugger through a port_forward",
}

func list(programs []Program) string {
	var names []string
	for _, p := range programs {
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

// goWrappers are the Go programs that are there to run another one, by the path
// of their main package. All of Go's own commands are, too.
var goWrappers = []string{
	"github.com/air-verse/air", "github.com/cosmtrek/air", "github.com/bokwoon95/wgo", "github.com/cespare/reflex",
	"github.com/codegangsta/gin", "github.com/githubnemo/CompileDaemon", "github.com/go-task/task/v3/cmd/task",
	"github.com/gravityblast/fresh", "github.com/mitranim/gow", "github.com/pilu/fresh",
	"github.com/go-delve/delve/cmd/dlv", "github.com/towline-dev/towline/cmd/towline-agent",
}

// wrappers are other programs that run one, by the name of their executable.
var wrappers = []string{
	"sh", "bash", "dash", "ash", "zsh", "busybox", "tini", "tini-static", "dumb-init", "catatonit", "env", "timeout", "nice",
	"su", "sudo", "setpriv", "runuser", "gosu", "su-exec", "make", "entr", "watchexec", "inotifywait", "s6-supervise", "s6-svscan",
	"runsv", "supervisord", "xargs", "stdbuf",
}

// runtimes tell a language by the beginning of the executable's name.
var runtimes = []struct{ begin, language string }{
	{"python", "Python"}, {"pypy", "Python"}, {"node", "JavaScript"}, {"bun", "JavaScript in Bun"}, {"deno", "JavaScript in Deno"}, {"java", "Java"},
	{"ruby", "Ruby"}, {"php", "PHP"}, {"perl", "Perl"}, {"dotnet", ".NET"}, {"beam", "Erlang or Elixir"}, {"lua", "Lua"},
}

// libraries tell a language by a library that a process has mapped.
var libraries = []struct{ part, language string }{
	{"/libjvm.so", "Java"}, {"/libpython", "Python"}, {"/libcoreclr.so", ".NET"}, {"/libruby", "Ruby"}, {"/libnode.so", "JavaScript"},
	{"/libphp", "PHP"}, {"/libperl", "Perl"},
}

// examine looks at one process.
func examine(pid int) Program {
	p := Program{PID: pid}
	link := "/proc/" + strconv.Itoa(pid) + "/exe"
	exe, err := os.Readlink(link)
	if err != nil {
		return p
	}
	p.Exe = strings.TrimSuffix(exe, " (deleted)") // replaced by a later version
	if info, err := buildinfo.ReadFile(link); err == nil {
		p.Language = "Go"
		p.wrapper = strings.HasPrefix(info.Path, "cmd/") || slices.Contains(goWrappers, info.Path)
		return p
	}
	name := filepath.Base(p.Exe)
	p.wrapper = slices.Contains(wrappers, name)
	if !p.wrapper {
		p.Language = language(pid, name)
		p.wrapper = p.Language == "Python" && pythonWraps(pid) || p.Language == "JavaScript" && launches(cmdline(pid))
	}
	return p
}

// language tells that of a program that is not Go, by its executable's name, its
// libraries, or what the compiler left; "" when nothing tells.
func language(pid int, name string) string {
	for _, r := range runtimes {
		if strings.HasPrefix(name, r.begin) {
			return r.language
		}
	}
	dir := "/proc/" + strconv.Itoa(pid)
	maps, _ := os.ReadFile(dir + "/maps") // what cannot be read tells nothing
	for _, l := range libraries {
		if strings.Contains(string(maps), l.part) {
			return l.language
		}
	}
	f, err := elf.Open(dir + "/exe")
	if err != nil {
		return ""
	}
	defer f.Close()
	section := f.Section(".comment")
	if section == nil || section.Size > maxComment {
		return ""
	}
	comment, _ := section.Data()
	switch text := string(comment); {
	case strings.Contains(text, "rustc"):
		return "Rust"
	case strings.Contains(text, "GCC") || strings.Contains(text, "clang"):
		return "C or C++"
	}
	return ""
}

// maxComment bounds what is read of a compiler's remarks, in bytes.
const maxComment = 1 << 16

// children returns the processes of the container by their parents, oldest
// first.
func children() map[int][]int {
	byParent := map[int][]int{}
	entries, _ := os.ReadDir("/proc") // sorted, as far as it can be read
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields := stat(pid); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			byParent[parent] = append(byParent[parent], pid)
		}
	}
	for _, pids := range byParent {
		slices.Sort(pids)
	}
	return byParent
}
