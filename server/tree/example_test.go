package tree_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/towline-dev/towline/server/tree"
)

// disk reads the operating system's files.
type disk struct{}

func (disk) Lstat(name string) (fs.FileInfo, error)     { return os.Lstat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (disk) Open(name string) (io.ReadCloser, error)    { return os.Open(name) }
func (disk) Readlink(name string) (string, error)       { return os.Readlink(name) }
func (disk) Now() time.Time                             { return time.Now() }

// A hint says that a file may have changed; the tree says whether it did.
func ExampleTree_Hint() {
	dir, err := os.MkdirTemp("", "tree-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "main.go")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			fmt.Println(err)
		}
	}
	all := func(string, bool) bool { return true }

	t := tree.New(disk{})
	write("package main\n")
	changed, err := t.Scan(dir, all)
	fmt.Println(len(changed), err)

	write("package main\n") // saved without a change
	fmt.Println(len(t.Hint(file, all)))
	write("package main // changed\n")
	fmt.Println(len(t.Hint(file, all)))
	// Output:
	// 1 <nil>
	// 0
	// 1
}
