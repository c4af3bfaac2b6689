package virnet

import "encoding/binary"

// Payload is what can follow a header: arguments, results and errors.
type Payload interface {
	// Append appends the payload in XDR.
	Append(dst []byte) []byte
}

// AppendReply appends the reply to a call that went well and has no results,
// as all calls of the lock program.
func AppendReply(dst []byte, call Header) []byte {
	return appendHead(dst, replyTo(call, OK), MinMessage)
}

// AppendResult appends the reply to a call that went well and has results.
func AppendResult(dst []byte, call Header, result Payload) []byte {
	return appendPayload(dst, replyTo(call, OK), result)
}

// AppendErrorReply appends the reply to a call that failed.
func AppendErrorReply(dst []byte, call Header, err *Error) []byte {
	return appendPayload(dst, replyTo(call, StatusError), err)
}

// replyTo repeats the call, wrong program numbers and all. A call with
// descriptors gets a plain reply.
func replyTo(call Header, status Status) Header {
	call.Type = Reply
	call.Status = status
	return call
}

// appendPayload puts the length in once it is known.
func appendPayload(dst []byte, h Header, payload Payload) []byte {
	start := len(dst)
	dst = payload.Append(appendHead(dst, h, 0))
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}
