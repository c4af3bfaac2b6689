package virnet

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrPayload is the cause when a payload is too short for what it should hold
// or breaks a limit of the protocol.
var ErrPayload = errors.New("undecodable payload")

// Decoder reads XDR. After the first failure everything it reads is zero, so
// that Err need be asked only once, at the end. What is left unread then is no
// failure: libvirt ignores it, too.
//
// A Decoder allocates no more than a small multiple of the bytes it was given,
// whatever lengths they promise.
type Decoder struct {
	rest []byte
	err  error
}

// NewDecoder returns a Decoder that reads b.
func NewDecoder(b []byte) Decoder { return Decoder{rest: b} }

// Err returns ErrPayload if anything could not be read.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) fail() {
	d.rest, d.err = nil, ErrPayload
}

// next returns the next n bytes, or nil.
func (d *Decoder) next(n int) []byte {
	if n > len(d.rest) {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// Uint32 reads an unsigned integer.
func (d *Decoder) Uint32() uint32 {
	if b := d.next(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Int32 reads a signed integer.
func (d *Decoder) Int32() int32 { return int32(d.Uint32()) }

// Uint64 reads an unsigned hyper integer.
func (d *Decoder) Uint64() uint64 {
	if b := d.next(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Int64 reads a signed hyper integer.
func (d *Decoder) Int64() int64 { return int64(d.Uint64()) }

// Float64 reads a double.
func (d *Decoder) Float64() float64 { return math.Float64frombits(d.Uint64()) }

// Bool reads a boolean. Like libvirt it takes any number but 0 as true.
func (d *Decoder) Bool() bool { return d.Uint32() != 0 }

// UUID reads the 16 bytes of a UUID.
func (d *Decoder) UUID() (uuid [16]byte) {
	copy(uuid[:], d.next(len(uuid)))
	return uuid
}

// String reads a string of at most limit bytes. Any byte may be in it, zeros as
// well, where libvirt would cut it. What fills up its last word is ignored.
func (d *Decoder) String(limit int) string {
	n := d.Uint32()
	if uint64(n) > uint64(limit) {
		d.fail()
		return ""
	}
	b := d.next(int(n))
	d.next(padding(int(n)))
	if d.err != nil {
		return ""
	}
	return string(b)
}

// OptionalString reads a string of at most limit bytes that may be absent, and
// is nil then.
func (d *Decoder) OptionalString(limit int) *string {
	if !d.Bool() {
		return nil
	}
	s := d.String(limit)
	if d.err != nil {
		return nil
	}
	return &s
}

// Count reads how many items of an array follow, at most limit. An item takes
// size bytes or more, so that there cannot be more items than bytes for them.
func (d *Decoder) Count(limit, size int) int {
	n := d.Uint32()
	if uint64(n) > uint64(limit) || int(n) > len(d.rest)/size {
		d.fail()
		return 0
	}
	return int(n)
}
