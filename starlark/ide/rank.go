package ide

import (
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
)

// fitness says how well an item suits the place that is completed.
type fitness uint8

const (
	fits    fitness = iota // what the place asks for
	mayFit                 // of a type that is not known, or common there
	general                // of a type that many values have
	misfit                 // of another type
)

// scope says how near the name of an item is bound.
type proximity uint8

const (
	inCall proximity = iota // an argument of the call at hand
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
	near    proximity
	order   int // among those that are alike, below 1000
}

// entryRank is the rank of a built-in.
func entryRank(e *decl.Entry, fit fitness) rank {
	return rank{obscure: e.Obscure(), fit: fit, near: builtIn, order: e.Commonness()}
}

// key returns the rank as a number of nine digits or less: what is written out
// comes first, then what begins as it was typed, what has a word that does, and
// what only has the letters. What hardly anybody means comes behind all others.
func (r rank) key(typed, label string) int {
	whole, obscure, folded := 1, 0, 1
	if typed != "" && typed == label {
		whole = 0
	} else if r.obscure {
		obscure = 1
	}
	if strings.HasPrefix(label, typed) {
		folded = 0
	}
	key := whole
	for _, digit := range [...]int{obscure, match(typed, label), int(r.fit), int(r.near), folded} {
		key = 10*key + digit
	}
	return 1000*key + min(r.order, 999)
}

// sortKey is what items are put in order by.
type sortKey struct {
	rank  int
	label string
	item  int
}

// text returns the rank as a text of fixed width, so that keys compare as texts.
func (k sortKey) text() string {
	const width = 1000000000 // a digit more than a rank has
	return strconv.Itoa(width + k.rank)[1:]
}

// match says how a label has what was typed: 0 as its start, 1 as the start of
// one of its words, 2 as some of its letters.
func match(typed, label string) int {
	for i := 0; i+len(typed) <= len(label); i++ {
		if i > 0 && !strings.ContainsRune("_./- ", rune(label[i-1])) {
			continue
		}
		if strings.EqualFold(label[i:i+len(typed)], typed) {
			return min(i, 1)
		}
	}
	return 2
}
