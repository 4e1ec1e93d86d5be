package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, time.Time{}, time.Unix(499162500, 0)); err != nil {
		t.Fatal(err)
	}
}

func stamp(t *testing.T, name string) Stamp {
	t.Helper()
	info, err := Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return StampOf(info)
}

// TestStamp replaces a file by one of the same size and time, in all ways in
// which that happens.
func TestStamp(t *testing.T) {
	for name, replace := range map[string]func(a, b string) error{
		"rename":        func(a, b string) error { return os.Rename(b, a) },
		"written again": func(a, _ string) error { write(t, a, "two"); return nil },
		"removed and made": func(a, _ string) error {
			if err := os.Remove(a); err != nil {
				return err
			}
			write(t, a, "two")
			return nil
		},
		"folders change places": func(a, b string) error {
			spare := filepath.Dir(a) + ".spare"
			return errors.Join(os.Rename(filepath.Dir(a), spare), os.Rename(filepath.Dir(b), filepath.Dir(a)), os.Rename(spare, filepath.Dir(b)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, b := filepath.Join(dir, "a", "f"), filepath.Join(dir, "b", "f")
			for _, d := range []string{a, b} {
				if err := os.Mkdir(filepath.Dir(d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write(t, a, "one")
			write(t, b, "two")
			was := stamp(t, a)
			for clock := was; clock.CTime <= was.CTime; clock = stamp(t, filepath.Join(dir, "clock")) {
				write(t, filepath.Join(dir, "clock"), "") // until the file system's clock has moved on
			}
			if err := replace(a, b); err != nil {
				t.Fatal(err)
			}
			if now := stamp(t, a); now == was {
				t.Errorf("the stamp is %+v as before", now)
			} else if now.Size != was.Size || now.MTime != was.MTime {
				t.Errorf("size or time changed: the test proves nothing")
			}
		})
	}
}

func TestSettled(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, test := range []struct {
		stamp Stamp
		want  bool
	}{
		{Stamp{CTime: at.UnixNano()}, false},
		{Stamp{CTime: at.Add(-time.Second).UnixNano()}, false},
		{Stamp{CTime: at.Add(-time.Minute).UnixNano()}, true},
		{Stamp{CTime: at.Add(time.Second).UnixNano()}, false}, // another machine's clock
		{Stamp{CTime: at.UnixNano(), MTime: 1}, false},        // its time of writing was set
		{Stamp{MTime: at.UnixNano()}, false},
		{Stamp{MTime: 1}, true},
	} {
		if got := test.stamp.Settled(at); got != test.want {
			t.Errorf("%+v is settled: %v, want %v", test.stamp, got, test.want)
		}
	}
}

func TestWhatLiesBelowAFileIsMissing(t *testing.T) {
	f := filepath.Join(t.TempDir(), "f")
	write(t, f, "x")
	if _, err := Lstat(filepath.Join(f, "below")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.ReadFile(filepath.Join(f, "below")); !IsMissing(err) {
		t.Errorf("got %v", err)
	}
	loop := filepath.Join(filepath.Dir(f), "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Lstat(filepath.Join(loop, "below")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if err := os.Chmod(filepath.Dir(f), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Dir(f), 0o755)
	if _, err := Lstat(f); os.Getuid() != 0 && IsMissing(err) {
		t.Error("what may not be looked at is missing")
	}
}
