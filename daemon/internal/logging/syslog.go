package logging

import (
	"errors"
	"log/syslog"
	"time"
)

// syslogger writes to the system's syslog daemon.
type syslogger struct {
	dial   func() (*syslog.Writer, error)
	redial redial
	conn   *syslog.Writer // nil when not connected
}

func newSyslog(name string) *syslogger {
	return &syslogger{dial: func() (*syslog.Writer, error) { return syslog.New(syslog.LOG_DAEMON, name) }}
}

func (s *syslogger) write(r record) error {
	if s.conn == nil {
		err := s.redial.try(func() (err error) {
			s.conn, err = s.dial()
			return err
		})
		if err != nil {
			return err
		}
	}
	text := r.source + " : " + r.text
	switch r.level {
	case Debug:
		return s.conn.Debug(text)
	case Info:
		return s.conn.Info(text)
	case Warning:
		return s.conn.Warning(text)
	}
	return s.conn.Err(text)
}

func (s *syslogger) close() {
	if s.conn != nil {
		s.conn.Close()
	}
}

// redialTime is how long a place that could not be reached is left alone.
const redialTime = time.Second

// errAway is a place that could not be reached a moment ago.
var errAway = errors.New("nobody listens there")

// redial tries at most once in redialTime: a flood of messages must not become a
// flood of calls.
type redial struct{ failed time.Time }

func (r *redial) try(dial func() error) error {
	if time.Since(r.failed) < redialTime {
		return errAway
	}
	err := dial()
	if err != nil {
		r.failed = time.Now()
	}
	return err
}
