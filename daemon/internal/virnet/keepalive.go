package virnet

// The procedures of ProgramKeepalive. Neither has a payload.
const (
	KeepalivePing int32 = 1
	KeepalivePong int32 = 2
)

// IsPing reports whether a message asks for an answer by AppendPong. libvirt
// looks neither at its status nor at its payload, and answers a ping on every
// connection.
func IsPing(h Header) bool {
	return h.Program == ProgramKeepalive && h.Version == Version &&
		h.Type == Message && h.Procedure == KeepalivePing
}

// AppendPing appends the message that asks the other side for a sign of life.
func AppendPing(dst []byte) []byte { return appendKeepalive(dst, KeepalivePing) }

// AppendPong appends the answer to a ping.
func AppendPong(dst []byte) []byte { return appendKeepalive(dst, KeepalivePong) }

func appendKeepalive(dst []byte, procedure int32) []byte {
	h := Header{Program: ProgramKeepalive, Version: Version, Procedure: procedure, Type: Message}
	return AppendMessage(dst, h, nil)
}
