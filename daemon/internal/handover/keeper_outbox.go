package handover

// outbox is what the keeper has to tell the daemon: messages, then holds, then
// one message more.
type outbox struct {
	messages [][]byte
	holds    []uint64 // their IDs; those that were dropped meanwhile are passed over
	then     *message
	crowded  bool // the kernel takes no more descriptors just now

	room    []byte // of the latest message about a hold
	control []byte
}

// say tells one message.
func (o *outbox) say(m *message) { o.messages = append(o.messages, m.append(nil)) }

// next gives the message that is to be sent now, and what passes a descriptor
// with it.
func (o *outbox) next(k *kept) (b, control []byte, done bool) {
	if len(o.messages) > 0 {
		return o.messages[0], nil, false
	}
	for len(o.holds) > 0 {
		if h, ok := k.holds[o.holds[0]]; ok {
			b, control = o.hold(h, k.locks[h.lock])
			return b, control, false
		}
		o.holds = o.holds[1:]
	}
	if o.then == nil {
		*o = outbox{}
		return nil, nil, true
	}
	o.say(o.then)
	o.then = nil
	return o.messages[0], nil, false
}

// hold is the message about a hold.
func (o *outbox) hold(h keptHold, l keptLock) (b, control []byte) {
	m := message{Kind: kindHold, Hold: h.record}
	if h.owner == nil {
		m.Kind = kindEnded
	} else if l.fd >= 0 && !l.told {
		if o.control == nil {
			o.control = rights()
		}
		setRight(o.control, int(l.fd))
		control = o.control
	}
	o.room = m.append(o.room[:0])
	return o.room, control
}

// sent is called when the message that next has given was sent.
func (o *outbox) sent(k *kept) {
	if len(o.messages) > 0 {
		o.messages = o.messages[1:]
		return
	}
	h := k.holds[o.holds[0]]
	if l, ok := k.locks[h.lock]; ok && h.owner != nil {
		l.told = true
		k.locks[h.lock] = l
	}
	o.holds = o.holds[1:]
}
