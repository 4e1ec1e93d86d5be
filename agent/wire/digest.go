package wire

import (
	"encoding/hex"
	"fmt"
)

// Digest is the BLAKE3-256 of a file's content. Its zero value stands for no
// content: a file that does not exist, a directory, a symbolic link.
type Digest [32]byte

// String returns the digest in hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d stands for no content.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText returns the digest in hex, and nothing for the zero digest.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	out := make([]byte, hex.EncodedLen(len(d)))
	hex.Encode(out, d[:])
	return out, nil
}

// UnmarshalText reads what MarshalText returned.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	if hex.DecodedLen(len(text)) != len(d) || len(text)%2 != 0 {
		return fmt.Errorf("a digest has %d hex digits, got %d", 2*len(d), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}
