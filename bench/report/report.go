// Package report is the form in which every benchmark of the project ends:
// lines for people and scripts on standard output, and the same as JSON below
// bench/out.
//
// A line reads `bench: CASE p50=X p99=Y unit=U baseline=B ratio=R`. The ratio
// is the baseline's p50 divided by ours, so larger is better; a case without a
// baseline says `baseline=- ratio=-`.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// Report collects the cases of one benchmark.
type Report struct {
	Name    string    `json:"name"`
	Machine Machine   `json:"machine"`
	Time    time.Time `json:"time"`
	Cases   []Case    `json:"cases"`

	out io.Writer
}

// Machine describes where the figures were measured.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// Case is one measured quantity. Percentiles are of Unit.
type Case struct {
	Case     string   `json:"case"`
	Unit     string   `json:"unit"`
	N        int      `json:"n"`
	P50      float64  `json:"p50"`
	P90      float64  `json:"p90"`
	P99      float64  `json:"p99"`
	Max      float64  `json:"max"`
	Baseline *float64 `json:"baseline,omitempty"` // the baseline's p50
	Ratio    *float64 `json:"ratio,omitempty"`    // Baseline divided by P50
}

// New returns an empty report, which Write stores as bench/out/NAME.json.
func New(name string) *Report {
	return &Report{
		Name:    name,
		Machine: Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		Time:    time.Now().UTC(),
		out:     os.Stdout,
	}
}

// Add records a case and prints its line. Ours and baseline are samples in
// the given unit ("ms", "MB", …); baseline may be empty.
func (r *Report) Add(name, unit string, ours, baseline []float64) {
	c := Case{
		Case: name, Unit: unit, N: len(ours),
		P50: Percentile(ours, 50), P90: Percentile(ours, 90), P99: Percentile(ours, 99), Max: Percentile(ours, 100),
	}
	base, ratio := "-", "-"
	if len(baseline) > 0 {
		b := Percentile(baseline, 50)
		c.Baseline, base = &b, number(b)
		if c.P50 > 0 {
			q := b / c.P50
			c.Ratio, ratio = &q, number(q)
		}
	}
	r.Cases = append(r.Cases, c)
	fmt.Fprintf(r.out, "bench: %s p50=%s p99=%s unit=%s baseline=%s ratio=%s\n",
		name, number(c.P50), number(c.P99), unit, base, ratio)
}

// Write stores the report as JSON below the repository's bench/out.
func (r *Report) Write() error {
	root, err := repository()
	if err != nil {
		return err
	}
	path := filepath.Join(root, "bench", "out", r.Name+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("creating the folder of %s: %w", path, err)
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// Milliseconds returns the durations as samples in ms.
func Milliseconds(d []time.Duration) []float64 {
	out := make([]float64, len(d))
	for i, v := range d {
		out[i] = float64(v) / float64(time.Millisecond)
	}
	return out
}

// Percentile returns the smallest sample that at least p percent of all are
// no larger than, and 0 of no samples.
func Percentile(samples []float64, p float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// number prints three significant digits, without an exponent.
func number(v float64) string {
	digits := 2
	for limit := 1.0; digits > 0 && math.Abs(v) >= limit*10; limit *= 10 {
		digits--
	}
	if v != 0 && math.Abs(v) < 1 {
		digits = 2 - int(math.Floor(math.Log10(math.Abs(v))))
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// repository is the nearest folder above the current one with a go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the repository's root: no go.mod above the current folder")
		}
		dir = filepath.Dir(dir)
	}
}
