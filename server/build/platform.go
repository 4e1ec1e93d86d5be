package build

import "strings"

// platformFor chooses what an image is built for before it is built: what the
// Tiltfile says, else what the cluster's nodes run. It is said where that is not what
// the builder would choose by itself.
func (b *builder) platformFor(t *tool, r Request) string {
	nodes := b.cluster.Platform
	if os, arch, _ := strings.Cut(nodes, "/"); r.Image.Platform != "" || os == "" || arch == "" || t.platform == nodes || t.docker() && t.platform == "" {
		return r.Image.Platform
	}
	if t.platform != "" {
		say(r.Output, "building for %s, which the cluster's nodes run (docker here would build for %s)", nodes, t.platform)
	}
	return nodes
}

// warnOfPlatform says that an image is not for the cluster's nodes: its containers
// would end with "exec format error".
func (b *builder) warnOfPlatform(r Request, c ImageConfig) {
	os, arch, _ := strings.Cut(b.cluster.Platform, "/")
	if os == "" || arch == "" || c.OS == "" || c.Arch == "" || c.OS == os && c.Arch == arch {
		return
	}
	say(r.Output, "warning: image %s is for %s/%s, and the cluster's nodes run %s: what it runs may end with \"exec format error\"", r.Image.Ref, c.OS, c.Arch, b.cluster.Platform)
}
