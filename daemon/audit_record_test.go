package daemon

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"virtlock/client/api"
)

// What is written by hand is read as what encoding/json would have written.
func FuzzAuditRecord(f *testing.F) {
	f.Add("a.img", "lock.acquired", "x", uint64(0), 7)
	f.Add("\x00\"\\\xff \u2028", "", "<&>", uint64(1)<<63, -1)
	f.Fuzz(func(t *testing.T, name, kind, reason string, n uint64, pid int) {
		holders := []api.Holder{{Owner: api.Owner{Name: name, PID: pid}, Client: n, Lockspace: &name, Since: time.Unix(1, 2)}}
		for bits := range 32 {
			r := api.AuditRecord{Event: api.Event{Seq: n, Time: time.Unix(int64(uint32(n)), 5).UTC(), Type: api.EventType(kind)}}
			if bits&1 != 0 {
				r.Lockspace, r.Name, r.Path, r.Mode = &name, name, "/"+name, api.Shared
			}
			if bits&2 != 0 {
				r.Owner = &api.Owner{Name: name, UUID: kind, ID: uint32(n), PID: pid, TiedTo: api.TiedToProcess}
			}
			if bits&4 != 0 {
				r.Holders, r.Client = holders, n
			}
			if bits&8 != 0 {
				r.Reason, r.Message, r.Lost = api.Reason(reason), reason, n
			}
			if bits&16 != 0 {
				r.By = &api.Caller{Client: n, PID: pid, UID: pid, Command: kind}
			}
			want, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			got := appendRecord(nil, &r.Event, r.By)
			if !reflect.DeepEqual(decoded(t, got), decoded(t, want)) {
				t.Fatalf("%s\nis not\n%s", got, want)
			}
		}
	})
}

func decoded(t *testing.T, b []byte) (r api.AuditRecord) {
	t.Helper()
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return r
}

// Every type of event that there is can be asked for.
func TestAllEvents(t *testing.T) {
	words := eventWords(t, filepath.Join("..", "client", "api", "events.go"))
	if len(words) < 20 {
		t.Errorf("found only %q", words)
	}
	set, err := selectEvents(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range words {
		if !set[word] && word != api.EventLost {
			t.Errorf("nobody can subscribe to %s", word)
		}
	}
}

// eventWords are the types of events that a source declares.
func eventWords(t *testing.T, name string) (words []api.EventType) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "EventType" {
			word, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, api.EventType(word))
		}
		return true
	})
	return words
}
