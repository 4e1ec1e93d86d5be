package handover

import (
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	for line, want := range map[string][2]bool{
		"towline lsp": {false, true}, "towline lsp --stdio": {false, true}, "towline lsp -v --stdio": {true, true}, "towline lsp --verbose": {true, true},
		"towline": {}, "towline up lsp": {}, "towline lsp --help": {}, "towline lsp --stdio=false": {}, "towline lsp x": {}, "towline -v lsp": {},
	} {
		verbose, ok := plain(strings.Fields(line))
		if ok != want[1] || ok && verbose != want[0] {
			t.Errorf("%s: %v, %v", line, verbose, ok)
		}
	}
}
