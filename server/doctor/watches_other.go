//go:build !linux

package doctor

// SystemWatches is nil: what is watched is not limited by a number here.
func SystemWatches() func() (Watches, error) { return nil }
