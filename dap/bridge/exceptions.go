package bridge

import (
	"encoding/json"
	"slices"

	"github.com/towline-dev/towline/dap/message"
)

// outbound returns a request of the editor as the debugger understands it.
func (s *session) outbound(l *link, m message.Message) message.Message {
	if m.Command == "setExceptionBreakpoints" {
		m = s.ownFilters(m)
	}
	return s.dialect.Outbound(m, l.mapper.ToRemote)
}

// ownFilters gives exceptions the debugger's names: an editor asks for those that
// it was offered before it was known which debugger it will be.
func (s *session) ownFilters(m message.Message) message.Message {
	payload := message.Replace(m.Payload(), []string{"filters"}, func(raw json.RawMessage) json.RawMessage {
		var given []string
		if json.Unmarshal(raw, &given) != nil {
			return raw // the debugger will say what is wrong
		}
		own := []string{}
		for _, name := range given {
			if name = s.adapter.Filter(name); name != "" && !slices.Contains(own, name) {
				own = append(own, name)
			}
		}
		return mustJSON(own)
	})
	payload = message.Replace(payload, []string{"filterOptions"}, func(raw json.RawMessage) json.RawMessage {
		var given []map[string]any
		if json.Unmarshal(raw, &given) != nil {
			return raw
		}
		own := []map[string]any{}
		for _, option := range given {
			name, _ := option["filterId"].(string)
			if option["filterId"] = s.adapter.Filter(name); option["filterId"] != "" {
				own = append(own, option)
			}
		}
		return mustJSON(own)
	})
	return m.WithPayload(payload)
}

// mustJSON is the JSON of what always has one.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// exceptionsAnswered is a debugger's answer about exceptions without what it says
// of each: it may have been asked for fewer than the editor asked for.
func exceptionsAnswered(r message.Message) message.Message {
	if !r.Success {
		return r
	}
	return r.WithPayload(json.RawMessage("{}"))
}
