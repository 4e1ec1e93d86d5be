package tui

// help is what each key does, for the page of keys.
var help = [...]struct{ keys, does string }{
	{"↑ ↓ j k", "go up and down; PgUp, PgDn, g and G go further"},
	{"tab", "go between the resources and what stands below"},
	{"enter", "of a resource: all that is known; of a group: open or close it"},
	{"← →", "close and open a group"},
	{"z", "sort by labels, or by states"},
	{"/", "filter resources: api, api*, ready, label:web, -db"},
	{"", "in the log, or after l: a text, or /a regular expression/"},
	{"esc", "leave a filter, a question or this page"},
	{"t", "trigger: update it now"},
	{"r", "restart its processes"},
	{"e", "enable it, or disable it"},
	{"b", "press a button"},
	{"a", "answer what Towline asks"},
	{"l L", "the log of the selected resource, of all"},
	{"d", "all that is known of the selected resource"},
	{"f", "follow the log, or stay"},
	{"v", "lines of a level and above: info, warn, error"},
	{"s", "only what came since the last save"},
	{"w x", "wrap long lines; show the fields of structured ones"},
	{"q", "leave; what is up stays up"},
	{"Ctrl-Z", "stop the view; fg goes on"},
}

// hints are the keys that the last line names, the most wanted first.
var hints = [...]string{"? keys", "q leave", "↵ more", "l logs", "t trigger", "/ filter", "r restart", "e on/off", "f follow", "b buttons", "v level", "s since save"}
