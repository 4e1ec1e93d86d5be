// Package delta makes and applies binary patches. It is pure: bytes in, bytes
// out.
package delta

import "errors"

// ErrCorrupt is wrapped by errors about patches that are not well-formed.
var ErrCorrupt = errors.New("the patch is not well-formed")

// Apply applies a patch to old. The result has exactly size bytes.
func Apply(old, patch []byte, size int) ([]byte, error) {
	return nil, ErrCorrupt
}
