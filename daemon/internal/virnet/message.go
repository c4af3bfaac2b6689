package virnet

import (
	"encoding/binary"
	"fmt"
)

// Sizes of messages in bytes.
const (
	LengthSize = 4                       // the length word, which counts itself
	HeaderSize = 24                      // the header behind it
	MinMessage = LengthSize + HeaderSize // a message without a payload
	MaxMessage = LengthSize + 32<<20     // the longest message libvirt sends or takes
)

// MessageType says what a message is.
type MessageType uint32

// The types of messages.
const (
	Call         MessageType = 0 // a client asks
	Reply        MessageType = 1 // the server answers
	Message      MessageType = 2 // an event, which has no answer
	Stream       MessageType = 3 // a piece of a data stream
	CallWithFDs  MessageType = 4 // a call that brings file descriptors
	ReplyWithFDs MessageType = 5 // a reply that brings file descriptors
	StreamHole   MessageType = 6 // a hole in a data stream
)

// Status says how a call went. In a call it has to be OK.
type Status uint32

// The statuses of messages.
const (
	OK          Status = 0
	StatusError Status = 1 // the payload is an Error
	Continue    Status = 2 // more of a stream follows
)

// Header is what every message starts with after its length word.
type Header struct {
	Program   uint32
	Version   uint32
	Procedure int32
	Type      MessageType
	Serial    uint32 // chosen by the caller, repeated in the reply
	Status    Status
}

// ErrMessageSize is the cause when a length word cannot be libvirt's. There is
// no way to find the next message then.
var ErrMessageSize = fmt.Errorf("message size is not within %d and %d bytes", MinMessage, MaxMessage)

// MessageSize returns the size in bytes of the message that starts with b, its
// length word included. The size is 0 as long as b is shorter than the length
// word. It fails with ErrMessageSize when the length word is out of bounds.
func MessageSize(b []byte) (size int, err error) {
	if len(b) < LengthSize {
		return 0, nil
	}
	length := binary.BigEndian.Uint32(b)
	if length < MinMessage || length > MaxMessage {
		return 0, ErrMessageSize
	}
	return int(length), nil
}

// ParseHeader splits a whole message into its header and its payload, which
// is a part of msg. The caller has taken msg by MessageSize: it must have
// MinMessage bytes or more. Nothing in the header is checked.
func ParseHeader(msg []byte) (Header, []byte) {
	b := msg[LengthSize:MinMessage]
	return Header{
		Program:   binary.BigEndian.Uint32(b),
		Version:   binary.BigEndian.Uint32(b[4:]),
		Procedure: int32(binary.BigEndian.Uint32(b[8:])),
		Type:      MessageType(binary.BigEndian.Uint32(b[12:])),
		Serial:    binary.BigEndian.Uint32(b[16:]),
		Status:    Status(binary.BigEndian.Uint32(b[20:])),
	}, msg[MinMessage:]
}

// AppendMessage appends a whole message. The payload must leave it within
// MaxMessage.
func AppendMessage(dst []byte, h Header, payload []byte) []byte {
	dst = appendHead(dst, h, MinMessage+len(payload))
	return append(dst, payload...)
}

func appendHead(dst []byte, h Header, size int) []byte {
	dst = AppendUint32(dst, uint32(size))
	dst = AppendUint32(dst, h.Program)
	dst = AppendUint32(dst, h.Version)
	dst = AppendUint32(dst, uint32(h.Procedure))
	dst = AppendUint32(dst, uint32(h.Type))
	dst = AppendUint32(dst, h.Serial)
	return AppendUint32(dst, uint32(h.Status))
}

// SkipDescriptors takes the count of file descriptors off the payload of a
// CallWithFDs or ReplyWithFDs. It fails unless the count is there and 0: no
// procedure of the lock and the admin program takes descriptors. libvirt
// closes the connection when the count is missing or above 32.
func SkipDescriptors(payload []byte) ([]byte, error) {
	if len(payload) < wordSize || binary.BigEndian.Uint32(payload) != 0 {
		return nil, fmt.Errorf("skip descriptors: %w", ErrPayload)
	}
	return payload[wordSize:], nil
}
