//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a terminal of so many columns.
func terminal(t *testing.T, columns int) (inside, outside *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	outside = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { outside.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if inside, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	if err := unix.IoctlSetWinsize(int(inside.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: 24}); err != nil {
		t.Fatal(err)
	}
	return inside, outside
}

// TestSpinnerInANarrowTerminal: what is longer than the line, or has several, is
// replaced in place all the same.
func TestSpinnerInANarrowTerminal(t *testing.T) {
	for _, columns := range []int{30, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) { spinIn(t, columns) })
	}
}

func spinIn(t *testing.T, columns int) {
	inside, outside := terminal(t, columns)
	s := spin(inside, "taking down a-workspace-of-a-long-name")
	s.says("deleting Deployment über-long-name in namespace shop-development\nand its Pods")
	var seen bytes.Buffer
	if err := outside.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	const begin = "\r\x1b[2K"
	for buf := make([]byte, 1024); strings.Count(seen.String(), begin) < 4; {
		n, err := outside.Read(buf)
		if err != nil {
			t.Fatalf("waiting for four turns: %v after %q", err, seen.String())
		}
		seen.Write(buf[:n])
	}
	s.stop()
	turns := strings.Split(seen.String(), begin)
	for _, text := range turns[:len(turns)-1] { // the last one may be on its way
		if strings.Contains(text, "\n") || utf8.RuneCountInString(text) >= columns {
			t.Errorf("%q does not fit in a line of %d columns", text, columns)
		}
	}
	if !strings.Contains(turns[1], "taking down a-work") {
		t.Errorf("it says %q", turns[1])
	}
}
