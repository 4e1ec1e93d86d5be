package format

import (
	"strings"

	"github.com/towline-dev/towline/starlark/syntax"
)

// maxDiff limits the work of a diff; texts that differ in more lines are
// replaced from the first difference to the last.
const maxDiff = 400

// diff returns the edits of whole lines that turn a into b, by Myers' method.
func diff(a, b string) []Edit {
	x, y := splitLines(a), splitLines(b)
	start := 0
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		start += len(x[0])
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) == 0 && len(y) == 0 {
		return nil
	}
	keep := common(x, y)
	if keep == nil {
		old := strings.Join(x, "")
		return []Edit{{syntax.Span{Start: start, End: start + len(old)}, strings.Join(y, "")}}
	}
	var edits []Edit
	i, j := 0, 0
	for _, k := range append(keep, [2]int{len(x), len(y)}) {
		old, text := strings.Join(x[i:k[0]], ""), strings.Join(y[j:k[1]], "")
		if old != "" || text != "" {
			edits = append(edits, Edit{syntax.Span{Start: start, End: start + len(old)}, text})
		}
		start += len(old)
		if k[0] < len(x) {
			start += len(x[k[0]])
		}
		i, j = k[0]+1, k[1]+1
	}
	return edits
}

// splitLines returns the lines of a text, with their ends.
func splitLines(text string) []string {
	if strings.IndexByte(text, '\r') < 0 {
		return strings.SplitAfter(text, "\n")
	}
	lines := syntax.NewLines(text)
	list := make([]string, lines.Count())
	for i := range list {
		end := len(text)
		if i+1 < len(list) {
			end = lines.Line(i + 1).Start
		}
		list[i] = text[lines.Line(i).Start:end]
	}
	return list
}

// common returns the pairs of indexes of lines that both texts keep, nil when
// they differ in too much.
func common(x, y []string) [][2]int {
	n, m := len(x), len(y)
	v := map[int]int{1: 0}
	var trace []map[int]int
	for d := 0; d <= min(n+m, maxDiff); d++ {
		snapshot := make(map[int]int, len(v))
		for k, at := range v {
			snapshot[k] = at
		}
		trace = append(trace, snapshot)
		for k := -d; k <= d; k += 2 {
			var i int
			if k == -d || k != d && v[k-1] < v[k+1] {
				i = v[k+1]
			} else {
				i = v[k-1] + 1
			}
			for i < n && i-k < m && x[i] == y[i-k] {
				i++
			}
			v[k] = i
			if i >= n && i-k >= m {
				return backtrack(trace, n, m)
			}
		}
	}
	return nil
}

// backtrack walks the way back that common found and collects its diagonals.
func backtrack(trace []map[int]int, i, j int) [][2]int {
	keep := [][2]int{}
	for d := len(trace) - 1; d >= 0; d-- {
		v, k := trace[d], i-j
		prev := k - 1
		if k == -d || k != d && v[k-1] < v[k+1] {
			prev = k + 1
		}
		pi := v[prev]
		pj := pi - prev
		for i > pi && j > pj && i > 0 && j > 0 {
			i, j = i-1, j-1
			keep = append(keep, [2]int{i, j})
		}
		i, j = pi, pj
	}
	for a, b := 0, len(keep)-1; a < b; a, b = a+1, b-1 {
		keep[a], keep[b] = keep[b], keep[a]
	}
	return keep
}
