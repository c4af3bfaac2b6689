// Package virnet is libvirt's remote procedure call protocol as bytes: the
// framing, the header, XDR, the error object, the lock program, the admin
// program and keepalive. It goes both ways and does no input or output.
//
// A message is a length word, a header and a payload. A server takes a whole
// message by MessageSize, splits it by ParseHeader, decodes the payload into
// the arguments of its procedure and appends a reply to its output:
//
//	call, payload := virnet.ParseHeader(message)
//	var args virnet.Acquire
//	if err := args.Decode(payload); err != nil {
//		return virnet.AppendErrorReply(out, call, virnet.UndecodablePayload())
//	}
//	return virnet.AppendReply(out, call)
//
// What is decoded is copied: nothing keeps the bytes it came from. After a
// Decode that failed the fields mean nothing.
package virnet
