// Command api greets whoever asks.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, greet(r.FormValue("name")))
	})
	log.Print("the api listens")
	log.Fatal(http.ListenAndServe(":8080", nil))
}

func greet(name string) string {
	text, err := os.ReadFile("/app/web/greeting.txt")
	if err != nil {
		return err.Error()
	}
	answer := fmt.Sprintf("%s, %s!", bytes.TrimSpace(text), name)
	log.Print(answer)
	return answer
}
