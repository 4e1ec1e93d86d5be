package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// opened is a Store of a folder that is closed at the test's end.
func opened(t testing.TB, dir string) *Store {
	t.Helper()
	s := Open(Options{Dir: dir, Report: func(err error) { t.Error(err) }})
	t.Cleanup(s.Close)
	return s
}

func line(text string) api.LogLine {
	return api.LogLine{Time: time.Unix(1_800_000_000, 0), Resource: "web", Source: api.LogRuntime, Pod: "web-1", Container: "c", Text: text}
}

// texts are the texts of the lines that a request gets.
func texts(t *testing.T, s *Store, req api.LogsRequest) []string {
	t.Helper()
	var out []string
	for _, l := range served(t, s, req) {
		out = append(out, l.Text)
	}
	return out
}

func served(t *testing.T, s *Store, req api.LogsRequest) (out []api.LogLine) {
	t.Helper()
	err := s.Serve(t.Context(), req, Known{}, func(lines []api.LogLine) error {
		out = append(out, lines...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func of(resources ...string) api.LogsRequest {
	return api.LogsRequest{LogFilter: api.LogFilter{Resources: resources}}
}

func tail(n int, req api.LogsRequest) api.LogsRequest { req.Tail = n; return req }

func TestStoreReads(t *testing.T) {
	s := opened(t, t.TempDir())
	for i, resource := range []string{"a", "b", "a", "b", "a"} {
		s.Add(api.LogLine{Resource: resource, Text: fmt.Sprint(i)})
	}
	tests := []struct {
		name string
		req  api.LogsRequest
		want []string
	}{
		{"all", of(), []string{"0", "1", "2", "3", "4"}},
		{"the last of all", tail(2, of()), []string{"3", "4"}},
		{"of one", of("a"), []string{"0", "2", "4"}},
		{"the last of one", tail(2, of("a")), []string{"2", "4"}},
		{"more than there are", tail(9, of("a")), []string{"0", "2", "4"}},
		{"a pattern", of("[bc]"), []string{"1", "3"}},
		{"none", of("x"), nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, texts(t, s, test.req)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestStoreOutlivesItsDaemon opens a folder again, whose last file is torn, and
// one in the middle damaged.
func TestStoreOutlivesItsDaemon(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	want := line("\x1b[31mbytes\xff\x00\r")
	want.Stream, want.Save, want.Level, want.Time = "stderr", 7, "warn", time.Unix(1_800_000_000, 123)
	s.Add(want)
	s.Add(line("panic: boom"))
	s.Add(line("goroutine 1 [running]:"))
	s.Close()

	s = opened(t, dir)
	var got []api.LogLine
	err := s.Serve(t.Context(), api.LogsRequest{}, Known{}, func(lines []api.LogLine) error { got = append(got, lines...); return nil })
	if err != nil || len(got) != 3 {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	if Original(got[0]) != want.Text || got[2].Head != got[1].Seq || got[0].Run != 1 {
		t.Errorf("%+v", got)
	}
	got[0].Seq, got[0].Run, got[0].Raw, got[0].Text = 0, 0, nil, want.Text
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if at := s.Reached(Place{Pod: "web-1", Container: "c"}); !at.Equal(want.Time) {
		t.Errorf("the log of web-1 was read up to %v, want %v", at, want.Time)
	}
	s.Add(line("second"))
	s.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, want one for each daemon", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", f, info.Mode())
		}
	}

	damage(t, files[0], func(data []byte) []byte { data[headLen+5] ^= 1; return append(data, data[:headLen-1]...) })
	s = opened(t, dir)
	if diff := cmp.Diff([]string{"second"}, texts(t, s, api.LogsRequest{})); diff != "" {
		t.Errorf("with a damaged file (-want +got):\n%s", diff)
	}
}

func damage(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, how(data), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedFrame: of a file with three frames the two good ones stay, whatever
// byte of the other is wrong, and all that is before a torn end.
func TestDamagedFrame(t *testing.T) {
	c, err := newCoder()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var data []byte
	var ends []int
	for i := range 3 {
		l := line(fmt.Sprint("frame ", i))
		l.Seq = uint64(i + 1)
		data = c.pack(data, []api.LogLine{l})
		ends = append(ends, len(data))
	}
	read := func(data []byte) (out []string) {
		frames(data, func(h head, frame []byte) bool {
			lines, err := c.unpack(h, frame)
			if err != nil {
				t.Error("a frame whose sum is right cannot be read")
			}
			for _, l := range lines {
				out = append(out, l.Text)
			}
			return true
		})
		return out
	}
	for at := ends[0]; at < ends[1]; at++ {
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		if diff := cmp.Diff([]string{"frame 0", "frame 2"}, read(bad)); diff != "" {
			t.Fatalf("byte %d is wrong (-want +got):\n%s", at, diff)
		}
	}
	for at := ends[1]; at < ends[2]; at++ {
		if diff := cmp.Diff([]string{"frame 0", "frame 1"}, read(data[:at])); diff != "" {
			t.Fatalf("torn at %d (-want +got):\n%s", at, diff)
		}
	}
}

func FuzzFrames(f *testing.F) {
	c, err := newCoder()
	if err != nil {
		f.Fatal(err)
	}
	l := line("a")
	l.Seq = 3
	f.Add(c.pack(nil, []api.LogLine{l}))
	f.Add([]byte(frameMagic + strings.Repeat("\x01", 60)))
	f.Fuzz(func(t *testing.T, data []byte) {
		frames(data, func(h head, frame []byte) bool { _, _ = c.unpack(h, frame); return true })
		if h, err := headOf(data); err == nil && len(data) >= headLen+h.body { // past the sum
			r := reader{data: string(data)}
			for !r.bad && r.data != "" {
				r.text()
				r.varint()
			}
		}
	})
}

func TestRuns(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	s.Begin() // nothing was logged: it is the first one still
	s.Add(line("first"))
	s.Begin()
	s.Add(line("second"))
	s.Close()
	s = opened(t, dir) // a daemon that goes on
	s.Add(line("second, later"))
	s.Begin()
	s.Add(line("third"))
	past := Past(dir)
	for _, test := range []struct {
		s    *Store
		run  int
		want []string
	}{
		{s, 0, []string{"third"}}, {s, -1, []string{"second", "second, later"}}, {s, -2, []string{"first"}},
		{s, 1, []string{"first"}}, {s, 2, []string{"second", "second, later"}}, {s, 3, []string{"third"}},
		{past, 1, []string{"first"}},
	} {
		if diff := cmp.Diff(test.want, texts(t, test.s, api.LogsRequest{Run: test.run, Follow: test.run != 0})); diff != "" {
			t.Errorf("run %d (-want +got):\n%s", test.run, diff)
		}
	}
	for _, run := range []int{9, -3} {
		var p *config.Problem
		if err := s.Serve(t.Context(), api.LogsRequest{Run: run}, Known{}, nil); !errors.As(err, &p) || p.Hint == "" {
			t.Errorf("run %d: %v", run, err)
		}
	}
}

// TestStoreIsBounded writes several times what is kept, on disk and in memory.
func TestStoreIsBounded(t *testing.T) {
	dir := t.TempDir()
	s := Open(Options{Dir: dir, Report: func(err error) { t.Error(err) }, Limit: 3 * fileBytes})
	defer s.Close()
	noise := bytes.Repeat([]byte("."), 64<<10)
	seed := uint32(1)
	last := ""
	for i := range 600 {
		for j := range noise { // what does not get smaller
			seed = seed*1664525 + 1013904223
			noise[j] = '!' + byte(seed>>24)%64
		}
		last = fmt.Sprint(i, string(noise))
		s.Add(line(last))
		if s.mu.Lock(); s.bytes > behindBytes {
			t.Fatalf("%d bytes in memory", s.bytes)
		}
		s.mu.Unlock()
	}
	s.Close()
	all, err := parts(dir)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, p := range all {
		total += p.size
	}
	if total > 4*fileBytes+maxBody || total < 2*fileBytes {
		t.Errorf("%d bytes in %d files", total, len(all))
	}
	if got := texts(t, s, api.LogsRequest{Tail: 1}); len(got) != 1 || got[0] != last {
		t.Error("the newest line is not kept")
	}
}

// secret is a project's with one value.
func secret(value string) *config.Secrets {
	var s *config.Secrets
	return s.With(map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "db"}, "stringData": map[string]any{"password": value}})
}

// TestSecretsReachNoDisk: values that are known keep out, and those that become
// known are taken out of all files, of earlier runs too.
func TestSecretsReachNoDisk(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	s.Hide(secret("hunter2hunter2"))
	s.Add(line("known hunter2hunter2"))
	s.Add(line("unknown yet: correct-horse"))
	s.Close()
	s = opened(t, dir)
	s.Add(line("again correct-horse"))
	s.Hide(secret("correct-horse").Merge(secret("hunter2hunter2")))
	s.Begin()
	s.Add(line("and correct-horse"))
	s.Close()
	c, err := newCoder()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	all, err := parts(dir)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for _, p := range all {
		_ = c.readPart(dir, p, func(head) bool { return true }, func(l api.LogLine) bool {
			if strings.Contains(l.Text, "horse") || strings.Contains(l.Text, "hunter") {
				t.Errorf("run %d has %q", p.run, l.Text)
			}
			return true
		})
	}
}

// TestSecretsAreHiddenWhileFilesHaveThem: what is read from disk shows no value
// that is known, whether or not the files are rid of it yet.
func TestSecretsAreHiddenWhileFilesHaveThem(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	s.Add(line("unknown yet: correct-horse"))
	s.Close()
	s = Past(dir) // which writes no file anew
	s.Hide(secret("correct-horse"))
	for _, tail := range []int{0, 1} {
		got := texts(t, s, api.LogsRequest{Tail: tail})
		if len(got) != 1 || strings.Contains(got[0], "horse") {
			t.Errorf("with a tail of %d: %q", tail, got)
		}
	}
}

// TestFollowersLoseNothing: one that is slower than memory lasts reads on from
// disk, and one that comes back goes on where it was.
func TestFollowersLoseNothing(t *testing.T) {
	s := opened(t, t.TempDir())
	s.Add(line("0"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began, goOn := make(chan struct{}), make(chan struct{})
	const lines = 40_000 // some 12 MB with what each takes
	next, last := 0, uint64(0)
	done := make(chan error, 1)
	enough := errors.New("enough")
	go func() {
		done <- s.Serve(ctx, api.LogsRequest{Follow: true}, Known{}, func(got []api.LogLine) error {
			if next == 0 {
				close(began)
				<-goOn
			}
			for _, l := range got {
				if l.Text != fmt.Sprint(next) {
					return fmt.Errorf("got line %s, want %d", l.Text, next)
				}
				next, last = next+1, l.Seq
			}
			if next == lines/2+1 || next == lines {
				return enough
			}
			return nil
		})
	}()
	<-began
	for i := 1; i <= lines/2; i++ {
		s.Add(line(fmt.Sprint(i)))
	}
	for s.inMemory() > memoryBytes { // until the writer has come so far
		if ctx.Err() != nil {
			t.Fatal("the lines are not written")
		}
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	if err := <-done; err != enough {
		t.Fatalf("after %d lines: %v", next, err)
	}
	for i := lines/2 + 1; i < lines; i++ {
		s.Add(line(fmt.Sprint(i)))
	}
	err := s.Serve(ctx, api.LogsRequest{After: last}, Known{}, func(got []api.LogLine) error {
		for _, l := range got {
			if l.Text != fmt.Sprint(next) {
				return fmt.Errorf("got line %s, want %d", l.Text, next)
			}
			next++
		}
		return nil
	})
	if err != nil || next != lines {
		t.Errorf("%d lines: %v", next, err)
	}
}

func (s *Store) inMemory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

func TestSinceSave(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	req := api.LogsRequest{LogFilter: api.LogFilter{SinceSave: true}}
	var p *config.Problem
	if err := s.Serve(t.Context(), req, Known{}, nil); !errors.As(err, &p) {
		t.Errorf("without a save: %v", err)
	}
	s.Add(line("before"))
	s.Saved(3)
	s.Add(line("old code"))
	s.Runs(Place{Pod: "web-1", Container: "c"}, 3, time.Time{})
	s.Add(line("new code"))
	if diff := cmp.Diff([]string{"old code", "new code"}, texts(t, s, req)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"before", "old code", "new code"}, texts(t, s, api.LogsRequest{})); diff != "" {
		t.Errorf("a mark is shown (-want +got):\n%s", diff)
	}
	s.Close()
	s = opened(t, dir) // another daemon knows it as well
	if diff := cmp.Diff([]string{"old code", "new code"}, texts(t, s, req)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPlacesOfOneName: containers of pods of one name, in two namespaces or one
// after the other, are read each from where its own log was left, and run each what
// was brought to it.
func TestPlacesOfOneName(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	places := []Place{{"a", "db-0", "1", "c"}, {"b", "db-0", "2", "c"}}
	want := map[string]uint64{}
	for i, p := range places {
		s.Runs(p, uint64(i+1), time.Time{})
		l := line("panic: " + p.Namespace)
		l.Namespace, l.Pod, l.UID, l.Time = p.Namespace, p.Pod, p.UID, l.Time.Add(-time.Duration(i)*time.Minute)
		s.Add(l)
		want[l.Text] = uint64(i + 1)
	}
	s.Close()
	s = opened(t, dir)
	for i, p := range places {
		if at := s.Reached(p); !at.Equal(line("").Time.Add(-time.Duration(i) * time.Minute)) {
			t.Errorf("the log of %v was read up to %v", p, at)
		}
	}
	if at := s.Reached(Place{"a", "db-0", "3", "c"}); !at.IsZero() {
		t.Errorf("the next pod of the name was read up to %v", at)
	}
	got := map[string]uint64{}
	if err := s.Serve(t.Context(), api.LogsRequest{}, Known{}, func(lines []api.LogLine) error {
		for _, l := range lines {
			got[l.Text] = l.Save
			if l.Text != "panic: "+l.Namespace || l.UID != fmt.Sprint(l.Save) || l.Head != 0 && l.Head != l.Seq {
				t.Errorf("%+v", l)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("whose code (-want +got):\n%s", diff)
	}
}

// TestWhoseCode: a line has the number of the save whose code wrote it, also
// where it comes before the agent has answered.
func TestWhoseCode(t *testing.T) {
	s := opened(t, t.TempDir())
	at := func(sec int64, text string) api.LogLine {
		l := line(text)
		l.Time = time.Unix(1_800_000_000+sec, 0)
		return l
	}
	s.Runs(Place{Pod: "web-1", Container: "c"}, 1, time.Time{})
	s.Add(at(1, "of 1"))
	s.Add(at(3, "of 2, early"))
	s.Runs(Place{Pod: "web-1", Container: "c"}, 2, time.Unix(1_800_000_002, 0))
	s.Add(at(4, "of 2"))
	other := at(4, "of another")
	other.Pod = "web-2"
	s.Add(other)
	got := map[string]uint64{}
	err := s.Serve(t.Context(), api.LogsRequest{}, Known{}, func(lines []api.LogLine) error {
		for _, l := range lines {
			got[l.Text] = l.Save
		}
		return nil
	})
	if diff := cmp.Diff(map[string]uint64{"of 1": 1, "of 2, early": 2, "of 2": 2, "of another": 0}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestDiskThatTakesNothing: what is logged is in memory all the same, and it is
// told once.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	told := 0
	s := Open(Options{Dir: dir, Report: func(error) { told++ }})
	for i := range 50_000 {
		s.Add(line(fmt.Sprint(i)))
	}
	if got := texts(t, s, api.LogsRequest{Tail: 2}); !cmp.Equal(got, []string{"49998", "49999"}) {
		t.Errorf("%q", got)
	}
	if s.Close(); told == 0 || told > 2 {
		t.Errorf("told %d times", told)
	}
}
