package logging

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxText is how many bytes of a text are shown. A client's names may be long;
// the journal takes no more than a datagram has room for.
const maxText = 8 << 10

// record is a message, ready for any output.
type record struct {
	time   time.Time
	level  Level
	source string
	text   string // with the attributes, without any control character
	// flushed makes it no message, but what is closed when those before it are
	// written.
	flushed chan struct{}
}

// line returns the record as files have it, with the newline.
func (r record) line() []byte {
	stamp := r.time.UTC().Format("2006-01-02 15:04:05.000+0000")
	return fmt.Appendf(nil, "%s: %d: %s : %s : %s\n", stamp, os.Getpid(), r.level, r.source, r.text)
}

// appendText appends a message. It is ours, but may have a name in it.
func appendText(b []byte, text string) []byte {
	if strings.IndexFunc(text, unprintable) < 0 {
		return append(b, text...)
	}
	quoted := strconv.Quote(text)
	return append(b, quoted[1:len(quoted)-1]...)
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// appendAttr appends an attribute as " key=value", with group before the key.
func appendAttr(b []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range v.Group() {
			b = appendAttr(b, group, member)
		}
		return b
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = append(b, ' ')
	b = append(b, group...)
	b = append(b, a.Key...)
	b = append(b, '=')
	return appendValue(b, v)
}

// appendValue appends a value. All text is quoted: most of it came from clients.
func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration:
		return append(b, v.String()...)
	case slog.KindTime:
		return v.Time().UTC().AppendFormat(b, time.RFC3339Nano)
	}
	return strconv.AppendQuote(b, v.String())
}

// limit cuts a text that is too long, and says so.
func limit(text []byte) string {
	if len(text) <= maxText {
		return string(text)
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s ... and %d bytes more", text[:end], len(text)-end)
}
