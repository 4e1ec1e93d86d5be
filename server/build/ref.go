package build

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/towline-dev/towline/starlark/config"
)

// tagPrefix begins the immutable tags.
const tagPrefix = "towline-"

// Names are the names of one image, without tag: what this machine calls it
// and what the cluster does.
type Names struct {
	Local, Cluster string
	// TagPrefix begins the tag where a registry has room for one name only
	// (single_name) and the image's own goes into the tag.
	TagPrefix string
}

// Tagged returns both names with a tag.
func (n Names) Tagged(tag string) (local, cluster string) {
	return n.Local + ":" + n.TagPrefix + tag, n.Cluster + ":" + n.TagPrefix + tag
}

// NamesFor says what an image of the Tiltfile is called in a registry: below
// default_registry's host with "/" and "@" escaped as "_", unless it is there
// already. A nil registry leaves the name as it is.
func NamesFor(ref string, registry *config.Registry) (Names, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return Names{}, &config.Problem{
			Message: fmt.Sprintf("%q is not the name of an image: %v", ref, err),
			Hint:    "names are lower-case, such as registry.example.com/team/app",
		}
	}
	name := reference.FamiliarName(named)
	if registry == nil || registry.Host == "" || strings.HasPrefix(name, registry.Host+"/") && registry.SingleName == "" {
		return Names{Local: name, Cluster: clusterName(name, registry)}, nil
	}
	escaped := escape(name)
	names := Names{Local: registry.Host + "/" + escaped}
	if registry.SingleName != "" {
		names.Local = registry.Host + "/" + registry.SingleName
		names.TagPrefix = escaped + "-"
	}
	names.Cluster = clusterName(names.Local, registry)
	return names, nil
}

// escape makes a name fit into one element of a repository's path.
func escape(name string) string {
	return strings.NewReplacer("/", "_", "@", "_", ":", "_").Replace(name)
}

// clusterName replaces the registry's host by the one that the cluster uses.
func clusterName(local string, registry *config.Registry) string {
	if registry == nil || registry.HostFromCluster == "" {
		return local
	}
	if rest, ok := strings.CutPrefix(local, registry.Host+"/"); ok {
		return registry.HostFromCluster + "/" + rest
	}
	return local
}

// localName is the inverse of clusterName, for reading what a pod names.
func localName(name string, registry *config.Registry) string {
	if registry == nil || registry.HostFromCluster == "" {
		return name
	}
	if rest, ok := strings.CutPrefix(name, registry.HostFromCluster+"/"); ok {
		return registry.Host + "/" + rest
	}
	return name
}

// digestTag is the immutable tag of an image.
func digestTag(digest string) string {
	_, hex, found := strings.Cut(digest, ":")
	if !found {
		hex = digest
	}
	return tagPrefix + hex[:min(16, len(hex))]
}

// sameImage reports whether a name in a Dockerfile means an image of the
// Tiltfile: the repositories are equal, and the tags are if the Tiltfile says
// one.
func sameImage(found, ref string) bool {
	a, errA := reference.ParseNormalizedNamed(found)
	b, errB := reference.ParseNormalizedNamed(ref)
	if errA != nil || errB != nil || a.Name() != b.Name() {
		return false
	}
	want, tagged := b.(reference.Tagged)
	got, ok := a.(reference.Tagged)
	return !tagged || ok && got.Tag() == want.Tag()
}
