package daemon_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"

	"virtlock/daemon/internal/virnet"
)

// wireGeneric is what the protocol answers by itself, whatever the procedure.
var wireGeneric = []wireCase{
	{name: "programs", run: func(s *script) {
		c := s.dial()
		for _, program := range []uint32{0, 0xdeadbeef, virnet.ProgramAdmin, virnet.ProgramLock + 1} {
			c.header(virnet.Header{Program: program, Version: 1, Procedure: 1, Serial: 4})
		}
		for _, version := range []uint32{0, 2, math.MaxUint32} {
			c.header(virnet.Header{Program: virnet.ProgramLock, Version: version, Procedure: 1, Serial: 5})
		}
	}},
	{name: "procedures", run: func(s *script) {
		c := s.dial()
		for _, procedure := range []int32{0, 9, -1, math.MaxInt32, math.MinInt32} {
			c.header(lockCall(procedure))
		}
	}},
	{name: "statuses", run: func(s *script) {
		c := s.dial()
		for _, status := range []virnet.Status{virnet.StatusError, virnet.Continue, 77, math.MaxUint32} {
			h := lockCall(virnet.ProcRestrict)
			h.Status = status
			c.header(h)
		}
	}},
	{name: "which mistake comes first", run: func(s *script) {
		c := s.dial()
		c.header(virnet.Header{Program: 1, Version: 1, Procedure: 99, Status: 1})
		c.header(virnet.Header{Program: virnet.ProgramLock, Version: 1, Procedure: 99, Status: 1})
		c.header(virnet.Header{Program: 1, Version: 1, Procedure: 99, Type: virnet.Reply, Status: 1})
	}},
	{name: "types without an answer", run: func(s *script) {
		c := s.dial()
		for _, kind := range []virnet.MessageType{virnet.Reply, virnet.Message, virnet.Stream, virnet.ReplyWithFDs, virnet.StreamHole, 7, math.MaxUint32} {
			h := lockCall(virnet.ProcRestrict)
			h.Type = kind
			c.send(virnet.AppendMessage(nil, h, make([]byte, 8)))
		}
	}},
	{name: "call with descriptors", run: func(s *script) {
		c := s.dial()
		h := lockCall(virnet.ProcRestrict)
		h.Type = virnet.CallWithFDs
		c.send(virnet.AppendMessage(nil, h, make([]byte, 8))) // none, and flags
		c.send(virnet.AppendMessage(nil, h, make([]byte, 4))) // none, no flags
	}},
	{name: "call with descriptors without their number", run: func(s *script) {
		h := lockCall(virnet.ProcRestrict)
		h.Type = virnet.CallWithFDs
		s.dial().header(h)
	}},
	{name: "call with too many descriptors", run: func(s *script) {
		h := lockCall(virnet.ProcRestrict)
		h.Type = virnet.CallWithFDs
		s.dial().send(virnet.AppendMessage(nil, h, []byte{0, 0, 0, 33, 0, 0, 0, 0}))
	}},
	{name: "serials", run: func(s *script) {
		c := s.dial()
		for _, serial := range []uint32{0, 1, 1, math.MaxUint32, 0x80000000} {
			h := lockCall(9)
			h.Serial = serial
			c.header(h)
		}
	}},
	{name: "keepalive", run: func(s *script) {
		c := s.dial()
		for _, kind := range []virnet.MessageType{virnet.Message, virnet.Call, virnet.Reply, virnet.Stream} {
			for procedure := range int32(4) {
				for version := range uint32(3) {
					h := virnet.Header{Program: virnet.ProgramKeepalive, Version: version, Procedure: procedure, Type: kind, Serial: 9}
					c.header(h)
				}
			}
		}
	}},
	{name: "keepalive with a status or a payload", run: func(s *script) {
		c := s.dial()
		h := virnet.Header{Program: virnet.ProgramKeepalive, Version: 1, Procedure: virnet.KeepalivePing, Type: virnet.Message, Status: 1}
		c.header(h)
		c.send(virnet.AppendMessage(nil, h, []byte("abcd")))
	}},
	{name: "length below that of a header", run: func(s *script) {
		s.dial().send([]byte{0, 0, 0, 27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	}},
	{name: "length below that of a length", run: func(s *script) { s.dial().send([]byte{0, 0, 0, 3}) }},
	{name: "length of nothing", run: func(s *script) { s.dial().send(make([]byte, 4)) }},
	{name: "length above the greatest", run: func(s *script) { s.dial().send([]byte{2, 0, 0, 5}) }},
	{name: "length far above", run: func(s *script) { s.dial().send([]byte{0x7f, 0xff, 0xff, 0xff}) }},
	{name: "not the protocol", run: func(s *script) { s.dial().send([]byte("GET / HTTP/1.0\r\n\r\n")) }},
	{name: "bad length behind good messages", run: func(s *script) {
		c := s.dial()
		c.send(append(c.message(virnet.ProcRestrict, virnet.FlagsArgs{}), 0, 0, 0, 1))
	}},
	{name: "pipelined", run: func(s *script) {
		c := s.dial()
		disk := s.file("a.img")
		var all []byte
		for _, m := range [][]byte{
			c.message(virnet.ProcAcquire, virnet.Resource{Name: disk}),
			c.message(virnet.ProcRegister, registration(s.guest)),
			ping,
			c.message(virnet.ProcAcquire, virnet.Resource{Name: disk}),
			c.message(virnet.ProcAcquire, virnet.Resource{Name: disk}),
			c.message(virnet.ProcRelease, virnet.Resource{Name: disk}),
		} {
			all = append(all, m...)
		}
		if _, err := c.Write(all); err != nil {
			s.t.Fatal(err)
		}
		for range 6 { // in order, the pong too
			reply, err := c.reply()
			s.must(err)
			s.note("%s", renderReply(reply))
		}
	}},
	{name: "a byte at a time", run: func(s *script) {
		c := s.dial()
		message := c.message(virnet.ProcRegister, registration(s.guest))
		for _, b := range message[:len(message)-1] {
			_, err := c.Write([]byte{b})
			s.must(err)
		}
		c.send(message[len(message)-1:])
	}},
	{name: "arguments cut short", run: func(s *script) {
		c := s.dial()
		for procedure := virnet.ProcRegister; procedure <= virnet.ProcCreateLockspace; procedure++ {
			c.header(lockCall(procedure))
			c.send(virnet.AppendMessage(nil, lockCall(procedure), []byte{0, 0, 0}))
			c.send(virnet.AppendMessage(nil, lockCall(procedure), []byte{0, 0, 0, 9, 'a', 'b', 'c', 'd'}))
		}
	}},
	{name: "bytes behind the arguments", run: func(s *script) {
		c := s.registered()
		for _, procedure := range []int32{virnet.ProcCreateResource, virnet.ProcDeleteResource, virnet.ProcAcquire, virnet.ProcRelease} {
			payload := virnet.Resource{Name: s.path("none")}.Append(nil)
			if procedure == virnet.ProcCreateResource {
				payload = virnet.Resource{Path: "/no/space"}.Append(nil)
			}
			c.send(virnet.AppendMessage(nil, lockCall(procedure), append(payload, "trailing"...)))
		}
		c.send(virnet.AppendMessage(nil, lockCall(virnet.ProcRegister), append(registration(s.guest).Append(nil), 1, 2, 3)))
		c.send(virnet.AppendMessage(nil, lockCall(virnet.ProcCreateLockspace), append(virnet.CreateLockspace{}.Append(nil), 1, 2, 3)))
	}},
	{name: "strings at their limit", run: func(s *script) {
		c := s.registered()
		for _, n := range []int{virnet.MaxLockString, virnet.MaxLockString + 1} {
			c.call(virnet.ProcAcquire, virnet.Resource{Path: strings.Repeat("p", n), Name: "a"})
			a := registration(s.guest)
			a.Name = strings.Repeat("n", n)
			c.call(virnet.ProcRegister, a)
		}
	}},
	{name: "padding that is not zero", run: func(s *script) {
		c := s.dial()
		payload := virnet.CreateLockspace{Path: s.mkdir("x")}.Append(nil)
		if payload[len(payload)-1] != 0 { // no padding: the name ends at a word
			payload = virnet.CreateLockspace{Path: s.mkdir("xx")}.Append(nil)
		}
		payload[len(payload)-1] = 0xff
		c.send(virnet.AppendMessage(nil, lockCall(virnet.ProcCreateLockspace), payload))
	}},
	{name: "the longest message", run: func(s *script) {
		message := make([]byte, virnet.MaxMessage)
		copy(message, virnet.AppendMessage(nil, lockCall(virnet.ProcRegister), registration(s.guest).Append(nil)))
		binary.BigEndian.PutUint32(message, virnet.MaxMessage)
		s.dial().send(message)
	}},
	{name: "half a message and the end", run: func(s *script) {
		c := s.dial()
		_, err := c.Write(bytes.Repeat([]byte{0}, 3))
		s.must(err)
		s.must(c.Close())
		s.dial().send(nil)
	}},
}

// header sends a message without a payload.
func (c *wireConn) header(h virnet.Header) { c.send(virnet.AppendMessage(nil, h, nil)) }
