package rollout

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// node has the log of a container as a node keeps it: of the present start, and
// of the one before. It breaks off whenever the test wants.
type node struct {
	starts [][]kube.LogLine
	at     int // the present start
	cut    func(n int) (after int, err error)
}

// serve answers as the API does: Since counts in whole seconds there, and
// readLines in exact moments.
func (n *node) serve(o kube.LogOptions, line func(kube.LogLine)) error {
	at := n.at
	if o.Previous {
		if at--; at < 0 {
			return &kube.Error{Kind: kube.Invalid, Op: "reading", Object: "it", Err: errors.New("no previous one")}
		}
	}
	lines := slices.DeleteFunc(slices.Clone(n.starts[at]), func(l kube.LogLine) bool { return l.Time.Before(o.Since) })
	after, err := n.cut(len(lines))
	for _, l := range lines[:after] {
		line(l)
	}
	return err
}

// TestNoLineIsLostOrDoubled cuts the log of a container at any line, with lines of
// one moment and long ones in parts, and starts the container anew while its log
// is read.
func TestNoLineIsLostOrDoubled(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				random := rand.New(rand.NewPCG(seed, 1))
				var want []string
				start := time.Now()
				n := &node{}
				for s := range 3 {
					var lines []kube.LogLine
					for i := range 6 {
						at := start.Add(time.Duration(s*10+i/2) * time.Second) // two of each moment
						text := fmt.Sprintf("start %d line %d", s, i)
						lines = append(lines, kube.LogLine{Time: at, Text: text})
						want = append(want, "web: "+text)
					}
					n.starts = append(n.starts, lines)
				}
				cuts := 6
				n.cut = func(lines int) (int, error) {
					if cuts--; cuts < 0 || lines == 0 {
						return lines, nil
					}
					if next := n.at + 1; random.IntN(4) == 0 && next < len(n.starts) && cuts%2 == 0 {
						return lines, nil
					}
					return random.IntN(lines + 1), errors.New("cut")
				}
				b.cluster.logs = func(o kube.LogOptions, line func(kube.LogLine)) error {
					var err error
					b.with(func() {
						if o.Follow && random.IntN(3) == 0 && n.at < 1 {
							n.at++ // it starts anew between the question and the answer
						}
					})
					err = n.serve(o, line)
					return err
				}
				p := pod("web-1", "t1", "img:1")
				b.Image("img", "img:1")
				b.Begin(web())
				b.Applied(web(), []Object{applied("t1")}, true)
				show := func(start int) {
					p.Containers = slices.Clone(p.Containers)
					c := &p.Containers[0]
					c.ID, c.RestartCount, c.State = fmt.Sprint("id-", start), start, kube.ContainerTerminated
					c.StartedAt = n.starts[start][0].Time.Truncate(time.Second)
					b.emit(ours, changed(p), kube.Event{Kind: kube.Synced})
					time.Sleep(time.Minute)
					synctest.Wait()
				}
				show(0)
				b.with(func() { n.at = max(n.at, 1) })
				show(1)
				b.with(func() { n.at = 2 })
				show(2)
				b.with(func() {
					slices.Sort(b.lines)
					if diff := cmp.Diff(want, b.lines); diff != "" {
						t.Errorf("lines (-want +got):\n%s", diff)
					}
				})
			})
		})
	}
}

// TestLineWithoutAnEnd: what the stream ends with is held back while the container
// runs, and told when it has ended.
func TestLineWithoutAnEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		at, asked := time.Now(), 0
		b.cluster.logs = func(o kube.LogOptions, line func(kube.LogLine)) error {
			asked++
			switch asked {
			case 1:
				line(kube.LogLine{Time: at, Text: "ha", Torn: true})
				return errors.New("cut")
			case 2:
				line(kube.LogLine{Time: at, Text: "half and half"})
				line(kube.LogLine{Time: at.Add(1), Text: "the end", Torn: true})
			}
			return nil
		}
		p := pod("web-1", "t1", "img:1")
		p.Containers[0].State = kube.ContainerTerminated
		b.Image("img", "img:1")
		b.Begin(web())
		b.Applied(web(), []Object{applied("t1")}, true)
		b.emit(ours, changed(p), kube.Event{Kind: kube.Synced})
		time.Sleep(time.Minute)
		synctest.Wait()
		b.with(func() {
			if diff := cmp.Diff([]string{"web: half and half", "web: the end"}, b.lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	})
}

// TestWhatIsKnownIsNotReadAgain: another daemon before this one has read it.
func TestWhatIsKnownIsNotReadAgain(t *testing.T) {
	at := time.Unix(100, 0)
	var s spans
	s.known(at)
	if got := s.last(); !got.Equal(at) {
		t.Errorf("it was read up to %v", got)
	}
	next := s.begin()
	for moment, want := range map[time.Duration]bool{-time.Second: false, 0: false, 1: true} {
		if got := next.take(kube.LogLine{Time: at.Add(moment)}); got != want {
			t.Errorf("%v after what is known: %v", moment, got)
		}
	}
}

// TestPartsOfALongLine: one that is cut in the middle goes on with its next part.
func TestPartsOfALongLine(t *testing.T) {
	at := time.Unix(100, 0)
	part := kube.LogLine{Time: at, More: true}
	var s spans
	first := s.begin()
	if one, two := first.take(part), first.take(part); !one || !two {
		t.Error("a part is missing")
	}
	again := s.begin()
	known, too := again.take(part), again.take(part)
	if known || too || !again.take(part) || !again.take(kube.LogLine{Time: at}) {
		t.Error("a part is lost or doubled")
	}
	last := s.begin()
	for range 3 {
		last.take(part)
	}
	if last.take(kube.LogLine{Time: at}) || !last.take(kube.LogLine{Time: at}) {
		t.Error("what follows the long line is lost, or that again")
	}
	if len(s.all) > maxSpans {
		t.Error("spans are kept for ever")
	}
}

// TestPodSeenBeforeItsResource: what a pod writes is heard though the pod was told
// of, and never again, before its resource was applied: a new daemon looks at its
// image while another's apply has begun to watch.
func TestPodSeenBeforeItsResource(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.cluster.logs = func(_ kube.LogOptions, line func(kube.LogLine)) error {
			line(kube.LogLine{Time: time.Now(), Text: "hello"})
			return nil
		}
		p := pod("web-1", "t1", "img:1")
		p.Containers[0].State = kube.ContainerTerminated
		conf := config.Resource{Name: "conf", Kind: config.KindK8s}
		b.Image("img", "img:1")
		b.Begin(conf)
		b.Applied(conf, []Object{{Applied: kube.Applied{Ref: kube.Ref{Kind: "ConfigMap", Namespace: applied("t1").Ref.Namespace, Name: "conf"}}}}, true)
		b.emit(ours, changed(p), kube.Event{Kind: kube.Synced})
		synctest.Wait()
		b.Begin(web())
		b.Applied(web(), []Object{applied("t1")}, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		b.with(func() {
			if diff := cmp.Diff([]string{"web: hello"}, b.lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	})
}
