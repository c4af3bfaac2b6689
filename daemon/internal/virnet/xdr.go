package virnet

import (
	"encoding/binary"
	"math"
)

// Limits of what a payload can hold.
const (
	MaxString     = 4194304 // bytes of a string, but for the lock program
	MaxLockString = 65536   // bytes of a string of the lock program
)

// wordSize is XDR's unit (RFC 4506, section 3): everything is a multiple of it.
const wordSize = 4

// AppendUint32 appends an unsigned integer. Signed ones and booleans (1 and 0)
// are appended as such.
func AppendUint32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }

// AppendUint64 appends an unsigned hyper integer. Signed ones are appended as
// such.
func AppendUint64(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

// AppendFloat64 appends a double.
func AppendFloat64(dst []byte, v float64) []byte { return AppendUint64(dst, math.Float64bits(v)) }

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return AppendUint32(dst, 1)
	}
	return AppendUint32(dst, 0)
}

// AppendString appends a string: its length, its bytes, and zeros up to the
// next word.
func AppendString(dst []byte, s string) []byte {
	dst = AppendUint32(dst, uint32(len(s)))
	dst = append(dst, s...)
	return append(dst, "\x00\x00\x00"[:padding(len(s))]...)
}

// AppendOptionalString appends a string that may be absent.
func AppendOptionalString(dst []byte, s *string) []byte {
	dst = AppendBool(dst, s != nil)
	if s != nil {
		dst = AppendString(dst, *s)
	}
	return dst
}

// padding returns how many bytes are missing to the end of the word.
func padding(n int) int { return -n & (wordSize - 1) }
