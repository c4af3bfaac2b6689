package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"virtlock/client/api"
)

// quote makes a name that another program chose safe to show: as a Go string
// when it has anything that cannot be printed, or looks like one.
func quote(name string) string {
	if !utf8.ValidString(name) || (name != "" && name[0] == '"') {
		return strconv.Quote(name)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	return name
}

// harmless is a sentence of another program, safe to show: without a line break, and
// what cannot be printed written as in a Go string.
func harmless(text string) string {
	var s strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			s.WriteRune(r)
			continue
		}
		s.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return s.String()
}

// direct is how the direct lockspace is typed and shown.
const direct = "direct"

// lockspaceName is how a lockspace is shown.
func lockspaceName(path string) string {
	if path == "" {
		return direct
	}
	return quote(path)
}

// lockspacePath is the lockspace that was typed.
func lockspacePath(word string) string {
	if word == direct {
		return ""
	}
	return word
}

// orDash keeps a field from being empty, so that scripts can count fields.
func orDash(field string) string {
	if field == "" {
		return "-"
	}
	return field
}

// ownerName is how an owner is shown: by its name, or its process.
func ownerName(owner api.Owner) string {
	if owner.Name == "" {
		return "-"
	}
	return quote(owner.Name)
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if strings.HasSuffix(thing, "s") {
		thing += "e"
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// age is how long ago something was, in its two largest units.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	seconds := int(max(d, 0) / time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", seconds/60, seconds%60)
	case d < day:
		return fmt.Sprintf("%dh %dm", seconds/3600, seconds/60%60)
	}
	return fmt.Sprintf("%dd %dh", seconds/86400, seconds/3600%24)
}

// since is how long ago a time was, or a dash when it is not known.
func (e *env) since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(e.now().Sub(t))
}

// when is a time in the zone of now, which is the local one, and how long ago
// it was.
func (e *env) when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%s (%s ago)", t.In(e.now().Location()).Format("2006-01-02 15:04:05 -0700"), e.since(t))
}

// printField prints one line of a list of values, laid out as virsh does it.
func printField(w io.Writer, name string, value any) {
	fmt.Fprintf(w, "%-15s %v\n", name+":", value)
}

func yesNo(fact bool) string {
	if fact {
		return "yes"
	}
	return "no"
}
