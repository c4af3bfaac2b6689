package virnet_test

import (
	"bytes"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// TestLibvirtsCalls demands the bytes that libvirt's own client sends for a
// guest.
func TestLibvirtsCalls(t *testing.T) {
	header := func(procedure int32, serial uint32) virnet.Header {
		return virnet.Header{
			Program: virnet.ProgramLock, Version: virnet.Version, Procedure: procedure,
			Type: virnet.Call, Serial: serial,
		}
	}
	guest := virnet.Register{Name: "vm", ID: 7, PID: 1967}
	for i := range guest.UUID {
		guest.UUID[i] = byte(i)
	}
	image := virnet.Acquire{Name: "/var/lib/libvirt/images/a.img"}
	tests := map[string]struct {
		header virnet.Header
		args   virnet.Payload
		want   string
	}{
		"register": {header(virnet.ProcRegister, 0), guest, `00000040
			0ea7beef 00000001 00000001 00000000 00000000 00000000
			00010203 04050607 08090a0b 0c0d0e0f 00000002 766d0000 00000007 000007af 00000000`},
		"restrict": {header(virnet.ProcRestrict, 1), virnet.Restrict{}, `00000020
			0ea7beef 00000001 00000002 00000000 00000001 00000000 00000000`},
		"acquire": {header(virnet.ProcAcquire, 1), image, `00000048
			0ea7beef 00000001 00000006 00000000 00000001 00000000 00000000
			0000001d 2f7661722f6c69622f6c6962766972742f696d616765732f612e696d67 000000 00000000`},
		"release": {header(virnet.ProcRelease, 1), image, `00000048
			0ea7beef 00000001 00000007 00000000 00000001 00000000 00000000
			0000001d 2f7661722f6c69622f6c6962766972742f696d616765732f612e696d67 000000 00000000`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := virnet.AppendMessage(nil, test.header, test.args.Append(nil))
			if !bytes.Equal(got, unhex(t, test.want)) {
				t.Errorf("got %x", got)
			}
		})
	}
}

func TestDecodeLockArguments(t *testing.T) {
	args := func(title string, p payload) {
		t.Helper()
		_, b := virnet.ParseHeader(exchangeTitled(t, "lock.txt", title).call)
		if err := p.Decode(b); err != nil {
			t.Errorf("%s: %v", title, err)
		}
	}
	var owner virnet.Register
	if args("REGISTER flags", &owner); owner.Name != "vm" || owner.ID != 7 || owner.PID != 4242 ||
		owner.Flags != 4 || owner.UUID[15] != 15 {
		t.Errorf("got %+v", owner)
	}
	var space virnet.New
	if args("NEW flags", &space); space != (virnet.New{Path: "/run/images/ls", Flags: 4}) {
		t.Errorf("got %+v", space)
	}
	var create virnet.CreateLockspace
	if args("CREATE_LOCKSPACE", &create); create.Path != "/run/images/ls2" {
		t.Errorf("got %+v", create)
	}
	want := virnet.Acquire{
		Path: "/run/images/ls2", Name: "shared", Flags: virnet.AcquireShared | virnet.AcquireAutocreate,
	}
	var acquire virnet.Acquire
	if args("ACQUIRE shared and autocreated", &acquire); acquire != want {
		t.Errorf("got %+v, want %+v", acquire, want)
	}
}

// TestHotPath demands no more allocations than the strings that are kept.
func TestHotPath(t *testing.T) {
	message, out := acquireMessage(), make([]byte, 0, virnet.MinMessage)
	allocs := testing.AllocsPerRun(100, func() { out = answer(out[:0], message) })
	if allocs != 2 {
		t.Errorf("%v allocations, want one for each string", allocs)
	}
}

func BenchmarkAcquire(b *testing.B) {
	message, out := acquireMessage(), make([]byte, 0, virnet.MinMessage)
	b.ReportAllocs()
	for b.Loop() {
		out = answer(out[:0], message)
	}
}

func acquireMessage() []byte {
	args := virnet.Acquire{Path: "/var/lib/libvirt/lockd/files", Name: "/var/lib/libvirt/images/a.img"}
	h := virnet.Header{Program: virnet.ProgramLock, Version: virnet.Version, Procedure: virnet.ProcAcquire}
	return virnet.AppendMessage(nil, h, args.Append(nil))
}

// answer does all a server does with bytes for one call.
func answer(out, in []byte) []byte {
	size, err := virnet.MessageSize(in)
	if err != nil {
		return nil
	}
	call, payload := virnet.ParseHeader(in[:size])
	var args virnet.Acquire
	if args.Decode(payload) != nil || args.Name == "" {
		return virnet.AppendErrorReply(out, call, virnet.UndecodablePayload())
	}
	return virnet.AppendReply(out, call)
}
