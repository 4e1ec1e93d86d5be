package syntax

import (
	"fmt"
	"strings"
	"testing"
)

// realistic returns a Tiltfile of about the given number of lines.
func realistic(lines int) string {
	var b strings.Builder
	for i := 0; b.Len() == 0 || i*20 < lines; i++ {
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

func BenchmarkParse(b *testing.B) {
	for _, lines := range []int{200, 5000} {
		src := realistic(lines)
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				ParseString("Tiltfile", src)
			}
		})
	}
}
