package wire

// Path is a place in the container: a path below a root that the daemon named
// as a target of a sync. Nothing outside of the root is ever touched.
type Path struct {
	Root string `json:"root"` // absolute and clean, "/app"
	Path string `json:"path"` // relative to Root, with slashes, clean, not "."
}

// String returns the path as the container sees it.
func (p Path) String() string {
	if p.Root == "/" {
		return "/" + p.Path
	}
	return p.Root + "/" + p.Path
}

// FileKind says what a File is.
type FileKind string

// The kinds of files. The zero kind is a regular file.
const (
	KindRegular FileKind = ""
	KindDir     FileKind = "dir"
	KindSymlink FileKind = "symlink"
)

// File describes a file as it shall be after a transaction.
type File struct {
	Path
	Kind    FileKind `json:"kind,omitempty"`
	Mode    uint32   `json:"mode,omitempty"`    // permission bits; 0 means 0644, or 0755 for a directory
	ModTime int64    `json:"modtime,omitempty"` // nanoseconds since 1970; 0 leaves the time of the write
	Size    int64    `json:"size,omitempty"`    // bytes of a regular file
	Hash    Digest   `json:"hash"`              // content of a regular file
	Target  string   `json:"target,omitempty"`  // where a symbolic link points, stored as it is
}

// Encoding says how a file's content travels.
type Encoding string

// The encodings of contents.
const (
	EncodingRaw   Encoding = "raw"
	EncodingZstd  Encoding = "zstd"
	EncodingDelta Encoding = "delta" // an agent/delta patch against the content named by Base
)

// Content is the message that precedes the data frames of one file.
type Content struct {
	Index    int      `json:"index"` // into Transaction.Files
	Encoding Encoding `json:"encoding"`
	Base     Digest   `json:"base,omitzero"` // with EncodingDelta
}

// Transaction is a change set and what follows from it, as one request. Files
// and deletes take effect together or not at all. Then the commands run, in
// order, up to the first that fails; then the application is restarted, unless
// a command failed.
type Transaction struct {
	Deletes []Path    `json:"deletes,omitempty"` // files, links or whole directories; missing ones are fine
	Files   []File    `json:"files,omitempty"`
	Runs    []Command `json:"runs,omitempty"`
	// Restart restarts the application after all else, and starts one that is
	// held, exited or stopped.
	Restart bool `json:"restart,omitempty"`
	// Start starts the application after all else unless it runs already.
	Start bool `json:"start,omitempty"`
	// Due has the commands and the restart follow though no file is changed.
	Due bool `json:"due,omitempty"`
}

// Follows reports whether the commands and the restart follow, where so many of
// the files and deletes are covered: nothing that the application sees has
// changed if all are.
func (t *Transaction) Follows(covered int) bool {
	n := len(t.Files) + len(t.Deletes)
	return t.Due || n == 0 || covered < n
}

// Covered is a file that was left out of a transaction, since something is
// mounted over it in the container, as a ConfigMap, and is not as the file shall
// be. No image would change that.
type Covered struct {
	Path  string `json:"path"`
	Mount string `json:"mount"` // the mount point that hinders: Path, above it or, where a folder was to go, below it
	Type  string `json:"type"`  // of the mounted file system, as the kernel calls it
}

// Result is the acknowledgement of a transaction, or, with Refused, the
// question for the whole content of some files.
type Result struct {
	// Refused lists the files, by index, whose patch did not fit what the
	// agent has. The daemon answers with their contents; nothing was changed.
	Refused []int `json:"refused,omitempty"`
	// Applied lists each file as it now is, with the hash of what was read back
	// under its name, in the order of Transaction.Files. It is the proof that
	// the container has them.
	Applied []Entry `json:"applied,omitempty"`
	// Covered lists what was left out, which Applied says nothing of.
	Covered []Covered `json:"covered,omitempty"`
	Deleted int       `json:"deleted,omitempty"` // how many of Deletes existed
	// Runs holds the exits of the commands that ran. A failed one is the last.
	Runs    []Exit  `json:"runs,omitempty"`
	Process Process `json:"process"` // after all else
	// StageMicros, CommitMicros, RunMicros and RestartMicros say where the time
	// went. An agent that tells staging and commit apart says at least 1 of the
	// commit.
	StageMicros   int64 `json:"stage_us"`
	CommitMicros  int64 `json:"commit_us,omitempty"`
	RunMicros     int64 `json:"run_us,omitempty"`
	RestartMicros int64 `json:"restart_us,omitempty"`
}

// Failed returns the exit of the command that failed, or nil.
func (r *Result) Failed() *Exit {
	if n := len(r.Runs); n > 0 && !r.Runs[n-1].OK() {
		return &r.Runs[n-1]
	}
	return nil
}

// Entry is a file as the container has it. A missing file has the Kind
// KindMissing and nothing else.
type Entry struct {
	Path
	Kind    FileKind `json:"kind,omitempty"`
	Mode    uint32   `json:"mode,omitempty"`
	ModTime int64    `json:"modtime,omitempty"`
	Size    int64    `json:"size,omitempty"`
	Hash    Digest   `json:"hash,omitzero"`
	Target  string   `json:"target,omitempty"`
	Error   string   `json:"error,omitempty"` // why the file could not be read
}

// KindMissing and KindOther occur in entries only: nothing there, and a
// device, socket or pipe.
const (
	KindMissing FileKind = "missing"
	KindOther   FileKind = "other"
)

// VerifyQuery asks which files differ from what the daemon wants.
type VerifyQuery struct {
	Files []File `json:"files"`
}

// ManifestQuery asks for all files below roots.
type ManifestQuery struct {
	Roots []string `json:"roots"`
	// Hash asks for content hashes; without it only names, sizes and times.
	Hash bool `json:"hash"`
}

// EntryList is the answer to VerifyQuery (those that differ or miss) and
// ManifestQuery (all).
type EntryList struct {
	Entries []Entry `json:"entries"`
}

// PathList answers MethodPlaced: the files and links that transactions put in
// place since the container was made, and that are still there.
type PathList struct {
	Paths []Path `json:"paths"`
}

// WriteQuery asks whether files could be written, without writing any.
type WriteQuery struct {
	Paths []Path `json:"paths"`
}

// Writable is the answer for one path.
type Writable struct {
	Path
	OK       bool   `json:"ok"`
	Reason   string `json:"reason,omitempty"`    // for a person: "permission denied: /app belongs to uid 0, the container runs as uid 65532"
	ReadOnly bool   `json:"read_only,omitempty"` // the file system is mounted read-only
	Blocker  string `json:"blocker,omitempty"`   // the directory or file that refuses
	UID      int    `json:"uid"`                 // of the container's user
	OwnerUID int    `json:"owner_uid"`           // of Blocker
	Mode     uint32 `json:"mode,omitempty"`      // of Blocker
}

// WriteList answers a WriteQuery in its order.
type WriteList struct {
	Paths []Writable `json:"paths"`
}
