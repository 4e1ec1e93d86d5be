package logs

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// The limits of what is looked at: a longer line is plain, fields beyond the last
// are not told.
const (
	maxRecognised = 64 << 10 // bytes
	maxFields     = 64
	maxDepth      = 16 // of JSON
)

// The keys under which loggers write what each line has.
var (
	messageKeys = []string{"msg", "message", "event", "short_message", "MESSAGE"}
	levelKeys   = []string{"level", "lvl", "severity", "levelname", "log.level", "@l", "@level"}
	timeKeys    = []string{"time", "ts", "timestamp", "@timestamp", "@t", "datetime", "asctime"}
)

// Recognise fills in what the text of a line says of itself: its level and,
// where it is JSON or logfmt, message, fields and time. Of a line of Towline's own
// nothing is to be recognised. The text stays.
func Recognise(l *api.LogLine) {
	if l.Source == api.LogTowline || l.Level != "" || len(l.Text) > maxRecognised {
		return
	}
	text := strings.TrimSpace(Plain(l.Text))
	fields, ok := jsonFields(text)
	if !ok {
		fields, ok = logfmtFields(text)
	}
	if !ok || !structured(fields) {
		l.Level = levelOf(text)
		return
	}
	if len(fields) > maxFields {
		fields = fields[:maxFields]
	}
	l.Message, fields = take(fields, messageKeys)
	level, rest := take(fields, levelKeys)
	if l.Level = levelNamed(level); l.Level != "" {
		fields = rest
	}
	stated, rest := take(fields, timeKeys)
	if at, ok := timeOf(stated); ok {
		l.Logged, fields = &at, rest
	}
	l.Fields = fields
}

// structured reports whether fields are those of a log line, and not any data.
func structured(fields []api.LogField) bool {
	return slices.ContainsFunc(fields, func(f api.LogField) bool {
		return slices.Contains(messageKeys, f.Key) || slices.Contains(levelKeys, f.Key) && levelNamed(f.Value) != ""
	})
}

// take takes the first of some keys out of fields.
func take(fields []api.LogField, keys []string) (string, []api.LogField) {
	for _, key := range keys {
		if i := slices.IndexFunc(fields, func(f api.LogField) bool { return f.Key == key }); i >= 0 {
			return fields[i].Value, slices.Delete(slices.Clone(fields), i, i+1)
		}
	}
	return "", fields
}

// jsonFields are the members of a text that is a JSON object.
func jsonFields(text string) ([]api.LogField, bool) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' || depth(text) > maxDepth || !json.Valid([]byte(text)) {
		return nil, false
	}
	var fields []api.LogField
	rest := blank(text[1:])
	for rest[0] != '}' {
		n := valueLen(rest)
		key := unquoted(rest[:n])
		rest = blank(blank(rest[n:])[1:]) // the colon
		n = valueLen(rest)
		fields = append(fields, api.LogField{Key: key, Value: unquoted(rest[:n])})
		if rest = blank(rest[n:]); rest[0] == ',' {
			rest = blank(rest[1:])
		}
	}
	return fields, true
}

// depth is how deep brackets are within each other, those within strings too.
func depth(text string) int {
	now, most := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{', '[':
			now++
			most = max(most, now)
		case '}', ']':
			now--
		}
	}
	return most
}

func blank(text string) string { return strings.TrimLeft(text, " \t\r\n") }

// valueLen is the length of the value that valid JSON begins with.
func valueLen(text string) int {
	open := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			open++
			continue
		case '}', ']':
			if open == 0 {
				return i
			}
			open--
		case ',', ':', ' ', '\t', '\r', '\n':
			if open == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if open == 0 {
			return i + 1
		}
	}
	return len(text)
}

// unquoted is the text of a JSON value, and of one that is no string its JSON.
func unquoted(value string) string {
	if value[0] != '"' {
		return value
	}
	inner := value[1 : len(value)-1]
	if !strings.ContainsRune(inner, '\\') {
		return inner
	}
	var s string
	if json.Unmarshal([]byte(value), &s) != nil {
		return inner // cannot be: it is valid
	}
	return s
}

// logfmtFields are the pairs of a text that consists of nothing else: of two
// at least, so that no plain text is taken for it.
func logfmtFields(text string) ([]api.LogField, bool) {
	var fields []api.LogField
	for text != "" {
		eq := strings.IndexByte(text, '=')
		if eq <= 0 || !isKey(text[:eq]) {
			return nil, false
		}
		f := api.LogField{Key: text[:eq]}
		text = text[eq+1:]
		if strings.HasPrefix(text, `"`) {
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil {
				return nil, false
			}
			if f.Value, err = strconv.Unquote(quoted); err != nil {
				return nil, false
			}
			text = text[len(quoted):]
			if text != "" && text[0] != ' ' {
				return nil, false
			}
		} else {
			end := strings.IndexAny(text, " \t")
			if end < 0 {
				end = len(text)
			}
			f.Value, text = text[:end], text[end:]
		}
		fields = append(fields, f)
		text = strings.TrimLeft(text, " \t")
	}
	return fields, len(fields) > 1
}

func isKey(key string) bool {
	for i := range len(key) {
		switch b := key[i]; {
		case b|0x20 >= 'a' && b|0x20 <= 'z', b >= '0' && b <= '9', strings.IndexByte("_.-/@", b) >= 0:
		default:
			return false
		}
	}
	return true
}

// timeOf reads a time as loggers state it: as text, or as seconds, milli-, micro-
// or nanoseconds since 1970.
func timeOf(text string) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02 15:04:05.999999999Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, at.Year() > 0 && at.Year() < 10000 // else JSON has no way to write it
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n < 1e8 || n > 1e19 {
		return time.Time{}, false
	}
	for n >= 1e11 {
		n /= 1000
	}
	sec, part := math.Modf(n)
	return time.Unix(int64(sec), int64(part*1e9)).UTC(), true
}
