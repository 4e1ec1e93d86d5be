package config

import "encoding/json"

// plainResource is Resource without its JSON methods.
type plainResource Resource

// resourceJSON is a resource's JSON form: what only local resources have stands
// beside the rest.
type resourceJSON struct {
	plainResource
	*Local
	Dir *string            `json:"dir,omitempty"` // of cmd, or of serve_cmd when there is no cmd
	Env *map[string]string `json:"env,omitempty"`
}

// MarshalJSON writes the fields of Local beside those of the resource.
func (r Resource) MarshalJSON() ([]byte, error) { return json.Marshal(r.json()) }

func (r Resource) json() resourceJSON {
	out := resourceJSON{plainResource: plainResource(r), Local: r.Local}
	if l := r.Local; l != nil {
		main := l.Cmd
		if main.Empty() {
			main = l.ServeCmd
		}
		out.Dir, out.Env = &main.Dir, &main.Env
	}
	return out
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Resource) UnmarshalJSON(data []byte) error {
	var in resourceJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*r = Resource(in.plainResource)
	if r.Kind == KindLocal {
		r.Local = in.Local
	}
	return nil
}
