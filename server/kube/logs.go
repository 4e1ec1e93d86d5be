package kube

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LogOptions say which log Logs reads.
type LogOptions struct {
	Namespace, Pod, Container string

	// Since leaves out lines before that moment. The zero time reads all that the
	// node still has.
	Since    time.Time
	Tail     int  // at most so many old lines; 0: all
	Previous bool // of the container's run before this one
	Follow   bool // go on until the container ends
}

// LogLine is one line of a container's output.
type LogLine struct {
	Time time.Time // when the node took it; zero when the runtime gave none
	Text string    // without the newline
	More bool      // the line goes on in the next LogLine
	Torn bool      // the stream ended within the line: it may be the last, or have been cut
}

// maxLogLine bounds a line; the rest of a longer one comes as further lines.
const maxLogLine = 256 << 10

// Logs calls line for each line of a container's output, in order. With
// Follow it returns nil when the container has ended (or the node closed the
// stream: resume with Since if the container still runs) and when ctx ended;
// else when all is read. The container must have started.
func (c *Cluster) Logs(ctx context.Context, o LogOptions, line func(LogLine)) error {
	options := &corev1.PodLogOptions{Container: o.Container, Follow: o.Follow, Previous: o.Previous, Timestamps: true}
	if !o.Since.IsZero() {
		options.SinceTime = &metav1.Time{Time: o.Since}
	}
	if o.Tail > 0 {
		tail := int64(o.Tail)
		options.TailLines = &tail
	}
	object := "container " + o.Container + " of pod " + o.Pod
	stream, err := c.clientset.CoreV1().Pods(o.Namespace).GetLogs(o.Pod, options).Stream(ctx)
	if err != nil {
		return classify("reading the log of", object, err)
	}
	defer stream.Close()
	if err := readLines(stream, o.Since, line); err != nil && ctx.Err() == nil {
		return classify("reading the log of", object, err)
	}
	return nil
}

// readLines splits a stream of time-stamped lines and drops those of before: the
// API counts Since in whole seconds. Of a line that an error cuts nothing comes
// after the error: it is there whole when the log is read again.
func readLines(r io.Reader, since time.Time, line func(LogLine)) error {
	buffered := bufio.NewReaderSize(r, maxLogLine)
	last := LogLine{}
	for {
		raw, err := buffered.ReadSlice('\n')
		whole := !errors.Is(err, bufio.ErrBufferFull)
		if len(raw) > 0 && (err == nil || !whole || errors.Is(err, io.EOF)) {
			l := parseLine(strings.TrimSuffix(string(raw), "\n"), last)
			if l.Time.IsZero() && isExcuse(l.Text) {
				return &Error{Kind: NotFound, Op: "reading", Object: "the log", Err: errors.New(l.Text)}
			}
			l.More, l.Torn = !whole, errors.Is(err, io.EOF)
			if !l.Time.Before(since) || l.Time.IsZero() {
				line(l)
			}
			last = LogLine{}
			if !whole {
				last = l // what follows belongs to it and has no time stamp
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && whole:
			return err
		}
	}
}

// isExcuse reports whether a line without a time stamp is none of the container's:
// the node writes into the stream why it has no log to give.
func isExcuse(text string) bool {
	return strings.HasPrefix(text, "unable to retrieve container logs for ") || strings.HasPrefix(text, "failed to try resolving symlinks in path ")
}

// parseLine takes the time stamp off. The rest of a line that was too long
// takes that line's time.
func parseLine(text string, before LogLine) LogLine {
	if !before.Time.IsZero() {
		return LogLine{Time: before.Time, Text: text}
	}
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return LogLine{Text: text}
	}
	return LogLine{Time: at, Text: strings.TrimSuffix(rest, "\r")}
}
