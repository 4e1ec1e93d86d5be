package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestFaces plays who comes and goes, minute by minute, with a linger of ten
// minutes, and says when the daemon ends.
func TestFaces(t *testing.T) {
	tests := []struct {
		name string
		play map[int]func(*face) // by minute
		ends int                 // minute, 0: not within a day
	}{
		{"nobody ever", nil, 10},
		{"one comes and goes", map[int]func(*face){5: (*face).enter, 8: (*face).leave}, 18},
		{"one stays", map[int]func(*face){5: (*face).enter}, 0},
		{"the last of two counts", map[int]func(*face){
			1: (*face).enter, 2: (*face).enter, 3: (*face).leave, 20: (*face).leave,
		}, 30},
		{"back within the linger", map[int]func(*face){
			1: (*face).enter, 2: (*face).leave, 11: (*face).enter, 15: (*face).leave,
		}, 25},
		{"leaving twice is leaving once", map[int]func(*face){
			1: (*face).enter, 2: (*face).enter, 3: func(f *face) { f.leave(); f.left() },
		}, 0},
		{"asked to stay", map[int]func(*face){1: func(f *face) { f.keep(true) }}, 0},
		{"asked to stay, until down", map[int]func(*face){
			1: func(f *face) { f.keep(true) }, 60: func(f *face) { f.keep(false) },
		}, 70},
		{"down while one is there", map[int]func(*face){
			1: func(f *face) { f.keep(true); f.enter() }, 60: func(f *face) { f.keep(false) }, 90: (*face).leave,
		}, 100},
		{"asked to stay after one left", map[int]func(*face){
			1: (*face).enter, 2: (*face).leave, 11: func(f *face) { f.keep(true) },
		}, 0},
		{"closed", map[int]func(*face){1: func(f *face) { f.close() }}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, ended := time.Now(), 0
				f := &face{faces: newFaces(10*time.Minute, func() {
					if ended != 0 {
						t.Error("it ends twice")
					}
					ended = int(time.Since(began) / time.Minute)
				})}
				for minute := range 24 * 60 {
					if act := test.play[minute]; act != nil {
						act(f)
					}
					time.Sleep(time.Minute)
					synctest.Wait()
				}
				f.close()
				if ended != test.ends {
					t.Errorf("ended at minute %d, want %d", ended, test.ends)
				}
			})
		})
	}
}

// face is the faces, and how those that came leave, the last one first.
type face struct {
	*faces
	leaves []func()
	left   func() // of the last that left
}

func (f *face) enter() { f.leaves = append(f.leaves, f.faces.enter()) }

func (f *face) leave() {
	last := len(f.leaves) - 1
	f.left, f.leaves = f.leaves[last], f.leaves[:last]
	f.left()
}

func TestQueue(t *testing.T) {
	q := newQueue[*core]()
	var got []int
	for i := range 1000 { // nobody takes, and nobody is held up
		q.put(func(*core) { got = append(got, i) })
	}
	<-q.ready
	for _, f := range q.take() {
		f(nil)
	}
	for i, v := range got {
		if i != v {
			t.Fatalf("place %d holds %d", i, v)
		}
	}
	if len(got) != 1000 || len(q.take()) != 0 {
		t.Errorf("%d of 1000 were taken at once", len(got))
	}
	select {
	case <-q.ready:
		t.Error("an empty queue is ready")
	default:
	}
	q.put(func(*core) {})
	<-q.ready
}
