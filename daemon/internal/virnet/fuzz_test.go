package virnet_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// addGolden makes a corpus of what libvirt's programs sent.
func addGolden(f *testing.F, add func(call, reply []byte)) {
	for _, file := range []string{"lock.txt", "admin.txt"} {
		for _, e := range exchanges(f, file) {
			add(e.call, e.reply)
		}
	}
}

func FuzzMessage(f *testing.F) {
	addGolden(f, func(call, reply []byte) {
		f.Add(call)
		f.Add(reply)
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := virnet.MessageSize(b)
		if err != nil || size == 0 {
			if size != 0 {
				t.Fatalf("size %d with %v", size, err)
			}
			return
		}
		if size < virnet.MinMessage || size > virnet.MaxMessage {
			t.Fatalf("size %d", size)
		}
		if size > len(b) {
			return
		}
		h, payload := virnet.ParseHeader(b[:size])
		if got := virnet.AppendMessage(nil, h, payload); !bytes.Equal(got, b[:size]) {
			t.Fatalf("got %x, want %x", got, b[:size])
		}
		if rest, err := virnet.SkipDescriptors(payload); err == nil && len(rest) != len(payload)-4 {
			t.Fatalf("%d of %d bytes left", len(rest), len(payload))
		}
	})
}

func FuzzLock(f *testing.F) { fuzzCodecs(f, virnet.ProgramLock, lockCodecs) }

func FuzzAdmin(f *testing.F) { fuzzCodecs(f, virnet.ProgramAdmin, adminCodecs) }

// fuzzCodecs gives a payload to every decoder of a program.
func fuzzCodecs(f *testing.F, program uint32, codecs map[int32]codec) {
	addGolden(f, func(call, reply []byte) {
		h, args := virnet.ParseHeader(call)
		_, result := virnet.ParseHeader(reply)
		if h.Program == program {
			f.Add(h.Procedure, args)
			f.Add(h.Procedure, result)
		}
	})
	procedures := slices.Sorted(maps.Keys(codecs))
	f.Fuzz(func(t *testing.T, procedure int32, b []byte) {
		c := codecs[procedures[uint32(procedure)%uint32(len(procedures))]]
		for _, fresh := range []func() payload{c.args, c.result} {
			if fresh != nil {
				decodeTwice(t, fresh, b)
			}
		}
	})
}

func FuzzError(f *testing.F) {
	addGolden(f, func(_, reply []byte) {
		if h, payload := virnet.ParseHeader(reply); h.Status == virnet.StatusError {
			f.Add(payload)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) { decodeTwice(t, of[virnet.Error], b) })
}

// decodeTwice demands that what was decoded comes back when it is appended and
// decoded again, and that it is not much more than the bytes it came from:
// what was read is what can be appended.
func decodeTwice(t *testing.T, fresh func() payload, b []byte) {
	first := fresh()
	if first.Decode(b) != nil {
		return
	}
	appended := first.Append(nil)
	// an error whose message is absent gets an empty one: one word more
	if len(appended) > len(b)+4 {
		t.Fatalf("%T of %d bytes takes %d", first, len(b), len(appended))
	}
	second := fresh()
	if err := second.Decode(appended); err != nil {
		t.Fatalf("%T: decode %x: %v", first, appended, err)
	}
	if again := second.Append(nil); !bytes.Equal(again, appended) {
		t.Fatalf("%T: got %x, want %x", first, again, appended)
	}
}
