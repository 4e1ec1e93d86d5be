//go:build linux

package serve

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

// FuzzEnrolment hands bytes from outside to the enrolment: whatever they are,
// only a whole key with an owner is taken.
func FuzzEnrolment(f *testing.F) {
	key := strings.Repeat("ab", wire.KeySize)
	for _, seed := range []string{"", "{}", `{"owner":"w","key":"` + key + `"}`, `{"owner":"","key":"` + key + `"}`, `{"owner":"w","key":"ab"}`, `{"owner":1}`, "[[[["} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var taken []byte
		err := enrolFrom(bytes.NewReader(data), func(owner string, key []byte) error {
			if owner == "" || len(owner) > maxOwner {
				t.Errorf("owner %q", owner)
			}
			taken = key
			return nil
		})
		if err == nil && !bytes.Contains(bytes.ToLower(data), []byte(hex.EncodeToString(taken))) {
			t.Errorf("took a key that was not sent: %x of %q", taken, data)
		}
	})
}
