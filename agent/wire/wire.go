// Package wire is the protocol between the daemon and the agent: the bytes of
// its handshake and frames, and the types of its requests and answers.
//
// # One connection
//
// The daemon reaches the agent over one connection, in practice one stream of
// a Kubernetes port-forward. Three layers lie on it:
//
//   - The handshake ([Greet], [Accept]) proves to both sides that the other
//     knows the key that the daemon enrolled by exec. Who may exec into the
//     pod may therefore speak to the agent, and nobody else.
//   - yamux ([Mux]) divides the connection into streams. The daemon opens
//     them, one for each request.
//   - Frames ([Writer], [Reader]) carry messages and content on a stream.
//
// # One request
//
// A request is a method frame, a message frame with its parameters as JSON,
// and for [MethodApply] the contents of the files. The answer is a message
// frame with the result, or an error frame with an [Error]; before it there
// may be output frames of commands. Nothing else marks success: the end of a
// stream proves nothing, since transports below are known to swallow the end
// of a stream without an error.
//
// The daemon keeps its half of a stream open until it has the answer. An end
// of stream before that tells the agent that the daemon has given up, and the
// agent undoes what it has staged and kills what it runs for this request.
// [MethodDial] and [MethodDebug] answer with one message and go on with raw
// bytes in both directions. There the end of a half is only that, and the other
// half goes on for as long as it takes; a daemon that wants nothing more of a
// stream says so with [MethodCut], on another one.
//
// # One round trip
//
// A save must cost one round trip. So a [Transaction] carries files, deletes,
// commands and the restart in one request, and a file's content follows its
// description at once, as a patch where that is smaller: the daemon knows what
// it sent last. Only when the agent holds something else does it refuse these
// files, by their index, and the daemon sends them whole on the same stream.
//
// # Limits
//
// Every length that comes from outside has a limit, stated beside its
// constant, and is checked before memory is taken for it.
package wire

// Version is the version of the protocol. Both sides must have the same: the
// daemon brings its agent along.
const Version uint16 = 1

// Paths in the container. The folder BinDir is mounted read-only, RunRoot is
// writable for every user of this container, and another one in each.
const (
	BinDir  = "/.towline/bin"
	BinPath = BinDir + "/towline-agent"
	RunRoot = "/.towline/run"
)

// RunDir is the agent's own folder for the named container of a pod.
func RunDir(container string) string { return RunRoot + "/" + container }

// Limits of what either side accepts.
const (
	MaxMethod  = 64        // bytes of a method's name
	MaxMessage = 32 << 20  // bytes of one JSON message
	MaxData    = 256 << 10 // bytes of one data or output frame
	MaxFile    = 4 << 30   // bytes of one file
	MaxPath    = 4096      // bytes of a path
	MaxEntries = 500_000   // files and deletes of one transaction, entries of one manifest
)

// Method names a request.
type Method string

// The requests. The parameters and the result are named beside each.
const (
	MethodHello    Method = "hello"    // Empty -> Facts
	MethodApply    Method = "apply"    // Transaction, contents -> Output frames, Result
	MethodVerify   Method = "verify"   // VerifyQuery -> EntryList
	MethodManifest Method = "manifest" // ManifestQuery -> EntryList
	MethodCanWrite Method = "canwrite" // WriteQuery -> WriteList
	MethodManaged  Method = "placed"   // Empty -> PathList, under the name that agents in running pods know
	MethodRun      Method = "run"      // Command -> Output frames, Exit
	MethodStart    Method = "start"    // StartOptions -> Process
	MethodStop     Method = "stop"     // Empty -> Process
	MethodRestart  Method = "restart"  // StartOptions -> Process
	MethodSignal   Method = "signal"   // SignalRequest -> Process
	MethodPolicy   Method = "policy"   // Policy -> Process
	MethodDial     Method = "dial"     // DialRequest -> Empty, then raw bytes
	MethodDebug    Method = "debug"    // DebugRequest -> DebugReady, then raw DAP
	MethodCut      Method = "cut"      // CutRequest -> Empty
	MethodEvents   Method = "events"   // Empty -> Event, Event, …
)

// Empty is the parameter or result of requests that have none.
type Empty struct{}
