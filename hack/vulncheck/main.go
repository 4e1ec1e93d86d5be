// Command vulncheck holds the programs against the Go vulnerability database.
// A known fault of a module that our code calls fails; one of Go's own library
// is listed, and fails once its time is over: the toolchain line of go.mod
// names a Go without it, which not everybody can have at once.
//
// The database is a module too, so that nothing but the module proxy is asked.
// Its version is pinned here; a newer one is a commit.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/vuln/scan"
)

// database is the module with the known faults.
const database = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"

// libraryUntil is when a known fault of Go's own library fails as well.
var libraryUntil = time.Date(2027, time.March, 1, 0, 0, 0, 0, time.UTC)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run scans packages of the module in the current folder.
func run(ctx context.Context, packages []string) error {
	folder, err := fetch(ctx)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	args := append([]string{"-format", "json", "-db", "file://" + filepath.Join(folder, "data", "osv")}, packages...)
	cmd := scan.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("scanning %s: %w", strings.Join(packages, " "), err)
	}
	found, err := read(&out)
	if err != nil {
		return err
	}
	return judge(found, time.Now(), os.Stdout)
}

// fetch returns the folder of the database.
func fetch(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", database).Output()
	if err != nil {
		return "", fmt.Errorf("fetching %s: %w: %s", database, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil || module.Dir == "" {
		return "", fmt.Errorf("fetching %s: %w", database, errors.Join(err, errors.New("no folder was named")))
	}
	return module.Dir, nil
}

// fault is one that our code can reach.
type fault struct {
	id, module, version, fixed string
	symbol                     string // that is called
}

// read returns the faults whose code is called, by id.
func read(stream io.Reader) (map[string]fault, error) {
	found := map[string]fault{}
	for decoder := json.NewDecoder(stream); ; {
		var message struct {
			Finding *struct {
				OSV          string `json:"osv"`
				FixedVersion string `json:"fixed_version"`
				Trace        []struct {
					Module   string `json:"module"`
					Version  string `json:"version"`
					Package  string `json:"package"`
					Function string `json:"function"`
				} `json:"trace"`
			} `json:"finding"`
		}
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading what the scan found: %w", err)
		}
		f := message.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Function == "" {
			continue // required or imported, and not called
		}
		at := f.Trace[0]
		found[f.OSV] = fault{id: f.OSV, module: at.Module, version: at.Version, fixed: f.FixedVersion, symbol: at.Package + "." + at.Function}
	}
}

// judge lists faults; the error says that one of them is not to be accepted.
func judge(found map[string]fault, now time.Time, out io.Writer) error {
	bad := 0
	for _, id := range slices.Sorted(maps.Keys(found)) {
		f := found[id]
		mark := "fails"
		if f.module == "stdlib" && now.Before(libraryUntil) {
			mark = "until " + libraryUntil.Format(time.DateOnly)
		} else {
			bad++
		}
		fmt.Fprintf(out, "%-16s %s %s, fixed in %s: %s (%s)\n", f.id, f.module, f.version, f.fixed, f.symbol, mark)
	}
	if bad > 0 {
		return fmt.Errorf("%d known fault(s) can be reached\nhint: go get MODULE@FIXED, or a newer Go", bad)
	}
	return nil
}
