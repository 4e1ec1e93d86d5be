package daemon

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/engine"
)

var (
	randomSteps = flag.Int("steps", 3000, "steps of the random sync test")
	randomAll   = flag.Bool("all", false, "new daemons, full disks, unreadable files and floods in the random sync test, too")
	randomSeed  = flag.Uint64("seed", 0, "seed of the random sync test; 0: another one each time")
)

// settleTime is after how long a change that nothing told of is in the pod, an
// agent that was lost meanwhile included.
const settleTime = watchedPause + 20*time.Second

// TestRandomSync changes files in all ways that were ever missed, loses
// notifications and connections, and compares the pod with the folders whenever
// it was quiet for a while. `make test-sync` plays 100,000 steps.
func TestRandomSync(t *testing.T) {
	for what, joint := range map[string]bool{"targets apart": false, "targets that overlap": true} {
		t.Run(what, func(t *testing.T) { playRandomSync(t, joint) })
	}
}

func playRandomSync(t *testing.T, joint bool) {
	w := newWorld(t, seedOf(t), joint)
	if *randomAll {
		w.mayLock(t)
	}
	inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
		w.begin()
		for step := 0; step < *randomSteps/2; step++ {
			w.step()
			if w.rand.IntN(20) > 0 {
				continue
			}
			time.Sleep(settleTime)
			synctest.Wait()
			w.check(step)
			if t.Failed() {
				return
			}
		}
	})
	t.Logf("%d comparisons, %d files at the end, %d faults of the agent, %d daemons, %d full disks, %d images", w.checks, len(w.want()), w.faults, w.daemons, w.full, w.images)
}

// TestLinkBecomesAFolderUnseen: a new daemon that does not know of a link in the
// pod sends no file through it, nor takes the one behind it for that file.
func TestLinkBecomesAFolderUnseen(t *testing.T) {
	for _, content := range []string{"-content", "-other"} {
		t.Run(content, func(t *testing.T) {
			w := newWorld(t, 1, false)
			inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
				w.begin()
				w.fill()
				w.put("src/dir/file", "-content")
				w.put("src/link", "ldir")
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(1)
				w.stop()
				w.put("src/link/file", content)
				w.put("src/link/more", content)
				w.start()
				w.resume()
				time.Sleep(settleTime)
				synctest.Wait()
				w.check(2)
			})
		})
	}
}

// TestLinkGoesUnseen: a new daemon that has the pod delete a link, and before it a
// file that was in its place in another sync step's folder, has nothing deleted
// that the link led to.
func TestLinkGoesUnseen(t *testing.T) {
	w := newWorld(t, 1, true)
	inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
		settle := func(step int) {
			t.Helper()
			time.Sleep(settleTime)
			synctest.Wait()
			w.check(step)
		}
		w.begin()
		w.put("lib/a/dir/file", "-content")
		w.put("lib/link/dir", "-content")
		settle(1)
		w.remove("lib/link")
		w.put("src/lib/link", "la")
		settle(2)
		w.stop()
		w.remove("src/lib/link")
		w.start()
		w.resume()
		settle(3)
	})
}

// TestRootIsALink: a link is where another sync step leads; what comes there
// replaces it, and goes not to where it led.
func TestRootIsALink(t *testing.T) {
	for what, change := range map[string]func(w *world){
		"seen": func(w *world) { w.put("lib/file", "-mine") },
		"by a new daemon": func(w *world) {
			w.stop()
			w.put("lib/file", "-mine")
			w.remove("src/lib")
			w.start()
			w.resume()
		},
		"the link stays": func(w *world) {
			w.stop()
			w.put("lib/file", "-mine")
			w.start()
			w.resume()
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, 1, true)
			inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(*ground) {
				settle := func(step int) {
					t.Helper()
					time.Sleep(settleTime)
					synctest.Wait()
					w.check(step)
				}
				w.begin()
				w.put("src/other/file", "-other")
				w.remove("lib/kept")
				w.put("src/lib", "lother")
				settle(1)
				change(w)
				settle(2)
				w.remove("lib/file")
				settle(3)
			})
		})
	}
}

func seedOf(t *testing.T) uint64 {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed=%d", seed)
	return seed
}

// TestChangedAndChangedBack has a file be something else just while it is sent,
// so that the tree never knows, though it may look before the end: the pod gets
// what the file is, all the same.
func TestChangedAndChangedBack(t *testing.T) {
	for what, meanwhile := range map[string]func(name string) error{
		"another content": func(name string) error { return os.WriteFile(name, []byte("other"), 0o644) },
		"a folder":        func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o755)) },
		"a link":          func(name string) error { return errors.Join(os.Remove(name), os.Symlink("kept", name)) },
		"nothing":         os.Remove,
	} {
		for _, fault := range []int{0, 3} {
			for _, looked := range []bool{false, true} {
				t.Run(fmt.Sprint(what, ", fault ", fault, ", looked ", looked), func(t *testing.T) {
					w := newWorld(t, 1, false)
					inBubble(t, w.ground, clock{file: w.outside + ".clock"}, func(g *ground) {
						w.begin()
						file := w.at("src/file")
						w.perform = func(e engine.Live) engine.Live {
							w.perform = nil
							w.must(meanwhile(file))
							return e
						}
						w.onApply = func() int {
							w.onApply = nil
							w.must(errors.Join(os.RemoveAll(file), putFile(file, "-content")))
							if looked {
								g.core(func(c *core) { c.hint([]string{file}, true) })
							}
							return fault
						}
						w.must(putFile(file, "-content"))
						g.core(func(c *core) { c.hint([]string{file}, true) })
						time.Sleep(settleTime)
						synctest.Wait()
						w.check(1)
					})
				})
			}
		}
	}
}

// clock reads the files with the clock of the file system, which is not the
// bubble's.
type clock struct {
	disk
	file string
}

func (c clock) Now() time.Time {
	if err := os.WriteFile(c.file, nil, 0o644); err != nil {
		panic(err)
	}
	info, err := os.Stat(c.file)
	if err != nil {
		panic(err)
	}
	return info.ModTime().Add(time.Hour)
}

// tick waits until the file system's clock has moved on.
func (w *world) tick() {
	now := clock{file: w.outside + ".clock"}.Now
	for began := now(); !now().After(began); {
	}
}
