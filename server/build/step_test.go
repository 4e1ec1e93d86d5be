package build

import (
	"strings"
	"testing"
)

// TestStepOf: what builders say that they are at, in their own words.
func TestStepOf(t *testing.T) {
	for line, want := range map[string]string{
		"#7 [2/4] RUN npm ci":                               "2/4 RUN npm ci",
		"#7 [web 2/4] RUN   go build ./...\r":               "web 2/4 RUN go build ./...",
		"#7 [linux/arm64 web 2/4] RUN true":                 "linux/arm64 web 2/4 RUN true",
		"#7 0.123 [2/4] RUN npm ci":                         "",
		"#7 DONE 0.1s":                                      "",
		"#7 CACHED":                                         "",
		"#3 transferring context: 8.39MB 0.1s done":         "transferring context: 8.39MB",
		"#3 transferring context: 8.39MB 2.4s":              "transferring context: 8.39MB",
		"#9 exporting to image":                             "exporting to image",
		"#9 pushing layers 0.2s done":                       "pushing layers",
		"Step 3/7 : COPY . .":                               "3/7 COPY . .",
		"The push refers to repository [127.0.0.1:5000/a]":  "pushing",
		"pushing 127.0.0.1:5000/a:towline-1":                "pushing",
		"go build ./cmd/web, for linux/amd64":               "go build ./cmd/web, for linux/amd64",
		"waiting for BuildKit in the cluster (pod p): slow": "waiting for BuildKit in the cluster (pod p): slow",
		"npm warn deprecated":                               "",
		"":                                                  "",
	} {
		if got := StepOf(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := StepOf("#1 [1/1] RUN " + strings.Repeat("ä", 500)); len([]rune(got)) != longestStep || !strings.HasSuffix(got, "…") {
		t.Errorf("a long step: %q", got)
	}
}
