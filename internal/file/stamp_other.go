//go:build !linux && !darwin

package file

func (s *Stamp) identify(any) {}
