package cache

import (
	"errors"
	"testing"
)

// TestGenerations asks for one of two values: the other goes with the second
// evaluation that went through without it.
func TestGenerations(t *testing.T) {
	c := New()
	made := 0
	ask := func(content string) {
		t.Helper()
		if _, err := Fill(c, "text", content, func() (int, error) { made++; return made, nil }); err != nil {
			t.Fatal(err)
		}
	}
	ask("a")
	ask("b")
	c.Succeeded()
	ask("a")
	c.Succeeded()
	if got := c.Kinds()["text"]; got != 1 {
		t.Errorf("%d values are kept, want the one that was asked for", got)
	}
	if ask("a"); made != 2 {
		t.Errorf("%d values were made, want 2", made)
	}
	if ask("b"); made != 3 {
		t.Errorf("%d values were made, want 3: b was dropped", made)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	c := New()
	fail := errors.New("no")
	for range 2 {
		if _, err := Fill(c, "text", "a", func() (int, error) { return 1, fail }); !errors.Is(err, fail) {
			t.Errorf("got %v", err)
		}
	}
	if got, err := Fill(c, "text", "a", func() (int, error) { return 2, nil }); got != 2 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
