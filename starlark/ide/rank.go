package ide

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
)

// fitness says how well an item suits the place that is completed.
type fitness uint8

const (
	fits    fitness = iota // what the place asks for
	mayFit                 // of a type that is not known, or common there
	general                // of a type that many things have
	misfit                 // of another type
)

// scope says how near the name of an item is bound.
type nearness uint8

const (
	inCall nearness = iota // an argument of the call at hand
	inBlock
	inFile
	builtIn
	keyword    // of the language
	elsewhere  // has to be loaded first
	inSnippets // a text with gaps
)

// rank is where an item stands among others: what fits first, then what is
// near, then what is common.
type rank struct {
	obscure bool
	fit     fitness
	near    nearness
	order   int // among those that are alike, below 1000
}

// entryRank is the rank of a built-in.
func entryRank(e *decl.Entry, fit fitness) rank {
	return rank{obscure: e.Obscure(), fit: fit, near: builtIn, order: e.Commonness()}
}

// sortKey returns a text of fixed width, so that keys compare as texts: what is
// written out comes first, then what begins as it was typed, what has a word
// that does, and what only has the letters. What hardly anybody means comes
// behind all others.
func (r rank) sortKey(typed, label string) string {
	whole, obscure, folded := 1, 0, 1
	if typed != "" && typed == label {
		whole = 0
	} else if r.obscure {
		obscure = 1
	}
	if strings.HasPrefix(label, typed) {
		folded = 0
	}
	return fmt.Sprintf("%d%d%d%d%d%d%03d", whole, obscure, match(strings.ToLower(typed), strings.ToLower(label)), r.fit, r.near, folded, min(r.order, 999))
}

// match says how a label has what was typed: 0 as its start, 1 as the start of
// one of its words, 2 as some of its letters.
func match(typed, label string) int {
	switch {
	case strings.HasPrefix(label, typed):
		return 0
	case slices.ContainsFunc([]string{"_", ".", "/", "-", " "}, func(sep string) bool { return strings.Contains(label, sep+typed) }):
		return 1
	}
	return 2
}
