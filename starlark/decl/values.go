package decl

func valueRows() []row {
	return []row{
		{name: "K8sObjectID.name", kind: Constant, returns: "str", method: true, purpose: "The object's name."},
		{name: "K8sObjectID.kind", kind: Constant, returns: "str@kind", method: true, purpose: "The object's kind."},
		{name: "K8sObjectID.namespace", kind: Constant, returns: "str@namespace", method: true, purpose: "The object's namespace."},
		{name: "K8sObjectID.group", kind: Constant, returns: "str", method: true, purpose: "The group of the object's API; empty for the core."},
		{name: "Link.url", kind: Constant, returns: "str@url", method: true, purpose: "The link's URL."},
		{name: "Link.name", kind: Constant, returns: "str", method: true, purpose: "The link's text."},
		{
			name: "GitRepo.paths", method: true, hidden: true, returns: "str", purpose: "The absolute path of a file of the repository.",
			params: []string{"path: str@path", "relative to the repository's folder"},
		},
	}
}
