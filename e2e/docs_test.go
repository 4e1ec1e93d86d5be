package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// snippet is a fenced block of a page of docs/.
type snippet struct {
	page, heading, language string
	text                    string
}

// snippets returns all blocks of a page that are in a language, in order.
func snippets(t *testing.T, page string) []snippet {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	var out []snippet
	heading, inside := "", false
	for line := range strings.Lines(string(data)) {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && inside:
			inside = false
		case isFence:
			inside = true
			out = append(out, snippet{page: page, heading: heading, language: fence})
		case inside:
			out[len(out)-1].text += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return out
}

// under returns the texts of the blocks of a page below a heading in a
// language.
func under(t *testing.T, page, heading, language string) []string {
	t.Helper()
	var out []string
	for _, s := range snippets(t, page) {
		if s.heading == heading && s.language == language {
			out = append(out, s.text)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no %s below %q", page, language, heading)
	}
	return out
}

// onPath makes the program under test the `towline` of what an editor starts.
func (w *workspace) onPath(t *testing.T) {
	t.Helper()
	w.env = append(w.env, "PATH="+filepath.Dir(towline(t))+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func (w *workspace) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(w.dir), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNeovimDocs starts Neovim 0.7 with what docs/editors.md tells its users
// to write, and parses what is for later ones and for nvim-dap.
func TestNeovimDocs(t *testing.T) {
	nvim := needProgram(t, "nvim")
	w := newWorkspace(t)
	w.onPath(t)
	blocks := under(t, "editors.md", "Neovim", "lua")
	if len(blocks) != 4 {
		t.Fatalf("docs/editors.md has %d blocks for Neovim", len(blocks))
	}
	filetypes, _, _ := strings.Cut(blocks[0], "\n")
	init := w.write(t, "init.lua", "vim.g.do_filetype_lua = 1\n"+filetypes+"\n"+blocks[1]+blocks[2])
	var others []string
	for _, s := range append(snippets(t, "editors.md"), snippets(t, "debugging.md")...) {
		if s.language == "lua" {
			others = append(others, s.text)
		}
	}
	data, err := json.Marshal(others)
	if err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "SNIPPETS="+w.write(t, "snippets.json", string(data)))
	script, err := filepath.Abs(filepath.Join("nvim", "docs.lua"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, nvim, "--headless", "-u", init, "-i", "NONE", "--cmd", "set noswapfile", "-c", "luafile "+script)
}

// TestEmacsDocs does the same with Emacs.
func TestEmacsDocs(t *testing.T) {
	emacs := needProgram(t, "emacs")
	if err := exec.Command(emacs, "--batch", "-f", "package-initialize", "-l", "eglot").Run(); err != nil {
		skipUnlessCI(t, "Emacs has no eglot")
	}
	w := newWorkspace(t)
	w.onPath(t)
	w.env = append(w.env, "INIT="+w.write(t, "init.el", under(t, "editors.md", "Emacs (eglot)", "elisp")[0]))
	for _, s := range snippets(t, "debugging.md") {
		if s.language == "elisp" {
			w.env = append(w.env, "DAPE="+w.write(t, "dape.el", s.text))
		}
	}
	script, err := filepath.Abs(filepath.Join("emacs", "docs.el"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, emacs, "--batch", "-f", "package-initialize", "-l", script)
}

// TestConfigurationsOfTheDocs parses what is for editors that cannot be had
// here.
func TestConfigurationsOfTheDocs(t *testing.T) {
	parsed := map[string]int{}
	for _, s := range append(snippets(t, "editors.md"), snippets(t, "debugging.md")...) {
		var into any
		var err error
		switch s.language {
		case "json":
			err = json.Unmarshal([]byte(s.text), &into)
		case "toml":
			table := map[string]any{}
			err = toml.Unmarshal([]byte(s.text), &table)
			into = table
		default:
			continue
		}
		parsed[s.language]++
		if err != nil || into == nil {
			t.Errorf("%s, %s: %v in\n%s", s.page, s.heading, err, s.text)
		}
	}
	if parsed["json"] == 0 || parsed["toml"] == 0 {
		t.Errorf("the pages have %v", parsed)
	}
}
