package inputs

import (
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Answers are what an evaluation asked the file system, and what it was told.
// While all answers are the same it comes to the same.
type Answers struct {
	contents map[string]config.Content // of the files that were read
	visible  map[string]bool           // those that were not only read apart
	others   map[question]string
}

// question is one that is not about a file's content.
type question struct {
	about about
	path  string
}

type about byte

const (
	aboutIt      about = iota // whether it is there, and a folder
	aboutEntries              // of a folder
	aboutPath                 // where it leads
)

// note keeps an answer.
func (r *Recorder) note(about about, path, answer string) {
	q := question{about, path}
	if before, asked := r.others[q]; asked && before != answer {
		r.unsure = true // it changed meanwhile
	}
	r.others[q] = answer
}

// noteContent keeps what a file held.
func (r *Recorder) noteContent(path string, c config.Content) {
	if before, read := r.Contents[path]; read && before != c {
		r.unsure = true
	}
	r.Contents[path] = c
}

// Answers returns what was asked and answered. It is false where that is not all
// that the evaluation depends on: a file could not be read or changed meanwhile,
// or the files are not the system's.
func (r *Recorder) Answers() (Answers, bool) {
	_, ok := r.fs.(OS)
	return Answers{r.Contents, r.visible, r.others}, ok && !r.unsure
}

// Changed is a file that was only read apart and holds something else now.
type Changed struct {
	Path, Text string
	Content    config.Content
}

// Compare asks all questions again. Contents are compared, by what is known of
// files that did not change since. It returns the files that changed and were
// only read apart; ok is false where any other answer is another one. Then the
// recorder takes over the answers that were asked for: see Forget.
func (a Answers) Compare(into *Recorder) (changed []Changed, ok bool) {
	r := NewRecorder(OS{}, into.cache)
	into.fresh = r
	for path, want := range a.contents {
		text, err := r.textOf(path) // what it was is in Contents, also when it is missing
		got, ok := r.Contents[path]
		switch {
		case ok && got == want:
		case !ok || err != nil || a.visible[path]:
			return nil, false
		default:
			changed = append(changed, Changed{path, text, got})
		}
	}
	for q, want := range a.others {
		if r.ask(q) != want {
			return nil, false
		}
	}
	return changed, true
}

// With are the answers with those of changed files in place of the old ones.
func (a Answers) With(changed []Changed) Answers {
	a.contents = maps.Clone(a.contents)
	for _, c := range changed {
		a.contents[c.Path] = c.Content
	}
	return a
}

// Contents are what the files held that were read.
func (a Answers) Contents() map[string]config.Content { return a.contents }

// ask asks a question again.
func (r *Recorder) ask(q question) string {
	switch q.about {
	case aboutIt:
		_, _ = r.Stat(q.path)
	case aboutEntries:
		_, _ = r.entries(q.path)
	default:
		_, _ = r.Real(q.path)
	}
	return r.others[q]
}

// Stat looks at a file; it does not watch it. What counts is whether it is
// there, and whether it is a folder.
func (r *Recorder) Stat(path string) (fs.FileInfo, error) {
	info, err := r.fs.Stat(path)
	answer := itIsThere
	switch {
	case err != nil:
		answer = err.Error()
	case info.IsDir():
		answer = itIsFolder
	}
	r.note(aboutIt, path, answer)
	return info, err
}

// The answers about what is there.
const itIsThere, itIsFolder = "there", "a folder"

// it is Stat's answer.
func (r *Recorder) it(path string) string {
	q := question{aboutIt, path}
	if r.fresh != nil {
		if answer, ok := r.fresh.others[q]; ok {
			r.note(aboutIt, path, answer)
			return answer
		}
	}
	_, _ = r.Stat(path)
	return r.others[q]
}

// Forget says that files may be other ones than a moment ago: a command ran.
func (r *Recorder) Forget() { r.fresh = nil }

// Real resolves all symbolic links of a path.
func (r *Recorder) Real(path string) (string, error) {
	real, err := r.fs.EvalSymlinks(path)
	if err != nil {
		r.note(aboutPath, path, "\x00"+err.Error())
	} else {
		r.note(aboutPath, path, real)
	}
	return real, err
}

// entries lists a folder, by name.
func (r *Recorder) entries(dir string) ([]fs.DirEntry, error) {
	entries, err := r.fs.ReadDir(dir)
	if err != nil {
		r.note(aboutEntries, dir, "\x00"+err.Error())
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Name())
		b.WriteByte(0)
		if e.IsDir() {
			b.WriteByte('/')
		}
	}
	r.note(aboutEntries, dir, b.String())
	return entries, nil
}
