package build

import (
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/config"
)

// destination names the image of a request, before anything is built. Where no
// registry is known, a name without one means Docker Hub: that is said, and
// refused where nobody but Docker can push.
func (b *builder) destination(ref string, output io.Writer) (Names, error) {
	names, err := NamesFor(ref, b.cluster.Registry)
	if err != nil || b.cluster.Registry != nil || DeliveryFor(b.cluster) != Push {
		return names, err
	}
	named, err := reference.ParseNormalizedNamed(names.Local)
	if err != nil || reference.Domain(named) != "docker.io" {
		return names, nil // a name that NamesFor took is one
	}
	why := "no registry is known: neither default_registry() nor the cluster names one"
	if b.cluster.Unread != "" {
		why += " (" + b.cluster.Unread + ")"
	}
	if strings.HasPrefix(reference.Path(named), "library/") {
		return names, &config.Problem{
			Message: fmt.Sprintf("image %s would be pushed to docker.io/%s: %s", ref, reference.Path(named), why),
			Hint:    "name the registry that the cluster pulls from: default_registry('HOST/PATH') in the Tiltfile",
		}
	}
	say(output, "%s goes to docker.io/%s: %s", ref, reference.Path(named), why)
	return names, nil
}
