package ide

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// realistic returns a Tiltfile of about the given number of lines.
func realistic(lines int) string {
	var b strings.Builder
	b.WriteString("load('ext://restart_process', 'docker_build_with_restart')\n")
	for i := 0; i*20 < lines; i++ {
		fmt.Fprintf(&b, `# service %[1]d
def build_%[1]d(name, port=80%[1]d, labels=[]):
    """Builds one service.

    Args:
      name: the name
    """
    docker_build(
        'registry.example.com/' + name,
        context='./services/%[1]d',
        dockerfile='./services/%[1]d/Dockerfile',
        live_update=[
            sync('./services/%[1]d/src', '/app/src'),
            run('npm install', trigger=['./package.json']),
        ],
    )
    if port > 8000 and name not in labels:
        k8s_resource(name, port_forwards=[port, '%[1]d:80'], labels=labels)

services_%[1]d = [build_%[1]d(n) for n in ['a', 'b', 'c'] if n != 'b']
`, i)
	}
	return b.String()
}

func load(src string) *resolve.File {
	return resolve.Resolve(syntax.ParseString("/w/Tiltfile", src))
}

// bench runs one feature after the edit that comes before it.
func bench(b *testing.B, edit string, run func(s *Analysis, f *resolve.File, off int)) {
	for _, lines := range []int{200, 5000} {
		src := realistic(lines)
		at := strings.LastIndex(src[:len(src)/2], "services_")
		src = src[:at] + edit + "\n" + src[at:]
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			b.ReportAllocs()
			f := load(src)
			s := &Analysis{}
			for b.Loop() {
				run(s, f, at+len(edit))
			}
		})
	}
}

func BenchmarkParseResolve(b *testing.B) {
	bench(b, "docker_b", func(_ *Analysis, f *resolve.File, _ int) { load(f.Src) })
}

func BenchmarkCompleteAfterKey(b *testing.B) {
	bench(b, "docker_b", func(s *Analysis, f *resolve.File, off int) { Complete(s, load(f.Src), off) })
}

func BenchmarkComplete(b *testing.B) {
	bench(b, "docker_b", func(s *Analysis, f *resolve.File, off int) { Complete(s, f, off) })
}

func BenchmarkCompleteString(b *testing.B) {
	bench(b, "local_resource('a', resource_deps=['", func(s *Analysis, f *resolve.File, off int) { Complete(s, f, off) })
}

func BenchmarkDiagnostics(b *testing.B) {
	bench(b, "docker_build", func(s *Analysis, f *resolve.File, _ int) { Diagnostics(s, f) })
}

func BenchmarkSyntaxDiagnostics(b *testing.B) {
	bench(b, "docker_build(", func(s *Analysis, f *resolve.File, _ int) { SyntaxDiagnostics(load(f.Src)) })
}

func BenchmarkHover(b *testing.B) {
	bench(b, "docker_build", func(s *Analysis, f *resolve.File, off int) { Hover(s, f, off) })
}

func BenchmarkSignatureHelp(b *testing.B) {
	bench(b, "docker_build(", func(s *Analysis, f *resolve.File, off int) { SignatureHelp(s, f, off) })
}

func BenchmarkSemanticTokens(b *testing.B) {
	bench(b, "docker_build", func(s *Analysis, f *resolve.File, _ int) { SemanticTokens(s, f, f.Span()) })
}

func BenchmarkDocumentSymbols(b *testing.B) {
	bench(b, "docker_build", func(s *Analysis, f *resolve.File, _ int) { DocumentSymbols(s, f) })
}
