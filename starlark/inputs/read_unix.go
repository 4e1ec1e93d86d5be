//go:build !windows

package inputs

import (
	"os"
	"syscall"
)

// readSized reads a regular file whose size is known with as few calls of the
// system as can be: os.ReadFile takes ten, since a file of package os could be
// one that is waited for. Whatever is unusual is left to os.ReadFile.
func readSized(path string, size int64) ([]byte, error) {
	if size == 0 {
		return os.ReadFile(path) // it may be one that the system makes up
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return os.ReadFile(path)
	}
	defer syscall.Close(fd)
	data := make([]byte, size+1) // one more, to see that it did not grow
	n, err := syscall.Read(fd, data)
	if err != nil || int64(n) != size {
		return os.ReadFile(path)
	}
	return data[:n], nil
}
