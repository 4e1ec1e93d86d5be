package delta

import (
	"encoding/binary"
)

// appendDiff appends new minus old, byte by byte and modulo 256. Both have the
// same length.
func appendDiff(dst, old, new []byte) []byte {
	at := len(dst)
	dst = append(dst, new...)
	out := dst[at:]
	k := 0
	for ; k+8 <= len(out); k += 8 {
		x, y := word(out[k:]), word(old[k:])
		// Subtract within bytes: the high bits are set and taken back, so that
		// no byte borrows from the next.
		z := ((x | highs) - (y & lows)) ^ ((x ^ ^y) & highs)
		binary.LittleEndian.PutUint64(out[k:], z)
	}
	for ; k < len(out); k++ {
		out[k] -= old[k]
	}
	return dst
}

// addDiff adds a difference to old in place. Both have the same length.
func addDiff(old, diff []byte) {
	k := 0
	for ; k+8 <= len(old); k += 8 {
		x, y := word(old[k:]), word(diff[k:])
		z := ((x & lows) + (y & lows)) ^ ((x ^ y) & highs)
		binary.LittleEndian.PutUint64(old[k:], z)
	}
	for ; k < len(old); k++ {
		old[k] += diff[k]
	}
}
