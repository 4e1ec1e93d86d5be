package report

import (
	"strings"
	"testing"
)

func TestPercentile(t *testing.T) {
	samples := []float64{5, 1, 4, 2, 3}
	for p, want := range map[float64]float64{0: 1, 50: 3, 99: 5, 100: 5, 20: 1, 21: 2} {
		if got := Percentile(samples, p); got != want {
			t.Errorf("Percentile(%v) = %v, want %v", p, got, want)
		}
	}
	if got := Percentile(nil, 50); got != 0 {
		t.Errorf("Percentile of nothing = %v, want 0", got)
	}
}

func TestAddPrintsTheLine(t *testing.T) {
	var out strings.Builder
	r := &Report{out: &out}
	r.Add("hover", "ms", []float64{0.5, 0.5, 0.5}, []float64{5})
	r.Add("memory", "MB", []float64{123.4}, nil)
	want := "bench: hover p50=0.500 p99=0.500 unit=ms baseline=5.00 ratio=10.0\n" +
		"bench: memory p50=123 p99=123 unit=MB baseline=- ratio=-\n"
	if got := out.String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
