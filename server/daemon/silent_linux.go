package daemon

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// silent returns an error if a folder is on a file system that does not tell
// of what others change there: one that another machine serves.
func silent(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return nil
	}
	name, is := map[int64]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS",
		unix.V9FS_MAGIC: "9p", unix.FUSE_SUPER_MAGIC: "FUSE", unix.AFS_SUPER_MAGIC: "AFS", unix.CEPH_SUPER_MAGIC: "Ceph",
	}[int64(fs.Type)]
	if !is {
		return nil
	}
	return fmt.Errorf("%s is on a file system (%s) that does not tell of all changes", dir, name)
}
