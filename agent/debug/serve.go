//go:build linux

package debug

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/go-delve/delve/service"
	"github.com/go-delve/delve/service/dap"
	"github.com/go-delve/delve/service/debugger"
)

// greeting is the line that the debugging process writes before it speaks the
// Debug Adapter Protocol.
type greeting struct {
	Error string `json:"error,omitempty"`
}

// Serve attaches delve to the process and serves one debugging session on
// conn: first the greeting, then the Debug Adapter Protocol. When conn ends,
// or the client disconnects, it detaches and lets the process run. It is the
// body of the debugging process.
func Serve(pid int, conn io.ReadWriteCloser) error {
	cfg := debugger.Config{AttachPid: pid, Backend: "native", CheckGoVersion: false}
	d, err := debugger.New(&cfg, nil)
	if err != nil {
		greet(conn, err)
		return fmt.Errorf("attaching to process %d: %w", pid, err)
	}
	if err := greet(conn, nil); err != nil {
		d.Detach(false)
		return err
	}
	stop := make(chan struct{})
	session := dap.NewSession(conn, &dap.Config{
		Config:        &service.Config{Debugger: cfg, DisconnectChan: make(chan struct{})},
		StopTriggered: stop, // delve ends the process when it is nil
	}, d)
	ended := make(chan struct{})
	go func() {
		session.ServeDAPCodec()
		close(ended)
	}()
	gone := make(chan struct{})
	go watch(pid, ended, gone)
	select {
	case <-ended:
		close(stop)
		session.Close() // detaches unless the client's disconnect did
	case <-gone:
		// There is nothing left to detach from; that this process ends is what
		// lets the supervisor see that the application has.
		conn.Close()
	}
	return nil
}

func greet(w io.Writer, err error) error {
	var g greeting
	if err != nil {
		g.Error = err.Error()
	}
	line, err := json.Marshal(g)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
