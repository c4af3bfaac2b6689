package handover_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/handover"
)

// fitting is a state that libvirt's daemon can take over: a guest that is this
// process, with a lock.
func fitting(t *testing.T) *handover.State {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	need(t, err)
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	me := handover.Owner{Name: "guest", PID: os.Getpid()}
	return &handover.State{
		Totals:  handover.Totals{Client: 1, Hold: 1, Lock: 1},
		Clients: []handover.Client{{ID: 1, FD: ends[0], Socket: "main", Protocol: "libvirt", Owners: []handover.Owner{me}}},
		Holds:   []handover.Hold{{ID: 1, Lock: 1, FD: 9, Name: "/a.img", Owner: me}},
		Sockets: []handover.Socket{{Name: "main", FD: 3, MaxClients: 10, MaxAnonymous: 20}},
	}
}

func TestFitLibvirt(t *testing.T) {
	client := func(c handover.Client) func(*handover.State) {
		c.ID = 2
		if c.Socket == "" {
			c.Socket = "main"
		}
		return func(s *handover.State) { s.Clients = append(s.Clients, c) }
	}
	hold := func(change func(*handover.Hold)) func(*handover.State) {
		return func(s *handover.State) { change(&s.Holds[0]) }
	}
	again := func(change func(*handover.Hold)) func(*handover.State) {
		return func(s *handover.State) {
			h := s.Holds[0]
			h.ID, h.FD = 2, -1
			change(&h)
			s.Holds = append(s.Holds, h)
		}
	}
	for _, test := range []struct {
		what      string
		change    func(*handover.State)
		closes    bool   // client 2
		objection string // a part of it
	}{
		{"all is well", func(*handover.State) {}, false, ""},
		{"a JSON client", client(handover.Client{Protocol: "json"}), true, ""},
		{"a JSON client of the admin socket", client(handover.Client{Protocol: "json", Socket: "admin"}), true, ""},
		{"an admin client", client(handover.Client{Protocol: "libvirt", Socket: "admin"}), false, ""},
		{"a busy admin client", client(handover.Client{Protocol: "libvirt", Socket: "admin", Out: []byte("x")}), true, ""},
		{"one that said nothing", client(handover.Client{}), false, ""},
		{"one that did not register", client(handover.Client{Protocol: "libvirt"}), false, ""},
		{"one that is about to", client(handover.Client{Protocol: "libvirt", In: []byte("x")}), true, ""},
		{"half a message", func(s *handover.State) { s.Clients[0].In = []byte("x") }, false, "in the middle of a message"},
		{"half an answer", func(s *handover.State) { s.Clients[0].Out = []byte("x") }, false, "in the middle of a message"},
		{"a name", func(s *handover.State) { s.Clients[0].Owners[0].Name = "a\x00b" }, false, "has a NUL in it"},
		{"bytes", func(s *handover.State) { s.Clients[0].Owners[0].Name = "\xff" }, false, "is not valid UTF-8"},
		{"a resource's name", hold(func(h *handover.Hold) { h.Name = "/\xff" }), false, "is not valid UTF-8"},
		{"a relative name", hold(func(h *handover.Hold) { h.Name = "a" }), false, "not an absolute path"},
		{"a name in a lockspace", hold(func(h *handover.Hold) { h.Space, h.Name = "/s", "a" }), false, ""},
		{"a relative lockspace", func(s *handover.State) { s.Spaces = []string{"s"} }, false, `lockspace "s" is not an absolute path`},
		{"a lock in it", hold(func(h *handover.Hold) { h.Space, h.Name = "s", "a" }), false, "not an absolute path"},
		{"a missing lock", hold(func(h *handover.Hold) { h.Missing = "taken by others" }), false, "not held: taken by others"},
		{"no descriptor", hold(func(h *handover.Hold) { h.FD = -1 }), false, "has no descriptor"},
		{"a tied lock", hold(func(h *handover.Hold) { h.Owner.Tie = 1 }), false, "tied to a connection"},
		{"another's lock", hold(func(h *handover.Hold) { h.Owner.PID = 1 }), false, "would stay when the process ends"},
		{"a repeated hold", again(func(*handover.Hold) {}), false, ""},
		{"two names", again(func(h *handover.Hold) { h.Name = "/b.img" }), false, `is held as "/a.img" too`},
		{"two files", again(func(h *handover.Hold) { h.Lock, h.FD = 2, 10 }), false, "on two files"},
		{"a lock over JSON", func(s *handover.State) {
			client(handover.Client{Protocol: "json"})(s)
			s.Holds[0].Client = 2
		}, true, "was taken by client 2"},
		{"a fence", func(s *handover.State) { s.Fences = []handover.Fence{{PID: 7}} }, false, "process 7 is being ended"},
		{"too much", hold(func(h *handover.Hold) { h.Name = "/" + strings.Repeat("a", 6<<20) }), false, "reads at most 10485760"},
	} {
		s := fitting(t)
		test.change(s)
		fit := handover.FitLibvirt(s)
		closing, objections := fit.Closing, fit.Objections
		if closes := slices.Equal(closing, []uint64{2}); closes != test.closes || !closes && len(closing) > 0 {
			t.Errorf("%s: closes %v", test.what, closing)
		}
		if got := strings.Join(objections, "; "); len(objections) > 1 || !strings.Contains(got, test.objection) || test.objection == "" && got != "" {
			t.Errorf("%s: %.200s", test.what, got)
		}
		if closing != nil {
			wantLeftOut(t, s, closing)
		}
	}
}

// wantLeftOut demands that who is closed is not handed over.
func wantLeftOut(t *testing.T, s *handover.State, closing []uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.json")
	need(t, handover.WriteLibvirt(path, s, os.Getpid()))
	written, err := handover.TakeLibvirt(path)
	need(t, err)
	for _, c := range written.Clients {
		if slices.Contains(closing, c.ID) {
			t.Errorf("client %d was handed over", c.ID)
		}
	}
}

func TestWriteLibvirtFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	s := fitting(t)
	s.Holds[0].Name = strings.Repeat("a", 6<<20)
	var size *handover.LibvirtSizeError
	if err := handover.WriteLibvirt(path, s, 1); !errors.As(err, &size) || exists(path) {
		t.Errorf("a state of 12 MiB: %v; left: %v", err, exists(path))
	}
	if err := handover.WriteLibvirt(path+"/x", fitting(t), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
	dir := t.TempDir()
	need(t, unix.Mount("none", dir, "tmpfs", 0, "size=4k"))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	s.Holds[0].Name = strings.Repeat("a", 1<<20)
	if err := handover.WriteLibvirt(dir+"/x", s, 1); !errors.Is(err, unix.ENOSPC) || exists(dir+"/x") {
		t.Errorf("on a full disk: %v; left: %v", err, exists(dir+"/x"))
	}
}

// libvirt's daemon ends when more clients may be unknown than there may be.
func TestWriteLibvirtLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	need(t, handover.WriteLibvirt(path, fitting(t), os.Getpid()))
	s, err := handover.TakeLibvirt(path)
	need(t, err)
	equals(t, "the socket", s.Sockets[0], handover.Socket{Name: "main", FD: 3, MaxClients: 10, MaxAnonymous: 10})
}
