package daemon

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/deploy"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// record is what outlives a daemon.
type record struct {
	ID     string                 `json:"id,omitempty"`    // random: part of the workspace's label
	Up     *api.UpRequest         `json:"up,omitempty"`    // nil: not up
	Alone  bool                   `json:"alone,omitempty"` // up without a cluster
	Pin    string                 `json:"pin,omitempty"`
	Images map[string]imageRecord `json:"images,omitempty"`

	// Bases are the files of what is updated live and never built, by its ref, as
	// they were when it was brought up.
	Bases map[string]map[string]tree.Hash `json:"bases,omitempty"`

	// Applied and Deploys are what may be in the cluster, whatever the Tiltfile
	// says by now: objects by name, and resources with a command of their own.
	Applied []map[string]any  `json:"applied,omitempty"`
	Deploys []config.Resource `json:"deploys,omitempty"`
	Named   []map[string]any  `json:"named,omitempty"` // workloads that such commands printed: they may have got the agent
	// Compose are the services of Compose that were brought up, by project.
	Compose map[string][]string `json:"compose,omitempty"`
	Leaving bool                `json:"leaving,omitempty"` // a Down began and did not end

	// Decided is what a person said of what GitOps tools hold, by the question's id, and
	// Paused which of their Controllers are, or may be, paused for this workspace.
	Decided map[string]config.GitOps `json:"decided,omitempty"`
	Paused  []kube.Controller        `json:"paused,omitempty"`

	// Logged says that the present run of the log has seen the project up: the next
	// Up begins another.
	Logged bool `json:"logged,omitempty"`

	// Switched are the resources that a person turned on or off since Up.
	Switched map[string]bool `json:"switched,omitempty"`

	// Allowed is what the files held that were read when a person wanted the
	// Tiltfile to run, by path.
	Allowed map[string]string `json:"allowed,omitempty"`
}

// imageRecord is what an image was built from.
type imageRecord struct {
	Spec   string               `json:"spec"`
	Result build.Result         `json:"result"`
	Files  map[string]tree.Hash `json:"files"` // at the time of the build
}

// store keeps the record in the state folder, and beside it a journal of the
// files that were ever sent into containers: a file that was changed and then
// changed back looks like the image's, but the container's may be the other.
//
// A disk that is full must not make that a lie. A journal that misses a file is
// removed, which takes no room; where there is none beside a record, any file
// may have been sent, also one that went since: then the containers are asked
// what they were brought.
type store struct {
	dir       string
	record    record
	touched   map[string]bool
	all       bool // any other file may have been sent as well
	journal   *os.File
	unsaved   bool   // the record has to be written
	failed    error  // why the record, or the journal, is not written
	noJournal error  // why there is no journal
	told      bool   // that not all is written down
	damaged   string // what is to be said of a record that could not be read
	log       *slog.Logger
}

func openStore(dir string, log *slog.Logger) (*store, error) {
	s := &store{dir: dir, touched: map[string]bool{}, log: log}
	var err error
	if s.record, s.damaged, err = readRecord(dir); err != nil {
		return nil, fmt.Errorf("reading the workspace's state: %w", err)
	}
	if s.record.Images == nil {
		s.record.Images = map[string]imageRecord{}
	}
	if err := s.readJournal(); err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return s, nil
}

// anyFile is the line of a journal that some files are missing in.
const anyFile = "true"

// readJournal reads what was noted. A last line that is torn is ended, so that
// it does not take the next one with it.
func (s *store) readJournal() error {
	data, err := os.ReadFile(s.path("touched"))
	if errors.Is(err, fs.ErrNotExist) {
		s.all = len(s.record.Images)+len(s.record.Bases) > 0
		s.rewrite()
		return nil
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		var path string
		if string(bytes.TrimSpace(line)) == anyFile {
			s.all = true
		} else if json.Unmarshal(line, &path) == nil {
			s.touched[path] = true
		}
	}
	s.journal, err = os.OpenFile(s.path("touched"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil && len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		s.append("")
	}
	return err
}

// append adds a line to the journal, or removes it.
func (s *store) append(line string) {
	if s.noJournal != nil {
		return
	}
	if _, err := s.journal.WriteString(line + "\n"); err != nil {
		s.discard(err)
	}
}

// discard removes a journal that misses a file.
func (s *store) discard(err error) {
	s.noJournal = fmt.Errorf("writing the journal: %w", err)
	s.log.Error("journal", "err", err)
	if s.journal != nil {
		s.journal.Close()
		s.journal = nil
	}
	if err := os.Remove(s.path("touched")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("journal", "err", err)
	}
}

// rewrite writes a whole journal where there is none.
func (s *store) rewrite() {
	var text bytes.Buffer
	if s.all {
		fmt.Fprintln(&text, anyFile)
	}
	for p := range s.touched {
		line, err := json.Marshal(p)
		if err == nil { // as for any string
			text.Write(append(line, '\n'))
		}
	}
	journal, err := replaceJournal(s.path("touched"), text.Bytes())
	if err == nil {
		s.journal, s.noJournal = journal, nil
	} else if s.noJournal == nil {
		s.discard(err)
	}
}

// replaceJournal puts a journal in place and leaves it open: one that nobody
// could add to would miss what comes.
func replaceJournal(path string, text []byte) (*os.File, error) {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(text); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// retry writes what could not be written.
func (s *store) retry() {
	if s.noJournal != nil {
		s.rewrite()
	}
	if s.unsaved {
		s.save()
	}
}

// changed writes what could not be written, and returns what is wrong by now; ok
// says that it is another thing than before.
func (s *store) changed() (problem *config.Problem, ok bool) {
	s.retry()
	problem = s.unwritten()
	ok = (problem != nil) != s.told
	s.told = problem != nil
	return problem, ok
}

// unwritten says why not all that is done is written down, nil when all is.
func (s *store) unwritten() *config.Problem {
	err := cmp.Or(s.noJournal, s.failed)
	if err == nil {
		return nil
	}
	return &config.Problem{
		Message: fmt.Sprintf("what is done here is not written down: %v", err),
		Hint:    fmt.Sprintf("make room in %s; until then a new daemon compares all files with the pods'", s.dir),
	}
}

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

// save replaces the record on disk. Where that fails, what is up is known from
// the cluster's labels alone.
func (s *store) save() {
	err := s.write()
	if err != nil && s.failed == nil {
		s.log.Error("state", "err", err)
	}
	s.failed, s.unsaved = err, err != nil
}

func (s *store) write() error {
	data, err := json.Marshal(s.record)
	if err != nil {
		return err
	}
	temp := s.path(recordFile + ".new")
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return fmt.Errorf("saving the workspace's state: %w", err)
	}
	_ = os.Remove(s.path(recordFile + ".old")) // the first time there is none
	if s.record.Up != nil {                    // what went down must not come back with a copy
		_ = os.Link(s.path(recordFile), s.path(recordFile+".old")) // a disk without links keeps no copy
	}
	return os.Rename(temp, s.path(recordFile))
}

// anew writes all into a folder that was deleted.
func (s *store) anew() {
	if s.journal != nil {
		s.journal.Close()
		s.journal = nil
	}
	s.rewrite()
	s.save()
}

// touch notes files before they are sent.
func (s *store) touch(paths []string) {
	for _, p := range paths {
		if s.touched[p] {
			continue
		}
		s.touched[p] = true
		if line, err := json.Marshal(p); err == nil { // as for any string
			s.append(string(line))
		}
	}
}

// forgetTouched empties the journal: nothing runs that could hold old files.
func (s *store) forgetTouched() {
	s.touched, s.all = map[string]bool{}, false
	if s.noJournal != nil {
		s.rewrite()
	} else if err := s.journal.Truncate(0); err != nil {
		s.discard(err)
	}
}

func (s *store) close() {
	if s.journal != nil {
		s.journal.Close()
	}
}

// applies notes what an apply may bring into the cluster, and reports whether
// that was not known.
func (r *record) applies(p *config.Project, res *config.Resource) bool {
	news := false
	if s := res.Compose; s != nil && !slices.Contains(r.Compose[s.Project], s.Service) {
		if r.Compose == nil {
			r.Compose = map[string][]string{}
		}
		r.Compose[s.Project] = append(r.Compose[s.Project], s.Service)
		news = true
	}
	if res.CustomDeploy != nil {
		r.Deploys = slices.DeleteFunc(r.Deploys, func(old config.Resource) bool { return old.Name == res.Name })
		r.Deploys = append(r.Deploys, config.Resource{Name: res.Name, Kind: res.Kind, CustomDeploy: res.CustomDeploy})
		news = true
	}
	for i := range p.YAML {
		if o := &p.YAML[i]; o.Resource == res.Name {
			news = addName(&r.Applied, o.Content) || news
		}
	}
	return news
}

// addName adds an object's name to a list, and reports whether it was not there.
func addName(list *[]map[string]any, o map[string]any) bool {
	name := skeleton(o)
	if slices.ContainsFunc(*list, func(old map[string]any) bool { return reflect.DeepEqual(old, name) }) {
		return false
	}
	*list = append(*list, name)
	return true
}

// applied remembers the workloads that a command says it applied, and reports
// whether that is new: a Down has to look at them even where nobody may search
// all namespaces for them.
func (r *record) applied(objects []map[string]any) bool {
	news := false
	for _, o := range objects {
		news = deploy.MayGetAgent(o) && addName(&r.Named, o) || news
	}
	return news
}

// toggle notes resources that a person turned on or off. What was lent to the
// engine stays as it is.
func (r *record) toggle(on bool, names ...string) {
	if r.Switched = maps.Clone(r.Switched); r.Switched == nil {
		r.Switched = map[string]bool{}
	}
	for _, name := range names {
		r.Switched[name] = on
	}
}

// decide notes what a person said of what a GitOps tool holds. What was lent to the
// runner stays as it is.
func (r *record) decide(id string, mode config.GitOps) {
	if r.Decided = maps.Clone(r.Decided); r.Decided == nil {
		r.Decided = map[string]config.GitOps{}
	}
	r.Decided[id] = mode
}

// pauses notes that what holds objects is about to be paused, and reports whether
// that is new.
func (r *record) pauses(by *kube.Controller) bool {
	if by == nil || slices.Contains(r.Paused, *by) {
		return false
	}
	r.Paused = append(r.Paused, *by)
	return true
}

// skeleton is what names an object.
func skeleton(o map[string]any) map[string]any {
	meta, _ := o["metadata"].(map[string]any)
	named := map[string]any{}
	for _, key := range []string{"name", "namespace"} {
		if v, ok := meta[key].(string); ok && v != "" {
			named[key] = v
		}
	}
	return map[string]any{"apiVersion": o["apiVersion"], "kind": o["kind"], "metadata": named}
}

// resumes returns what a daemon that starts goes on with, nil for nothing: what
// is on its way down goes on when asked, and a build server's run was for once.
func (r *record) resumes() *api.UpRequest {
	if r.Up == nil || r.Up.CI || r.Leaving {
		return nil
	}
	return r.Up
}

// removed forgets a service of Compose of which nothing is left. Its project stays
// known, since a Down removes its networks.
func (r *record) removed(s *config.Compose) {
	if left, known := r.Compose[s.Project]; known {
		r.Compose[s.Project] = slices.DeleteFunc(left, func(name string) bool { return name == s.Service })
	}
}

// remote reports whether something of the workspace is in a cluster, or may be.
func (r *record) remote() bool {
	return r.Up != nil && !r.Alone || len(r.Applied)+len(r.Deploys)+len(r.Named) > 0
}

// needsCluster reports whether a project cannot be brought up without a
// cluster: something of it, or of what it was, is there.
func (r *record) needsCluster(p *config.Project) bool { return inCluster(p) || r.remote() }

// pin remembers the cluster. What was built for another one says nothing about
// it.
func (r *record) pin(pin string) {
	if r.Pin != pin {
		r.Pin, r.Images, r.Bases = pin, map[string]imageRecord{}, nil
	}
}

// pinned is the cluster where the project is up, "" where that is none.
func (r *record) pinned() string {
	if r.Up == nil || r.Alone {
		return ""
	}
	return r.Pin
}

// forget drops what is gone from the cluster.
func (r *record) forget() {
	*r = record{ID: r.ID, Pin: r.Pin, Images: r.Images, Allowed: r.Allowed, Logged: r.Logged}
}

// Remembered returns what is up in a workspace whose daemon does not run, as
// it was asked for; nil when nothing is.
func Remembered(e api.Endpoint) *api.UpRequest {
	r, _, err := readRecord(e.State)
	if err != nil {
		return nil
	}
	return r.Up
}

// recordFile holds the record. Beside it lies a copy of the one before.
const recordFile = "state.json"

// readRecord reads what an earlier daemon wrote down, none where there was none. Of a
// record that is damaged the one before is taken: it may lack the last thing that was
// done, which costs a build or is found by its labels. Without a copy nothing is known.
func readRecord(dir string) (r record, damaged string, err error) {
	r, err = parseRecord(filepath.Join(dir, recordFile))
	none := errors.Is(err, fs.ErrNotExist)
	if !none && !errors.Is(err, errDamaged) {
		return r, "", err
	}
	before, err := parseRecord(filepath.Join(dir, recordFile+".old"))
	switch {
	case err == nil:
		return before, "the workspace's state was damaged: what was written down before is gone on with", nil
	case none && errors.Is(err, fs.ErrNotExist):
		return record{}, "", nil
	}
	return record{}, "the workspace's state was damaged, and nothing is known of what is up: `towline up --take-over` takes it up again", nil
}

// errDamaged says that a record is none.
var errDamaged = errors.New("damaged")

func parseRecord(file string) (r record, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return record{}, err
	}
	if err := json.Unmarshal(data, &r); err != nil || reflect.DeepEqual(r, record{}) {
		return record{}, errDamaged
	}
	return r, nil
}
