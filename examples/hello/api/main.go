// Command api greets whoever asks.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	http.HandleFunc("/", hello)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {})
	log.Println("listening on :8080, pid", os.Getpid())
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	message := greet(name)
	fmt.Fprintf(w, "%s (pid %d)\n", message, os.Getpid())
}

func greet(name string) string {
	greeting := greeting()
	message := greeting + ", " + name + "!"
	return message
}

// greeting reads the file beside the program, so that it can be edited without
// compiling anything.
func greeting() string {
	program, err := os.Executable()
	if err != nil {
		return "Hi"
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(program), "greeting.txt"))
	if err != nil {
		return "Hi"
	}
	return strings.TrimSpace(string(text))
}
