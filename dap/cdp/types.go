package cdp

import "encoding/json"

// Location is a place in a script; both numbers count from 0.
type Location struct {
	ScriptID string `json:"scriptId"`
	Line     int    `json:"lineNumber"`
	Column   int    `json:"columnNumber"`
}

// Script is the body of Debugger.scriptParsed.
type Script struct {
	ID     string `json:"scriptId"`
	URL    string `json:"url"`
	MapURL string `json:"sourceMapURL"`
}

// Object is Runtime.RemoteObject: a value, or a reference to one.
type Object struct {
	Type         string          `json:"type"`
	Subtype      string          `json:"subtype,omitempty"`
	ClassName    string          `json:"className,omitempty"`
	Value        json.RawMessage `json:"value,omitempty"`
	Unserialized string          `json:"unserializableValue,omitempty"`
	Description  string          `json:"description,omitempty"`
	ID           string          `json:"objectId,omitempty"`
	Preview      *Preview        `json:"preview,omitempty"`
}

// Preview is a short look into an object.
type Preview struct {
	Type        string            `json:"type"`
	Subtype     string            `json:"subtype"`
	Description string            `json:"description"`
	Overflow    bool              `json:"overflow"`
	Properties  []PropertyPreview `json:"properties"`
	Entries     []struct {
		Key   *Preview `json:"key"`
		Value *Preview `json:"value"`
	} `json:"entries"`
}

// PropertyPreview is one property in a Preview.
type PropertyPreview struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"` // "accessor" of one that is a getter
	Subtype string   `json:"subtype"`
	Value   string   `json:"value"`
	Nested  *Preview `json:"valuePreview"`
}

// Property is Runtime.PropertyDescriptor, InternalPropertyDescriptor and
// PrivatePropertyDescriptor.
type Property struct {
	Name       string  `json:"name"`
	Value      *Object `json:"value"`
	Get        *Object `json:"get"`
	Set        *Object `json:"set"`
	Enumerable bool    `json:"enumerable"`
	Own        bool    `json:"isOwn"`
}

// Properties is the result of Runtime.getProperties.
type Properties struct {
	Own       []Property `json:"result"`
	Internal  []Property `json:"internalProperties"`
	Private   []Property `json:"privateProperties"`
	Exception *Exception `json:"exceptionDetails"`
}

// Scope is one of a call's scopes.
type Scope struct {
	Type   string    `json:"type"`
	Name   string    `json:"name"`
	Object Object    `json:"object"`
	Start  *Location `json:"startLocation"`
	End    *Location `json:"endLocation"`
}

// CallFrame is a call of a stopped program.
type CallFrame struct {
	ID       string   `json:"callFrameId"`
	Function string   `json:"functionName"`
	Start    Location `json:"functionLocation"`
	Location Location `json:"location"`
	URL      string   `json:"url"`
	Scopes   []Scope  `json:"scopeChain"`
	This     Object   `json:"this"`
	Return   *Object  `json:"returnValue"`
}

// Paused is the body of Debugger.paused.
type Paused struct {
	Frames []CallFrame     `json:"callFrames"`
	Reason string          `json:"reason"`
	Data   json.RawMessage `json:"data"`
	Hit    []string        `json:"hitBreakpoints"`
	Async  *StackTrace     `json:"asyncStackTrace"`
}

// StackTrace is Runtime.StackTrace.
type StackTrace struct {
	Description string      `json:"description"`
	Frames      []StackCall `json:"callFrames"`
	Parent      *StackTrace `json:"parent"`
}

// StackCall is a call in a StackTrace.
type StackCall struct {
	Function string `json:"functionName"`
	ScriptID string `json:"scriptId"`
	URL      string `json:"url"`
	Line     int    `json:"lineNumber"`
	Column   int    `json:"columnNumber"`
}

// Exception is Runtime.ExceptionDetails.
type Exception struct {
	Text     string      `json:"text"`
	Line     int         `json:"lineNumber"`
	Column   int         `json:"columnNumber"`
	ScriptID string      `json:"scriptId"`
	URL      string      `json:"url"`
	Stack    *StackTrace `json:"stackTrace"`
	Object   *Object     `json:"exception"`
}

// Said returns what went wrong, as V8 describes it.
func (e *Exception) Said() string {
	if e.Object != nil && e.Object.Description != "" {
		return e.Object.Description
	}
	if e.Object != nil && len(e.Object.Value) > 0 {
		return e.Text + " " + string(e.Object.Value)
	}
	return e.Text
}

// ConsoleCall is the body of Runtime.consoleAPICalled.
type ConsoleCall struct {
	Type  string      `json:"type"`
	Args  []Object    `json:"args"`
	Stack *StackTrace `json:"stackTrace"`
}

// Evaluated is the result of the methods that evaluate.
type Evaluated struct {
	Result    Object     `json:"result"`
	Exception *Exception `json:"exceptionDetails"`
}

// Argument is Runtime.CallArgument.
type Argument struct {
	Value        json.RawMessage `json:"value,omitempty"`
	Unserialized string          `json:"unserializableValue,omitempty"`
	ID           string          `json:"objectId,omitempty"`
}

// ArgumentOf returns what hands an object on.
func ArgumentOf(o Object) Argument {
	switch {
	case o.ID != "":
		return Argument{ID: o.ID}
	case o.Unserialized != "":
		return Argument{Unserialized: o.Unserialized}
	}
	return Argument{Value: o.Value}
}
