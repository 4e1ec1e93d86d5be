package file

import "syscall"

func (s *Stamp) identify(sys any) {
	if st, ok := sys.(*syscall.Stat_t); ok {
		s.Device, s.Inode, s.CTime = uint64(st.Dev), st.Ino, st.Ctim.Nano()
	}
}
