package daemon

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"virtlock/client/api"
)

// appendRecord appends what encoding/json makes of an api.AuditRecord, in a third of
// the time: there is one for each change of a lock.
func appendRecord(b []byte, e *api.Event, by *api.Caller) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"time":"`...)
	b = e.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendMember(b, "type", string(e.Type))
	if e.Lockspace != nil {
		b = appendString(append(b, `,"lockspace":`...), *e.Lockspace)
	}
	b = appendMember(b, "name", e.Name)
	b = appendMember(b, "path", e.Path)
	b = appendMember(b, "mode", string(e.Mode))
	if e.Owner != nil {
		b = appendOwner(append(b, `,"owner":`...), e.Owner)
	}
	b = appendCount(b, "client", e.Client)
	b = appendMember(b, "reason", string(e.Reason))
	if len(e.Holders) > 0 {
		b = appendJSON(append(b, `,"holders":`...), e.Holders)
	}
	b = appendMember(b, "message", e.Message)
	b = appendCount(b, "lost", e.Lost)
	if by != nil {
		b = appendCaller(append(b, `,"by":`...), by)
	}
	return append(b, '}')
}

func appendOwner(b []byte, o *api.Owner) []byte {
	b = appendString(append(b, `{"name":`...), o.Name)
	b = appendMember(b, "uuid", o.UUID)
	b = appendCount(b, "id", uint64(o.ID))
	b = strconv.AppendInt(append(b, `,"pid":`...), int64(o.PID), 10)
	b = appendMember(b, "tied_to", string(o.TiedTo))
	return append(b, '}')
}

func appendCaller(b []byte, by *api.Caller) []byte {
	b = strconv.AppendUint(append(b, `{"client":`...), by.Client, 10)
	b = strconv.AppendInt(append(b, `,"pid":`...), int64(by.PID), 10)
	b = strconv.AppendInt(append(b, `,"uid":`...), int64(by.UID), 10)
	b = appendMember(b, "command", by.Command)
	return append(b, '}')
}

// appendMember appends a member that is left out when it is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendString(b, value)
}

// appendCount is appendMember for a number.
func appendCount(b []byte, name string, n uint64) []byte {
	if n == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendUint(b, n, 10)
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendJSON(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendJSON(b []byte, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return append(b, "null"...) // one of ours that JSON cannot say: a mistake in this program
	}
	return append(b, text...)
}
