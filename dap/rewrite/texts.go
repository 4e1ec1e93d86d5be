package rewrite

import (
	"encoding/json"

	"github.com/towline-dev/towline/dap/message"
)

// WithoutTexts returns a debugger's response or event in which the sources that
// have a path for which here is true are files alone. A debugger that cannot know
// which files the editor has offers the texts of all, and an editor prefers a
// text, which it does not let be changed.
func WithoutTexts(m message.Message, here func(path string) bool) message.Message {
	places := inResponse[m.Command]
	switch m.Type {
	case message.Event:
		places = inEvent[m.Event]
	case message.Request:
		return m
	}
	old := m.Payload()
	if old == nil || len(places) == 0 {
		return m
	}
	payload, changed := old, false
	for _, place := range places { // each ends with the path
		payload = message.Replace(payload, place[:len(place)-1], func(raw json.RawMessage) json.RawMessage {
			var source map[string]json.RawMessage
			var path string
			if json.Unmarshal(raw, &source) != nil || source["sourceReference"] == nil || json.Unmarshal(source["path"], &path) != nil || !here(path) {
				return nil
			}
			delete(source, "sourceReference")
			data, err := json.Marshal(source)
			if err != nil {
				return nil
			}
			changed = true
			return data
		})
	}
	if !changed {
		return m
	}
	return m.WithPayload(payload)
}
