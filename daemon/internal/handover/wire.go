package handover

import (
	"encoding/binary"
	"errors"
)

// The wire format is that of protocol buffers, of which two kinds of fields are
// used: numbers as varints, and bytes with their length. A field that is zero is
// not written. It is small, quick to read, and lets a program skip what a newer
// one has added. (protobuf.dev/programming-guides/encoding)

// The wire types.
const (
	wireNumber  = 0
	wireFixed64 = 1 // not written
	wireBytes   = 2
	wireFixed32 = 5 // not written
)

// ErrMalformed says that bytes are not in the wire format.
var ErrMalformed = errors.New("malformed record")

// appendNumber appends a field that is a number.
func appendNumber(b []byte, field int, n uint64) []byte {
	if n == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(field)<<3|wireNumber)
	return binary.AppendUvarint(b, n)
}

// appendFlag appends a field that is a truth.
func appendFlag(b []byte, field int, set bool) []byte {
	if !set {
		return b
	}
	return appendNumber(b, field, 1)
}

// appendFD appends a field that is a descriptor, -1 when there is none.
func appendFD(b []byte, field, fd int) []byte { return appendNumber(b, field, uint64(fd+1)) }

// appendBytes appends a field that is a text or a record.
func appendBytes[T string | []byte](b []byte, field int, value T) []byte {
	if len(value) == 0 {
		return b
	}
	return appendElement(b, field, value)
}

// appendElement is appendBytes for one of several: an empty one counts too.
func appendElement[T string | []byte](b []byte, field int, value T) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// lengthRoom is where the length of a record goes that is not known yet: as a
// varint of always four bytes, which is allowed.
const (
	lengthRoom = 4
	maxLength  = 1<<(7*lengthRoom) - 1
)

// appendRecord appends a field that is a record, which write appends.
func appendRecord(b []byte, field int, write func([]byte) []byte) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|wireBytes)
	start := len(b)
	b = write(append(b, 0, 0, 0, 0))
	n := len(b) - start - lengthRoom
	for i := range lengthRoom {
		b[start+i] = byte(n>>(7*i))&0x7f | 0x80
	}
	b[start+lengthRoom-1] &= 0x7f
	return b
}

// field is a field that was read.
type field struct {
	number int
	n      uint64 // of a number
	bytes  []byte // of a text or record; part of what was read
}

func (f field) flag() bool { return f.n != 0 }

func (f field) fd() int { return int(f.n) - 1 }

func (f field) text() string { return string(f.bytes) }

// readFields calls read with each field of a record. It fails with ErrMalformed,
// or with the first error of read.
func readFields(b []byte, read func(field) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<28 {
			return ErrMalformed
		}
		b = b[n:]
		f := field{number: int(key >> 3)}
		switch key & 7 {
		case wireNumber:
			if f.n, n = binary.Uvarint(b); n <= 0 {
				return ErrMalformed
			}
		case wireBytes:
			var length uint64
			if length, n = binary.Uvarint(b); n <= 0 || length > uint64(len(b)-n) {
				return ErrMalformed
			}
			f.bytes = b[n : n+int(length)]
			n += int(length)
		case wireFixed64:
			n = 8
		case wireFixed32:
			n = 4
		default:
			return ErrMalformed
		}
		if n > len(b) {
			return ErrMalformed
		}
		b = b[n:]
		if err := read(f); err != nil {
			return err
		}
	}
	return nil
}
