package virnet_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"virtlock/daemon/internal/virnet"
)

func TestMessageSize(t *testing.T) {
	word := func(v uint32) []byte { return virnet.AppendUint32(nil, v) }
	tests := map[string]struct {
		b    []byte
		size int
		err  error
	}{
		"nothing yet":      {nil, 0, nil},
		"not enough yet":   {[]byte{0xff, 0xff, 0xff}, 0, nil},
		"zero":             {word(0), 0, virnet.ErrMessageSize},
		"too small":        {word(virnet.MinMessage - 1), 0, virnet.ErrMessageSize},
		"smallest":         {word(virnet.MinMessage), 28, nil},
		"more behind":      {append(word(64), 1, 2, 3), 64, nil},
		"largest":          {word(virnet.MaxMessage), 33554436, nil},
		"too large":        {word(virnet.MaxMessage + 1), 0, virnet.ErrMessageSize},
		"all bits":         {word(math.MaxUint32), 0, virnet.ErrMessageSize},
		"a line of text":   {[]byte("GET / HTTP/1.1"), 0, virnet.ErrMessageSize},
		"a line of JSON":   {[]byte(`{"jsonrpc":"2.0"}`), 0, virnet.ErrMessageSize},
		"high bit is size": {word(1 << 31), 0, virnet.ErrMessageSize},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if size, err := virnet.MessageSize(test.b); size != test.size || err != test.err {
				t.Errorf("got %d, %v, want %d, %v", size, err, test.size, test.err)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	h := virnet.Header{
		Program: 1, Version: 2, Procedure: -3, Type: virnet.StreamHole, Serial: 5, Status: virnet.Continue,
	}
	got := virnet.AppendMessage([]byte("before"), h, []byte("payload!"))
	want := unhex(t, "00000024 00000001 00000002 fffffffd 00000006 00000005 00000002"+
		"7061796c 6f616421")
	message, found := bytes.CutPrefix(got, []byte("before"))
	if !found || !bytes.Equal(message, want) {
		t.Errorf("got %x, want %x", message, want)
	}
	back, payload := virnet.ParseHeader(message)
	if back != h || string(payload) != "payload!" {
		t.Errorf("got %+v %q", back, payload)
	}
}

func TestSkipDescriptors(t *testing.T) {
	none := virnet.AppendUint32(nil, 0)
	if rest, err := virnet.SkipDescriptors(append(none, "rest"...)); err != nil || string(rest) != "rest" {
		t.Errorf("none: %q, %v", rest, err)
	}
	for name, payload := range map[string][]byte{
		"no count": nil, "half a count": {0, 0}, "one": virnet.AppendUint32(nil, 1),
	} {
		if rest, err := virnet.SkipDescriptors(payload); rest != nil || !errors.Is(err, virnet.ErrPayload) {
			t.Errorf("%s: %q, %v", name, rest, err)
		}
	}
}

func TestReplyRepeatsTheCall(t *testing.T) {
	for _, title := range []string{"REGISTER", "type 4, no fds"} {
		e := exchangeTitled(t, "lock.txt", title)
		call, _ := virnet.ParseHeader(e.call)
		if got := virnet.AppendReply(nil, call); !bytes.Equal(got, e.reply) {
			t.Errorf("%s: got %x, want %x", title, got, e.reply)
		}
	}
}

func TestResult(t *testing.T) {
	e := exchangeTitled(t, "admin.txt", "GET_LIB_VERSION without open")
	call, _ := virnet.ParseHeader(e.call)
	got := virnet.AppendResult([]byte("before"), call, virnet.LibVersionResult{Version: 9_000_000})
	if want := append([]byte("before"), e.reply...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestKeepalive(t *testing.T) {
	for _, title := range []string{"keepalive PING", "keepalive PING status 1", "keepalive PING with payload"} {
		e := exchangeTitled(t, "lock.txt", title)
		if h, _ := virnet.ParseHeader(e.call); !virnet.IsPing(h) {
			t.Errorf("%s: %+v is no ping", title, h)
		}
		if got := virnet.AppendPong(nil); !bytes.Equal(got, e.reply) {
			t.Errorf("%s: got %x, want %x", title, got, e.reply)
		}
	}
	if h, _ := virnet.ParseHeader(virnet.AppendPing(nil)); !virnet.IsPing(h) {
		t.Errorf("%+v is no ping", h)
	}
}

func TestNoPing(t *testing.T) {
	ping, _ := virnet.ParseHeader(virnet.AppendPing(nil))
	for name, change := range map[string]func(*virnet.Header){
		"pong":            func(h *virnet.Header) { h.Procedure = virnet.KeepalivePong },
		"other version":   func(h *virnet.Header) { h.Version = 2 },
		"other program":   func(h *virnet.Header) { h.Program = virnet.ProgramLock },
		"call":            func(h *virnet.Header) { h.Type = virnet.Call },
		"other procedure": func(h *virnet.Header) { h.Procedure = 3 },
	} {
		h := ping
		change(&h)
		if virnet.IsPing(h) {
			t.Errorf("%s: %+v is a ping", name, h)
		}
	}
}
