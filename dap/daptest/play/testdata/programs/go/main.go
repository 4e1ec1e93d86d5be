// Command go answers one line on each connection to a port of the loopback.
package main

import (
	"bufio"
	"cmp"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

func main() {
	port := cmp.Or(os.Getenv("PORT"), "0") // mark: first
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	fmt.Println("listens on", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if name := strings.TrimSpace(line); name != "" {
			fmt.Fprintln(conn, answer(name))
		}
		conn.Close()
	}
}

func answer(name string) string {
	if name == "crash" {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return greet(name)
}

func greet(name string) string {
	twice := 2 * len(name)
	text := "hello " + name                   // mark: greet
	return fmt.Sprintf("%s, %d", text, twice) // mark: answer
}
