package daemon

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// buildInputs names what a project's images depend on besides the project and
// its files: where they go, what they are for, and what their builds take from
// the environment. Another text means that they are to be built again.
func (c *core) buildInputs(p *config.Project) string {
	s := &c.session.environs
	env := map[string]string{}
	for i := range p.Images {
		for _, name := range passed(&p.Images[i]) {
			env[name] = os.Getenv(name)
		}
	}
	// As in Tilt, what the cluster says of a registry wins.
	data, err := json.Marshal([]any{cmp.Or(s.registry, p.Settings.DefaultRegistry), s.platform, s.runtime, env})
	if err != nil {
		panic(err) // it is plain data
	}
	return string(data)
}

// passed are the variables whose value a build takes from the environment: of
// build_args without one, and of secrets.
func passed(img *config.Image) []string {
	var names []string
	for name, value := range img.Args {
		if value == "" {
			names = append(names, name)
		}
	}
	for _, secret := range img.Secrets {
		id, from := "", ""
		for field := range strings.SplitSeq(secret, ",") {
			key, value, _ := strings.Cut(field, "=")
			switch key {
			case "id":
				id = value
			case "env":
				from = value
			case "src", "source":
				from = "-"
			}
		}
		if name := cmp.Or(from, id); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
