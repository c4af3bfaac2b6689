package daemon

import (
	"errors"
	"slices"
	"sync"

	"virtlock/daemon/internal/virnet"
)

// program is a program of libvirt's protocol: its procedures by number. Each
// decodes its arguments and gives its results, nil where it has none.
type program struct {
	number     uint32
	longest    int // bytes of a message that are kept
	procedures map[int32]func(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error)
}

// The longest calls of the programs. A message may be 32 MiB long, as libvirt's
// may; but what follows a call's arguments means nothing, so it is not kept.
const (
	word = 4 // the count of descriptors, the length of a string, flags

	longestLockCall = virnet.MinMessage + word + 2*(word+virnet.MaxLockString) + word
	// One string that may be long, be it a log's filters, and parameters: none
	// that exists is a text, or has a long name.
	longestAdminCall = virnet.MinMessage + word + word + virnet.MaxString + virnet.MaxParams*256 + 4*word
)

// programs are the programs by the socket that serves them: as in libvirt, each
// socket has its own, beside keepalive.
var programs = map[string]program{
	mainSocket:  lockProgram,
	adminSocket: adminProgram,
}

// nextRPC takes one of libvirt's messages and answers it.
func (c *conn) nextRPC() error {
	size, err := virnet.MessageSize(c.in)
	if err != nil {
		return err
	}
	longest := programs[c.slots.name].longest
	if extra := min(size-c.skipped, len(c.in)) - longest; extra > 0 {
		c.in = slices.Delete(c.in, longest, longest+extra)
		c.skipped += extra
	}
	size -= c.skipped
	if size == 0 || len(c.in) < size {
		return errIncomplete
	}
	c.skipped = 0
	return c.answerRPC(c.use(size))
}

// answerRPC works on one message. It fails when the connection has to end.
func (c *conn) answerRPC(message []byte) error {
	call, payload := virnet.ParseHeader(message)
	switch {
	case virnet.IsPing(call):
		return c.send(virnet.AppendPong(nil))
	case call.Type == virnet.CallWithFDs:
		// No procedure takes descriptors, and none were received.
		var err error
		if payload, err = virnet.SkipDescriptors(payload); err != nil {
			return err
		}
	case call.Type != virnet.Call:
		return nil // nobody waits for an answer
	}
	result, err := c.callRPC(call, payload)
	if serr := c.sendReply(call, result, err); serr != nil {
		return serr
	}
	if c.refusal != nil || errors.Is(err, errClosing) {
		return errClosing
	}
	return nil
}

// callRPC calls the procedure.
func (c *conn) callRPC(call virnet.Header, payload []byte) (virnet.Payload, error) {
	p := programs[c.slots.name]
	procedure := p.procedures[call.Procedure]
	switch {
	case call.Program != p.number || call.Version != virnet.Version:
		return nil, virnet.UnknownProgram(call)
	case c.refusal != nil:
		return nil, c.refusal
	case call.Status != virnet.OK:
		return nil, virnet.UnexpectedStatus(call)
	case procedure == nil:
		return nil, virnet.UnknownProcedure(call)
	}
	return procedure(c, call, payload)
}

// replies are buffers for replies.
var replies = sync.Pool{New: func() any { return new([]byte) }}

// sendReply answers a call. errClosing is no failure of the call.
func (c *conn) sendReply(call virnet.Header, result virnet.Payload, err error) error {
	b := replies.Get().(*[]byte)
	defer replies.Put(b)
	switch {
	case err != nil && !errors.Is(err, errClosing):
		*b = virnet.AppendErrorReply((*b)[:0], call, rpcError(err))
	case result != nil:
		*b = virnet.AppendResult((*b)[:0], call, result)
	default:
		*b = virnet.AppendReply((*b)[:0], call)
	}
	return c.send(*b)
}
