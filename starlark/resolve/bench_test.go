package resolve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/syntax"
)

// realistic returns a Tiltfile of about the given number of lines.
func realistic(lines int) string {
	var b strings.Builder
	for i := range lines / 13 {
		b.WriteString(strings.ReplaceAll(`def build_#(name, port=80, labels=[]):
    docker_build(
        'registry.example.com/' + name,
        context='./services/#',
        live_update=[
            sync('./services/#/src', '/app/src'),
            run('npm install', trigger=['./package.json']),
        ],
    )
    if port > 8000 and name not in labels:
        k8s_resource(name, port_forwards=[port, '8:80'], labels=labels)

services_# = [build_#(n) for n in ['a', 'b', 'c'] if n != 'b']
`, "#", fmt.Sprint(i)))
	}
	return b.String()
}

func BenchmarkResolve(b *testing.B) {
	f := syntax.ParseString("Tiltfile", realistic(5000))
	b.ReportAllocs()
	for b.Loop() {
		Resolve(f)
	}
}
