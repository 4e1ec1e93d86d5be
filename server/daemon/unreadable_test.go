package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnreadableFolderStaysInThePod: a new daemon cannot see what a folder holds
// that it may not read, and does not take it for deleted, whether it knows what
// was sent before or not.
func TestUnreadableFolderStaysInThePod(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known: ", known), func(t *testing.T) {
			w := newWorld(t, 1, false)
			if w.mayLock(t); w.locks.held == nil {
				t.Skip("all can be read here")
			}
			inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(g *ground) {
				w.begin()
				w.put("src/dir/file", "-content")
				time.Sleep(settleTime)
				if !known {
					w.fill()
				}
				w.put("src/dir/other", "-content")
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(1)
				w.lock("src/dir")
				w.stop()
				w.start()
				w.resume()
				time.Sleep(settleTime)
				synctest.Wait()
				for _, name := range []string{"dir/file", "dir/other"} {
					if _, err := os.Lstat(filepath.Join(w.pod, "app", name)); err != nil {
						t.Errorf("in the pod: %v", err)
					}
				}
				w.unlock("")
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(2)
			})
		})
	}
}

// TestFolderIsReadableAgain: what failed for want of a folder is tried again when
// it can be read, though its files are what they were, or gone, and whether or
// not the system tells of it.
func TestFolderIsReadableAgain(t *testing.T) {
	for what, begin := range map[string]func(w *world){
		"a build": func(w *world) {
			w.lock("src/dir")
			time.Sleep(settleTime)
			w.onApply = func() int { return 4 }
			w.put("src/other", "-content")
		},
		"a live update": func(w *world) {
			w.stop()
			w.remove("src/dir/file")
			w.lock("src/dir")
			w.start()
			w.resume()
		},
	} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprint(what, ", told ", told), func(t *testing.T) {
				w := newWorld(t, 1, false)
				if w.mayLock(t); w.locks.held == nil {
					t.Skip("all can be read here")
				}
				inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
					w.begin()
					w.put("src/dir/file", "-content")
					time.Sleep(settleTime)
					begin(w)
					time.Sleep(settleTime)
					synctest.Wait()
					w.core(func(c *core) {
						if c.state.Image("web").Failed == nil && c.state.Target(podTarget).Failed == nil {
							t.Error("nothing failed")
						}
					})
					w.onApply = nil
					w.deaf = !told
					w.unlock("")
					time.Sleep(settleTime)
					synctest.Wait()
					w.check(1)
				})
			})
		}
	}
}

// TestGoneFromAnUnreadableFolder: a file that went while no daemon ran, from a
// folder that cannot be read for a while, goes from the pod when that can be
// judged: known from the record or from the pod alone, whether any look at the
// files found the folder unreadable, and whether or not the system tells.
func TestGoneFromAnUnreadableFolder(t *testing.T) {
	for _, known := range []bool{true, false} {
		for _, long := range []bool{true, false} {
			for _, told := range []bool{true, false} {
				t.Run(fmt.Sprint("known: ", known, ", for long: ", long, ", told: ", told), func(t *testing.T) {
					w := newWorld(t, 1, false)
					if w.mayLock(t); w.locks.held == nil {
						t.Skip("all can be read here")
					}
					inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
						w.begin()
						if !known {
							w.fill()
						}
						w.put("src/dir/file", "-content")
						time.Sleep(settleTime)
						synctest.Wait()
						w.check(1)
						w.stop()
						w.remove("src/dir/file")
						w.deaf = !told
						w.hideAndSeek("src/dir", long)
						time.Sleep(settleTime)
						synctest.Wait()
						w.check(2)
					})
				})
			}
		}
	}
}

// hideAndSeek begins a daemon while a folder cannot be read: from before its first
// look at the files to after its last, or just while it is compared with the pod.
func (w *world) hideAndSeek(dir string, long bool) {
	if long {
		w.lock(dir)
	} else {
		w.onAgent = func() { w.lock(dir) }
	}
	w.start()
	w.resume()
	if long {
		time.Sleep(settleTime)
	} else {
		time.Sleep(savedPause / 2)
	}
	synctest.Wait()
	if _, err := os.Lstat(filepath.Join(w.pod, "app/dir/file")); err != nil {
		w.t.Errorf("nobody could judge that: %v", err)
	}
	w.onAgent = nil
	w.unlock("")
}

// TestUnreadableBehindALink: a folder that became a link, while no daemon ran, to one
// that cannot be read holds nothing any more, and nobody waits for what is behind it.
func TestUnreadableBehindALink(t *testing.T) {
	for _, full := range []bool{true, false} {
		t.Run(fmt.Sprint("the pod is full: ", full), func(t *testing.T) {
			w := newWorld(t, 1, false)
			if w.mayLock(t); w.locks.held == nil {
				t.Skip("all can be read here")
			}
			inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
				w.begin()
				w.put("src/dir/file", "-content")
				w.put("lib/locked/file", "-content")
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(1)
				w.stop()
				w.remove("src/dir")
				w.put("src/dir", "l../lib/locked")
				w.lock("lib/locked")
				if full {
					w.onApply = func() int { return 4 } // it may not be written: a build, which takes that all can be read
				}
				w.put("src/other", "-content")
				w.start()
				w.resume()
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(2)
				w.onApply = nil
				w.unlock("")
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(3)
			})
		})
	}
}
