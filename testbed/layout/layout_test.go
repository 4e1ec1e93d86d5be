package layout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	l := find(t, dir, -1)
	if l.Slot != 0 || l.Name() != "towline-testbed" || l.Registry() != "127.0.0.1:5000" {
		t.Errorf("the default layout is %+v", l)
	}
	if err := (Layout{Dir: dir, Slot: 3}).Save(); err != nil {
		t.Fatal(err)
	}
	if l := find(t, dir, -1); l.Slot != 3 {
		t.Errorf("slot = %d, want that of the folder, 3", l.Slot)
	}
	if l := find(t, dir, 3); l.Slot != 3 {
		t.Errorf("slot = %d, want 3", l.Slot)
	}
	for _, bad := range []struct {
		dir  string
		slot int
		want string
	}{
		{dir, 2, "has slot 3, not 2"},
		{t.TempDir(), 10, "not between 0 and 9"},
		{"/" + strings.Repeat("long", 30), 0, "--state"},
	} {
		if _, err := Find(bad.dir, bad.slot); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("Find(%q, %d) says %v, want %q", bad.dir, bad.slot, err, bad.want)
		}
	}
}

func find(t *testing.T, dir string, slot int) Layout {
	t.Helper()
	l, err := Find(dir, slot)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "/home/someone")
	if l, want := find(t, "", -1), "/home/someone/.local/state/towline/testbed"; l.Dir != want {
		t.Errorf("dir = %q, want %q", l.Dir, want)
	}
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	if l, want := find(t, "", -1), filepath.Join(state, "towline", "testbed"); l.Dir != want {
		t.Errorf("dir = %q, want %q", l.Dir, want)
	}
}

// TestSlots makes sure that no two slots share an address or a name.
func TestSlots(t *testing.T) {
	seen := map[string]int{}
	for slot := range MaxSlot + 1 {
		l := Layout{Dir: "/x", Slot: slot}
		for _, value := range []string{
			l.Name(), l.Bridge(), l.NodeIP(), l.PodCIDR(), l.ServiceCIDR(), l.KubernetesIP(), l.Server(),
			l.Registry(), l.EtcdURL(), l.EtcdPeerURL(), l.CgroupRoot(),
		} {
			if other, ok := seen[value]; ok {
				t.Errorf("slots %d and %d share %s", other, slot, value)
			}
			seen[value] = slot
		}
	}
}

func TestSaveMakesThePrivateFolder(t *testing.T) {
	l := Layout{Dir: filepath.Join(t.TempDir(), "a", "b")}
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode = %v, want 0700", info.Mode().Perm())
	}
}
