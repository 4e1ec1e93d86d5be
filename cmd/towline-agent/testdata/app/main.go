// Command app is the application of the agent's tests: a server that counts.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var started = early("init")

func main() {
	if len(os.Args) > 2 && os.Args[1] == "script" {
		script(os.Args[2])
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ready", os.Getpid(), ln.Addr().(*net.TCPAddr).Port, started)
	go func() {
		for n := 0; ; n++ {
			tick(n)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	go serve(ln)
	switch <-signals {
	case syscall.SIGUSR1:
		os.Exit(3)
	case syscall.SIGUSR2: // one child in a session of its own, and one that loses its parent
		begin("linger x")
		begin("session linger x")
		time.Sleep(time.Hour)
	default:
		fmt.Println("bye")
		os.Exit(5)
	}
}

//go:noinline
func tick(n int) int {
	double := 2 * n
	return double // breakpoint: tick
}

//go:noinline
func early(who string) string {
	greeting := "hello " + who
	return greeting // breakpoint: early
}

func serve(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		content, _ := os.ReadFile("/data/a")
		fmt.Fprintf(conn, "%d %s", os.Getpid(), content)
		conn.Close()
	}
}

// begin starts a script in a session of its own.
func begin(lines string) {
	attr := os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setsid: true}}
	if _, err := os.StartProcess("/proc/self/exe", []string{"app", "script", lines}, &attr); err != nil {
		panic(err)
	}
}

// script performs echo, exit and its like, since the container has no shell.
func script(lines string) {
	for _, line := range strings.Split(lines, "; ") {
		word, rest, _ := strings.Cut(line, " ")
		switch text, toErr := strings.CutSuffix(rest, " >&2"); {
		case word == "exit":
			code, _ := strconv.Atoi(rest)
			os.Exit(code)
		case word == "session":
			begin(rest)
		case word == "linger":
			signal.Ignore(syscall.SIGTERM)
			fmt.Println("lingers", os.Getpid())
			time.Sleep(time.Hour)
		case word == "orphan":
			null, _ := os.Open(os.DevNull)
			os.StartProcess("/proc/self/exe", []string{"app", "script", "echo -"}, &os.ProcAttr{Files: []*os.File{null, null, null}})
		case toErr:
			fmt.Fprintln(os.Stderr, text)
		default:
			fmt.Println(text)
		}
	}
	os.Exit(0)
}
