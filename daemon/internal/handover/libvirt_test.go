package handover_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/handover"
)

// recorded is what libvirt's daemon wrote, for process 1000: "libvirt-9.0.0" has
// all that there can be, "libvirt-9.0.0-idle" nothing but sockets.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	need(t, err)
	return b
}

func parsed(t testing.TB, text []byte) *handover.State {
	t.Helper()
	s, err := handover.ParseLibvirt(text, 1000)
	need(t, err)
	return s
}

// describe gives the locks as lines, sorted: libvirt's tables have no order.
func describe(s *handover.State) (lines []string) {
	descriptors := make(map[uint64]int)
	for _, h := range s.Holds {
		if h.FD >= 0 {
			descriptors[h.Lock] = h.FD
		}
		lines = append(lines, strings.Join([]string{
			h.Space, h.Name, strconv.Itoa(descriptors[h.Lock]), strconv.FormatBool(h.Shared), strconv.FormatBool(h.Autocreate),
			strconv.Itoa(h.Owner.PID), h.Owner.Name, h.Owner.UUID, strconv.Itoa(int(h.Owner.ID)), strconv.Itoa(int(h.Client)),
		}, " "))
	}
	slices.Sort(lines)
	return lines
}

func TestLibvirtGolden(t *testing.T) {
	s := parsed(t, recorded(t, "libvirt-9.0.0"))
	const first, second = "first ab000000-0000-0000-0000-000000000005 7 1", "second ab000000-0000-0000-0000-000000000006 7 2"
	want := []string{
		" /images/a.img 12 false false 1001 " + first,
		" /images/b.img 13 true false 1001 " + first,
		" /images/b.img 13 true false 1001 " + first,
		" /images/b.img 13 true false 1002 " + second,
		" /images/c.img 18 false false 1003   0 0",
		"/images/space key 14 false true 1001 " + first,
		"/images/space shared 15 true true 1002 " + second,
	}
	if got := describe(s); !slices.Equal(got, want) {
		t.Errorf("the locks are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, h := range s.Holds {
		first := slices.IndexFunc(s.Holds, func(o handover.Hold) bool { return o.Lock == h.Lock })
		if (h.FD >= 0) != (i == first) || h.ID != uint64(i+1) || h.Since == 0 {
			t.Errorf("hold %d: %+v", i, h)
		}
	}
	wantClients := []handover.Client{
		{ID: 1, FD: 9, Socket: "main"},
		{ID: 2, FD: 11, Socket: "main", Restricted: true},
		{ID: 4, FD: 16, Socket: "admin"}, // 2 was given already
	}
	for i, c := range s.Clients {
		w := wantClients[i]
		if c.ID != w.ID || c.FD != w.FD || c.Socket != w.Socket || c.Restricted != w.Restricted || c.Protocol != "libvirt" || c.Connected != 1795647620e9 {
			t.Errorf("client %+v, not %+v", c, w)
		}
	}
	equals(t, "the number of clients", len(s.Clients), len(wantClients))
	wantSockets := []handover.Socket{
		{Name: "main", FD: 4, Unlink: true, MaxClients: 1024, MaxAnonymous: 1024},
		{Name: "admin", FD: 5, Unlink: true, MaxClients: 5000, MaxAnonymous: 5000},
	}
	if !slices.Equal(s.Sockets, wantSockets) {
		t.Errorf("sockets %+v", s.Sockets)
	}
	if !slices.Equal(s.Spaces, []string{"/images/space"}) {
		t.Errorf("lockspaces %q", s.Spaces)
	}
	equals(t, "the totals", s.Totals, handover.Totals{Client: 4, Hold: 7, Lock: 5})

	idle := parsed(t, recorded(t, "libvirt-9.0.0-idle"))
	if len(idle.Sockets) != 2 || len(idle.Holds)+len(idle.Clients)+len(idle.Spaces) != 0 {
		t.Errorf("of an idle daemon: %+v", idle)
	}
}

// What is written is read again as it was, and older writers' word is known.
func TestLibvirtRoundTrip(t *testing.T) {
	for _, name := range []string{"libvirt-9.0.0", "libvirt-9.0.0-idle"} {
		want := parsed(t, recorded(t, name))
		path := filepath.Join(t.TempDir(), "state.json")
		need(t, handover.WriteLibvirt(path, want, os.Getpid()))
		st, err := os.Stat(path)
		need(t, err)
		equals(t, "the mode", st.Mode(), 0o700)
		text, err := os.ReadFile(path)
		need(t, err)
		got, err := handover.TakeLibvirt(path)
		need(t, err)
		sameState(t, got, want)
		older := strings.Replace(string(text), `"daemon"`, `"server"`, 1)
		got, err = handover.ParseLibvirt([]byte(older), os.Getpid())
		need(t, err)
		sameState(t, got, want)
	}
}

func sameState(t *testing.T, got, want *handover.State) {
	t.Helper()
	if !slices.Equal(describe(got), describe(want)) {
		t.Errorf("the locks are\n%q\nnot\n%q", describe(got), describe(want))
	}
	equals(t, "the totals", got.Totals, want.Totals)
	if !reflect.DeepEqual(got.Clients, want.Clients) || !slices.Equal(got.Sockets, want.Sockets) || !slices.Equal(got.Spaces, want.Spaces) {
		t.Errorf("the state is\n%+v\nnot\n%+v", got, want)
	}
}

// The keys that libvirt's daemon wrote are those that we write, in their order.
func TestLibvirtKeys(t *testing.T) {
	text := recorded(t, "libvirt-9.0.0")
	path := filepath.Join(t.TempDir(), "state.json")
	need(t, handover.WriteLibvirt(path, parsed(t, text), 1000))
	written, err := os.ReadFile(path)
	need(t, err)
	if got, want := withoutSpace(written), withoutSpace(text); got != want {
		// The figure of the admin server counts on for both.
		want = strings.Replace(want, `"next_client_id":3`, `"next_client_id":5`, 1)
		want = strings.Replace(want, `"next_client_id":4`, `"next_client_id":5`, 1)
		want = strings.Replace(want, `"id":2`, `"id":4`, 1)
		if got != want {
			t.Errorf("written\n%s\nnot\n%s", got, want)
		}
	}
}

func withoutSpace(b []byte) string { return strings.Join(strings.Fields(string(b)), "") }

func TestTakeLibvirtOfNobodyOrAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if s, err := handover.TakeLibvirt(path); s != nil || err != nil {
		t.Errorf("without a file: %v, %v", s, err)
	}
	for _, text := range []string{string(recorded(t, "libvirt-9.0.0")), "", "{}", "nonsense"} {
		need(t, os.WriteFile(path, []byte(text), 0o600))
		if s, err := handover.TakeLibvirt(path); s != nil || err != nil || exists(path) {
			t.Errorf("of another process: %v, %v; left: %v", s, err, exists(path))
		}
	}
}

func TestTakeLibvirtIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	need(t, os.WriteFile(path, nil, 0o600))
	need(t, os.Truncate(path, 256<<20+1))
	if s, err := handover.TakeLibvirt(path); s != nil || err == nil {
		t.Errorf("%v, %v", s, err)
	}
	need(t, os.Remove(path))
	need(t, unix.Mkfifo(path, 0o600))
	if s, err := handover.TakeLibvirt(path); s != nil || err == nil {
		t.Errorf("of a pipe: %v, %v", s, err)
	}
	link := path + "2"
	need(t, os.Symlink("/etc/passwd", link))
	if _, err := handover.TakeLibvirt(link); !errors.Is(err, unix.ELOOP) {
		t.Errorf("of a link: %v", err)
	}
}

// Of a file that is broken the locks before the damage are taken over.
func TestLibvirtBroken(t *testing.T) {
	text := string(recorded(t, "libvirt-9.0.0"))
	for _, test := range []struct {
		what, old, new string
		holds, clients int
	}{
		{"cut off in the lockspaces", `"directory"`, "\x00", 5, 3},
		{"text that is not UTF-8", `"first"`, "\"f\xff\"", 7, 3},
		{"no servers", `"servers"`, `"serfs"`, 7, 0},
		{"a lock without a descriptor", `"fd": 18`, `"fd": "x"`, 7, 3},
		{"a lock without a name", `"name": "/images/a.img"`, `"name": null`, 6, 3},
		{"a lock of no process", "1003\n", "-1\n", 6, 3},
		{"a client without a descriptor", `"fd": 11`, `"fd": 1e400`, 7, 2},
		{"a lockspace without a directory", `"directory"`, `"direction"`, 5, 3},
		{"very deep", `"lockspaces": [`, `"lockspaces": ` + strings.Repeat("[", 100), 5, 3},
		{"a list for an object", `"daemon": {`, `"other": [], "daemon": [{}], "old": {`, 7, 0},
	} {
		damaged := strings.Replace(text, test.old, test.new, 1)
		if damaged == text {
			t.Fatalf("%s: nothing to damage", test.what)
		}
		s, err := handover.ParseLibvirt([]byte(damaged), 1000)
		if s == nil || err == nil {
			t.Errorf("%s: %v, %v", test.what, s, err)
			continue
		}
		if len(s.Holds) != test.holds || len(s.Clients) != test.clients {
			t.Errorf("%s: %d holds, not %d, and %d clients, not %d: %v", test.what, len(s.Holds), test.holds, len(s.Clients), test.clients, err)
		}
	}
	many := strings.Replace(text, `"lockspaces": [`, `"lockspaces": [`+strings.Repeat("{},", 100), 1)
	if _, err := handover.ParseLibvirt([]byte(many), 1000); err == nil || !strings.Contains(err.Error(), "80 more errors") {
		t.Errorf("with many errors: %v", err)
	}
}

// Who may be restricted is, and what is unknown is skipped.
func TestLibvirtDetails(t *testing.T) {
	text := string(recorded(t, "libvirt-9.0.0"))
	text = strings.Replace(text, `"restricted": false`, `"unknown": {"a": [1, null, true]}`, 1)
	text = strings.Replace(text, `ab000000-0000-0000-0000-000000000005`, `00000000-0000-0000-0000-000000000000`, 1)
	text = strings.Replace(text, `ab000000-0000-0000-0000-000000000006`, `AB000000-0000-0000-0000-000000000006`, 1)
	text = strings.Replace(text, `"id": 1,`, `"id": 99999999999999999,`, 1)
	s := parsed(t, []byte(text))
	i := slices.IndexFunc(s.Clients, func(c handover.Client) bool { return c.FD == 9 })
	c := s.Clients[i]
	if !c.Restricted || c.Owners[0].UUID != "" || c.ID == 0 || c.ID > s.Totals.Client {
		t.Errorf("client %+v of %+v", c, s.Totals)
	}
	if uuid := s.Clients[i+1].Owners[0].UUID; uuid != "ab000000-0000-0000-0000-000000000006" {
		t.Errorf("UUID %q", uuid)
	}
}

// FuzzLibvirt gets what follows the magic, without which nothing is read.
func FuzzLibvirt(f *testing.F) {
	for _, name := range []string{"libvirt-9.0.0", "libvirt-9.0.0-idle"} {
		text := strings.Replace(string(recorded(f, name))[1:], `"magic"`, `"last"`, 1)
		f.Add(text)
		f.Add(strings.Replace(text, `"daemon"`, `"server"`, 1))
		f.Add(withoutSpace([]byte(text)))
		f.Add(text[:len(text)/2])
	}
	f.Add(`"defaultLockspace":{"resources":[{"name":"a","fd":3,"flags":3,"owners":[1,1,2]}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := handover.ParseLibvirt([]byte(`{"magic": "1000",`+text), 1000)
		if s == nil {
			if err != nil {
				t.Fatalf("no state, and %v", err)
			}
			return
		}
		ids := make(map[uint64]bool)
		for _, c := range s.Clients {
			if c.ID == 0 || ids[c.ID] || c.ID > s.Totals.Client || c.FD < 0 || c.Connected < 0 {
				t.Fatalf("client %+v of %+v", c, s.Totals)
			}
			ids[c.ID] = true
		}
		for _, h := range s.Holds {
			if h.ID == 0 || h.ID > s.Totals.Hold || h.Lock > s.Totals.Lock || h.Owner.PID <= 0 || h.Name == "" || h.Client != 0 && !ids[h.Client] {
				t.Fatalf("hold %+v", h)
			}
		}
		// What was read of a sound file can be written, and says the same.
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "state.json")
		need(t, handover.WriteLibvirt(path, s, os.Getpid()))
		again, err := handover.TakeLibvirt(path)
		need(t, err)
		equals(t, "the number of holds", len(again.Holds), len(s.Holds))
	})
}
