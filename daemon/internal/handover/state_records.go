package handover

import "bytes"

func (c *Client) append(b []byte) []byte {
	b = appendNumber(b, 1, c.ID)
	b = appendFD(b, 2, c.FD)
	b = appendBytes(b, 3, c.Socket)
	b = appendNumber(b, 4, uint64(c.Connected))
	b = appendBytes(b, 5, c.Protocol)
	b = appendFlag(b, 6, c.Restricted)
	b = appendBytes(b, 7, c.In)
	b = appendBytes(b, 8, c.Out)
	b = appendFlag(b, 9, c.TooLong)
	b = appendNumber(b, 10, uint64(c.Skipped))
	b = appendAll(b, 11, c.Owners, (*Owner).append)
	if c.Subscription != nil {
		b = appendRecord(b, 12, c.Subscription.append)
	}
	return b
}

func (c *Client) read(b []byte) error {
	c.FD = -1
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			c.ID = f.n
		case 2:
			c.FD = f.fd()
		case 3:
			c.Socket = f.text()
		case 4:
			c.Connected = int64(f.n)
		case 5:
			c.Protocol = f.text()
		case 6:
			c.Restricted = f.flag()
		case 7:
			c.In = bytes.Clone(f.bytes)
		case 8:
			c.Out = bytes.Clone(f.bytes)
		case 9:
			c.TooLong = f.flag()
		case 10:
			c.Skipped = int(f.n)
		case 11:
			return readElement(&c.Owners, f, (*Owner).read)
		case 12:
			c.Subscription = new(Subscription)
			return c.Subscription.read(f.bytes)
		}
		return nil
	})
}

func (s *Subscription) append(b []byte) []byte {
	for _, t := range s.Types {
		b = appendElement(b, 1, t)
	}
	for _, e := range s.Waiting {
		b = appendElement(b, 2, e)
	}
	return appendBytes(b, 3, s.Lost)
}

func (s *Subscription) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			s.Types = append(s.Types, f.text())
		case 2:
			s.Waiting = append(s.Waiting, bytes.Clone(f.bytes))
		case 3:
			s.Lost = bytes.Clone(f.bytes)
		}
		return nil
	})
}

func (w *Wait) append(b []byte) []byte {
	b = appendNumber(b, 1, w.Client)
	b = appendBytes(b, 2, w.Request)
	b = appendNumber(b, 3, uint64(w.Owner))
	b = appendAll(b, 4, w.Resources, (*Resource).append)
	b = appendNumber(b, 5, uint64(w.Since))
	return appendNumber(b, 6, uint64(w.Deadline))
}

func (w *Wait) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			w.Client = f.n
		case 2:
			w.Request = bytes.Clone(f.bytes)
		case 3:
			w.Owner = int(f.n)
		case 4:
			return readElement(&w.Resources, f, (*Resource).read)
		case 5:
			w.Since = int64(f.n)
		case 6:
			w.Deadline = int64(f.n)
		}
		return nil
	})
}

func (r *Resource) append(b []byte) []byte {
	b = appendBytes(b, 1, r.Space)
	b = appendBytes(b, 2, r.Name)
	b = appendFlag(b, 3, r.Shared)
	return appendFlag(b, 4, r.Autocreate)
}

func (r *Resource) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			r.Space = f.text()
		case 2:
			r.Name = f.text()
		case 3:
			r.Shared = f.flag()
		case 4:
			r.Autocreate = f.flag()
		}
		return nil
	})
}

func (c *Caller) append(b []byte) []byte {
	b = appendNumber(b, 1, c.Client)
	return appendBytes(b, 2, c.Request)
}

func (c *Caller) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			c.Client = f.n
		case 2:
			c.Request = bytes.Clone(f.bytes)
		}
		return nil
	})
}

func (e *Fence) append(b []byte) []byte {
	b = appendNumber(b, 1, uint64(e.PID))
	b = appendNumber(b, 2, e.Start)
	b = appendNumber(b, 3, uint64(e.KillAt))
	b = appendNumber(b, 4, uint64(e.GiveUpAt))
	b = appendNumber(b, 5, e.Client)
	b = appendNumber(b, 6, uint64(e.ClientPID))
	return appendBytes(b, 7, e.Reason)
}

func (e *Fence) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			e.PID = int(f.n)
		case 2:
			e.Start = f.n
		case 3:
			e.KillAt = int64(f.n)
		case 4:
			e.GiveUpAt = int64(f.n)
		case 5:
			e.Client = f.n
		case 6:
			e.ClientPID = int(f.n)
		case 7:
			e.Reason = f.text()
		}
		return nil
	})
}

func (e *Forced) append(b []byte) []byte {
	b = appendNumber(b, 1, uint64(e.PID))
	b = appendNumber(b, 2, e.Start)
	b = appendBytes(b, 3, e.Space)
	b = appendBytes(b, 4, e.Name)
	b = appendNumber(b, 5, uint64(e.Time))
	b = appendNumber(b, 6, e.Client)
	b = appendNumber(b, 7, uint64(e.ClientPID))
	b = appendNumber(b, 8, uint64(e.ClientUID))
	b = appendBytes(b, 9, e.Command)
	return appendBytes(b, 10, e.Reason)
}

func (e *Forced) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			e.PID = int(f.n)
		case 2:
			e.Start = f.n
		case 3:
			e.Space = f.text()
		case 4:
			e.Name = f.text()
		case 5:
			e.Time = int64(f.n)
		case 6:
			e.Client = f.n
		case 7:
			e.ClientPID = int(f.n)
		case 8:
			e.ClientUID = int(f.n)
		case 9:
			e.Command = f.text()
		case 10:
			e.Reason = f.text()
		}
		return nil
	})
}

func (s *Socket) append(b []byte) []byte {
	b = appendBytes(b, 1, s.Name)
	b = appendFD(b, 2, s.FD)
	b = appendFlag(b, 3, s.Unlink)
	b = appendNumber(b, 4, uint64(s.MaxClients))
	return appendNumber(b, 5, uint64(s.MaxAnonymous))
}

func (s *Socket) read(b []byte) error {
	s.FD = -1
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			s.Name = f.text()
		case 2:
			s.FD = f.fd()
		case 3:
			s.Unlink = f.flag()
		case 4:
			s.MaxClients = int(f.n)
		case 5:
			s.MaxAnonymous = int(f.n)
		}
		return nil
	})
}

func (n *NamedFile) append(b []byte) []byte {
	b = appendBytes(b, 1, n.Name)
	return appendFD(b, 2, n.FD)
}

func (n *NamedFile) read(b []byte) error {
	n.FD = -1
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			n.Name = f.text()
		case 2:
			n.FD = f.fd()
		}
		return nil
	})
}

func (n *Note) append(b []byte) []byte {
	b = appendBytes(b, 1, n.Name)
	return appendBytes(b, 2, n.Value)
}

func (n *Note) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			n.Name = f.text()
		case 2:
			n.Value = f.text()
		}
		return nil
	})
}

func (s *Settings) append(b []byte) []byte {
	b = appendNumber(b, 1, uint64(s.LogLevel))
	b = appendBytes(b, 2, s.LogFilters)
	b = appendBytes(b, 3, s.LogOutputs)
	b = appendNumber(b, 4, uint64(s.MaxClients))
	b = appendNumber(b, 5, uint64(s.AdminMaxClients))
	b = appendNumber(b, 6, uint64(s.IdleTimeout))
	b = appendBytes(b, 7, s.AuditFile)
	b = appendNumber(b, 8, uint64(s.AuditMaxSize))
	return appendNumber(b, 9, uint64(s.AuditFiles))
}

func (s *Settings) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			s.LogLevel = int(f.n)
		case 2:
			s.LogFilters = f.text()
		case 3:
			s.LogOutputs = f.text()
		case 4:
			s.MaxClients = int(f.n)
		case 5:
			s.AdminMaxClients = int(f.n)
		case 6:
			s.IdleTimeout = int64(f.n)
		case 7:
			s.AuditFile = f.text()
		case 8:
			s.AuditMaxSize = int64(f.n)
		case 9:
			s.AuditFiles = int(f.n)
		}
		return nil
	})
}
