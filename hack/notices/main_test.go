package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	isc = `Copyright (c) %s

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
	gpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.
`
)

func TestAdd(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		err   string
	}{
		{"allowed", map[string]string{"LICENSE": isc}, ""},
		{"copyleft", map[string]string{"COPYING": gpl}, "GPL"},
		{"none", map[string]string{"README": isc}, "no licence that is known"},
		{"a notice alone", map[string]string{"NOTICE": "Made by us."}, "no licence that is known"},
		{"a notice beside", map[string]string{"LICENSE": isc, "NOTICE": "Made by us."}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range test.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var n notices
			err := n.add(module{Path: "example.com/m", Version: "v1.0.0", Dir: dir})
			if test.err == "" {
				var out strings.Builder
				if n.write(&out); err != nil || !strings.Contains(out.String(), "ISC\n  example.com/m v1.0.0\n") {
					t.Errorf("error %v, and wrote %s", err, out.String())
				}
			} else if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want one with %q", err, test.err)
			}
		})
	}
}

// Two modules with one text, laid out differently, share it.
func TestShared(t *testing.T) {
	var n notices
	for name, text := range map[string]string{"a": isc, "b": strings.ReplaceAll(isc, " ", "\n ")} {
		n.hold(module{Path: name}, "ISC", text)
	}
	if len(n.texts) != 1 || len(n.texts[0].holders) != 2 {
		t.Errorf("got %+v", n.texts)
	}
}
