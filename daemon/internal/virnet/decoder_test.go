package virnet_test

import (
	"bytes"
	"strings"
	"testing"

	"virtlock/daemon/internal/virnet"
)

func TestDecoderReadsWhatIsAppended(t *testing.T) {
	b := virnet.AppendUint32(nil, 1<<31)
	b = virnet.AppendUint32(b, ^uint32(0))
	b = virnet.AppendUint64(b, 1<<63)
	b = virnet.AppendUint64(b, ^uint64(0))
	b = virnet.AppendFloat64(b, -2.5)
	b = virnet.AppendBool(b, true)
	b = virnet.AppendBool(b, false)
	b = append(b, "0123456789abcdef"...)
	b = virnet.AppendString(b, "words")
	b = virnet.AppendOptionalString(b, nil)
	b = virnet.AppendOptionalString(b, new(""))
	d := virnet.NewDecoder(b)
	check := func(name string, ok bool) {
		if !ok || d.Err() != nil {
			t.Errorf("%s is wrong, %v", name, d.Err())
		}
	}
	check("uint32", d.Uint32() == 1<<31)
	check("int32", d.Int32() == -1)
	check("uint64", d.Uint64() == 1<<63)
	check("int64", d.Int64() == -1)
	check("float64", d.Float64() == -2.5)
	check("true", d.Bool())
	check("false", !d.Bool())
	check("uuid", d.UUID() == [16]byte([]byte("0123456789abcdef")))
	check("string", d.String(5) == "words")
	check("absent", d.OptionalString(5) == nil)
	check("empty", *d.OptionalString(0) == "")
	d.Uint32()
	if d.Err() != virnet.ErrPayload {
		t.Errorf("at the end: %v", d.Err())
	}
}

func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"":      "00000000",
		"a":     "00000001 61000000",
		"abc":   "00000003 61626300",
		"abcd":  "00000004 61626364",
		"abcde": "00000005 61626364 65000000",
		"\x00":  "00000001 00000000",
	} {
		if got := virnet.AppendString(nil, s); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%q: got %x, want %s", s, got, want)
		}
	}
}

// TestLenient has what libvirt takes although XDR does not allow it.
func TestLenient(t *testing.T) {
	t.Run("padding is not zero", func(t *testing.T) {
		d := virnet.NewDecoder(unhex(t, "00000001 61ffffff"))
		if s := d.String(9); s != "a" || d.Err() != nil {
			t.Errorf("got %q, %v", s, d.Err())
		}
	})
	t.Run("true is 2", func(t *testing.T) {
		d := virnet.NewDecoder(unhex(t, "00000002 00000001 61000000"))
		if s := d.OptionalString(9); s == nil || *s != "a" || d.Err() != nil {
			t.Errorf("got %v, %v", s, d.Err())
		}
	})
	t.Run("zero within a string", func(t *testing.T) {
		d := virnet.NewDecoder(unhex(t, "00000003 61006200"))
		if s := d.String(9); s != "a\x00b" || d.Err() != nil {
			t.Errorf("got %q, %v", s, d.Err())
		}
	})
}

func TestDecoderFails(t *testing.T) {
	tests := map[string]struct {
		b    string
		read func(d *virnet.Decoder) any
		zero any
	}{
		"half a word":         {"0000", func(d *virnet.Decoder) any { return d.Uint32() }, uint32(0)},
		"half a hyper":        {"00000001", func(d *virnet.Decoder) any { return d.Uint64() }, uint64(0)},
		"half a UUID":         {"00000001 00000002", func(d *virnet.Decoder) any { return d.UUID() }, [16]byte{}},
		"long string":         {"00000003 61626300", func(d *virnet.Decoder) any { return d.String(2) }, ""},
		"string cut":          {"00000005 61626300", func(d *virnet.Decoder) any { return d.String(9) }, ""},
		"padding cut":         {"00000003 616263", func(d *virnet.Decoder) any { return d.String(9) }, ""},
		"huge string":         {"ffffffff 61626300", func(d *virnet.Decoder) any { return d.String(1 << 30) }, ""},
		"optional string cut": {"00000001 00000001", func(d *virnet.Decoder) any { return d.OptionalString(9) }, (*string)(nil)},
		"too many items":      {"00000002 00000000 00000000", func(d *virnet.Decoder) any { return d.Count(1, 4) }, 0},
		"items missing":       {"00000002 00000000", func(d *virnet.Decoder) any { return d.Count(9, 4) }, 0},
		"huge array":          {"ffffffff 00000000", func(d *virnet.Decoder) any { return d.Count(1<<30, 4) }, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := virnet.NewDecoder(unhex(t, test.b))
			if got := test.read(&d); got != test.zero {
				t.Errorf("got %v, want %v", got, test.zero)
			}
			if d.Err() != virnet.ErrPayload {
				t.Errorf("got error %v", d.Err())
			}
			if d.Uint32() != 0 || d.Bool() || d.String(9) != "" || d.Err() != virnet.ErrPayload {
				t.Error("it went on after the failure")
			}
		})
	}
}

// TestPromisesCostNothing sends lengths up to each limit with nothing behind.
func TestPromisesCostNothing(t *testing.T) {
	promise := virnet.AppendUint32(virnet.AppendUint32(nil, virnet.MaxServers), 0)
	allocs := testing.AllocsPerRun(10, func() {
		var servers virnet.ServersResult
		var clients virnet.ClientsResult
		var params virnet.ParamsResult
		if servers.Decode(promise) == nil || clients.Decode(promise) == nil || params.Decode(promise) == nil {
			t.Error("decoded")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestLockStringLimit(t *testing.T) {
	for n, want := range map[int]error{virnet.MaxLockString: nil, virnet.MaxLockString + 1: virnet.ErrPayload} {
		sent := virnet.Acquire{Name: strings.Repeat("a", n)}
		var got virnet.Acquire
		if err := got.Decode(sent.Append(nil)); err != want {
			t.Errorf("%d bytes: got %v, want %v", n, err, want)
		}
	}
}
