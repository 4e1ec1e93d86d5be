package inspector

import (
	"fmt"
	"testing"

	"github.com/towline-dev/towline/dap/cdp"
)

// What is loaded anew again and again is known, and what was there before is
// forgotten with all that led to it.
func TestShelf(t *testing.T) {
	for name, test := range map[string]struct {
		url  func(i int) string
		most int
	}{
		"files that are loaded anew": {func(int) string { return "file:///a.js" }, maxVersions},
		"modules in eval":            {func(int) string { return "webpack-internal:///./a.js" }, maxVersions},
		"texts without a name":       {func(int) string { return "" }, maxLoose},
		"files with names of hashes": {func(i int) string { return fmt.Sprintf("file:///a.%d.js", i) }, maxScripts},
	} {
		t.Run(name, func(t *testing.T) {
			sh := newShelf()
			gone := 0
			for i := range test.most + 50 {
				url := test.url(i)
				sc := &script{Script: cdp.Script{ID: fmt.Sprint(i), URL: url}, path: filePath(url), files: []string{"/src/a.ts", ""}}
				gone += len(sh.add(sc))
				sh.made(sc)
			}
			last := fmt.Sprint(test.most + 49)
			if sh.scripts[last] == nil || sh.scripts["0"] != nil || len(sh.scripts) != test.most || gone != 50 {
				t.Errorf("%d are known and %d were forgotten, want %d and 50", len(sh.scripts), gone, test.most)
			}
			if made := sh.madeOf["/src/a.ts"]; len(made) != test.most || made[len(made)-1].script.ID != last {
				t.Errorf("of the source %d scripts are known", len(made))
			}
			paths := 0
			for _, all := range sh.byPath {
				paths += len(all)
			}
			if path := filePath(test.url(0)); path != "" && paths != test.most || path == "" && paths != 0 {
				t.Errorf("by their files %d are known", paths)
			}
		})
	}
}
