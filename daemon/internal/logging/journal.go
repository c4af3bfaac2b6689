package logging

import (
	"fmt"
	"net"
	"time"
)

// journalSocket is where systemd-journald reads its native protocol.
const journalSocket = "/run/systemd/journal/socket"

// facilityDaemon is syslog's number for daemons.
const facilityDaemon = 3

// journal writes to systemd-journald. In its native protocol a record is a
// datagram, and a field a line "NAME=value"; the other form, for values with
// newlines, is not needed, as a record's text has none.
type journal struct {
	socket string
	redial redial
	conn   net.Conn // nil when not connected
}

func newJournal(socket string) *journal { return &journal{socket: socket} }

func (j *journal) write(r record) error {
	if err := j.dial(); err != nil {
		return err
	}
	// A journal that is stopped must not stop the end of the daemon.
	j.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, err := fmt.Fprintf(j.conn, "MESSAGE=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=virtlockd\nLIBVIRT_SOURCE=%s\n",
		r.text, severity(r.level), facilityDaemon, r.source)
	if err != nil {
		j.close()
	}
	return err
}

func (j *journal) dial() (err error) {
	if j.conn == nil {
		err = j.redial.try(func() (err error) {
			j.conn, err = net.Dial("unixgram", j.socket)
			return err
		})
	}
	return err
}

func (j *journal) close() {
	if j.conn != nil {
		j.conn.Close()
		j.conn = nil
	}
}

// severity returns syslog's number of a level.
func severity(l Level) int {
	switch l {
	case Debug:
		return 7
	case Info:
		return 6
	case Warning:
		return 4
	}
	return 3
}
