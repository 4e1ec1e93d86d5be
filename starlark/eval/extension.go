package eval

import "fmt"

// Remote fetches repositories of extensions.
type Remote interface{}

func (r *run) extension(name string) (string, error) {
	return "", fmt.Errorf("extension %q is not known", name)
}
