package daemon

import (
	"context"
	"log/slog"

	"virtlock/daemon/internal/logging"
)

// Log is the daemon's log. What is logged comes from a source, which the filters
// of the configuration match. The daemon has one, "daemon". A nil Log discards
// everything.
type Log struct{ logging *logging.Log }

// OpenLog opens a log. The fallback is where it goes as long as the settings name
// no output: "stderr", "journald", "syslog:NAME" or "file:PATH". It fails if the
// settings are not valid or a file cannot be opened, with libvirt's text.
func OpenLog(s Settings, fallback string) (*Log, error) {
	l, err := logging.Open(s.log(), fallback)
	if err != nil {
		return nil, err
	}
	return &Log{l}, nil
}

// Logger returns the logger of a source.
func (l *Log) Logger(source string) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.logging.Logger(source)
}

// Introduce sets the lines that each output gets before its first message.
func (l *Log) Introduce(lines ...string) {
	if l != nil {
		l.logging.Introduce(lines...)
	}
}

// Apply changes all settings of the log, or fails as OpenLog does and changes
// none. Files are opened anew.
func (l *Log) Apply(s Settings) error {
	if l == nil {
		return s.CheckLog()
	}
	return l.logging.Apply(s.log())
}

// Outputs returns where the log goes, in the syntax of the configuration.
func (l *Log) Outputs() string {
	if l == nil {
		return ""
	}
	return l.logging.Outputs()
}

// Filters returns the filters, in the syntax of the configuration.
func (l *Log) Filters() string {
	if l == nil {
		return ""
	}
	return l.logging.Filters()
}

// SetOutputs changes the outputs until the next Apply; "" goes back to the
// fallback. It fails as OpenLog does.
func (l *Log) SetOutputs(outputs string) error {
	if l == nil {
		return Settings{LogLevel: int(logging.Error), LogOutputs: outputs}.CheckLog()
	}
	return l.logging.SetOutputs(outputs)
}

// SetFilters changes the filters until the next Apply; "" removes them. It fails
// if they are not valid.
func (l *Log) SetFilters(filters string) error {
	if l == nil {
		return Settings{LogLevel: int(logging.Error), LogFilters: filters}.CheckLog()
	}
	return l.logging.SetFilters(filters)
}

// settings gives the settings as they are now.
func (l *Log) settings() logging.Settings {
	if l == nil {
		return logging.Settings{Level: logging.Error}
	}
	return l.logging.Settings()
}

// flush writes what is queued, or gives up when ctx ends.
func (l *Log) flush(ctx context.Context) {
	if l != nil {
		l.logging.Flush(ctx)
	}
}

// Close writes what is queued and closes the outputs, without waiting long for one
// that hangs. What is logged afterwards is lost.
func (l *Log) Close() {
	if l != nil {
		l.logging.Close()
	}
}
