package daemon

import (
	"path/filepath"

	"virtlock/daemon/internal/conf"
	"virtlock/daemon/internal/logging"
)

// Settings are what virtlockd.conf(5) says.
type Settings struct {
	// LogLevel is the least important level that is logged: 1 debug, 2 info,
	// 3 warning, 4 error.
	LogLevel int
	// LogFilters and LogOutputs have the syntax of the file. Without outputs
	// the log goes to the fallback of OpenLog.
	LogFilters, LogOutputs string
	// MaxClients and AdminMaxClients are how many clients may be connected to
	// the main and to the administration socket.
	MaxClients, AdminMaxClients int
	// AuditFile is where the history goes; empty keeps none. It has at most
	// AuditMaxSize bytes, and AuditFiles former ones are kept.
	AuditFile                string
	AuditMaxSize, AuditFiles int
}

// maxAuditFiles is the most former files of the history: each one is renamed when one
// is begun.
const maxAuditFiles = 1000

// DefaultSettings returns the settings of an empty file. AdminMaxClients is what
// libvirt's daemon really has; the comment in its file says 5. Where the history goes
// depends on who runs the daemon, so here it goes nowhere.
func DefaultSettings() Settings {
	return Settings{LogLevel: 3, MaxClients: 1024, AdminMaxClients: 5000, AuditMaxSize: 16 << 20, AuditFiles: 4}
}

// ReadSettings reads the named configuration file. What it does not set has its
// default, and so has a number that is 0, but for audit_files: a limit of 0 would
// serve nobody. It
// fails if there is no such file, or something in it is of the wrong form; whether
// the values make sense is for CheckLog to say.
func ReadSettings(file string, defaults Settings) (Settings, error) {
	f, err := conf.Read(file)
	if err != nil {
		return Settings{}, err
	}
	r := settingsReader{file: f}
	s := defaults
	r.number("log_level", &s.LogLevel)
	r.text("log_filters", &s.LogFilters)
	r.text("log_outputs", &s.LogOutputs)
	r.number("max_clients", &s.MaxClients)
	r.number("admin_max_clients", &s.AdminMaxClients)
	r.text("audit_file", &s.AuditFile)
	r.number("audit_max_size", &s.AuditMaxSize)
	r.count("audit_files", &s.AuditFiles, maxAuditFiles)
	r.absolute("audit_file", s.AuditFile)
	if r.err != nil {
		return Settings{}, r.err
	}
	return s, nil
}

// CheckLog fails if one of the settings for the log is not valid.
func (s Settings) CheckLog() error { return s.log().Check() }

// SetLogLevel sets the level to a number or one of the names debug, info, warning
// and error. It fails if it is neither.
func (s *Settings) SetLogLevel(level string) error {
	l, err := logging.ParseLevel(level)
	if err == nil {
		s.LogLevel = int(l)
	}
	return err
}

func (s Settings) log() logging.Settings {
	return logging.Settings{Level: logging.Level(s.LogLevel), Filters: s.LogFilters, Outputs: s.LogOutputs}
}

// settingsReader takes settings out of a file until one is of the wrong type.
type settingsReader struct {
	file *conf.File
	err  error // the first one
}

func (r *settingsReader) number(name string, to *int) {
	if r.err != nil {
		return
	}
	n, _, err := r.file.Uint(name)
	if r.err = err; n != 0 {
		*to = int(n)
	}
}

// count is number for one that may be 0, and has a most.
func (r *settingsReader) count(name string, to *int, most uint32) {
	if r.err != nil {
		return
	}
	n, set, err := r.file.Uint(name)
	if r.err = err; err == nil && n > most {
		r.err = r.file.Errorf("value for '%s' parameter must be in range 0:%d", name, most)
	}
	if set && r.err == nil {
		*to = int(n)
	}
}

// absolute checks that a path that is set is one that means the same in any working
// directory.
func (r *settingsReader) absolute(name, path string) {
	if r.err == nil && path != "" && !filepath.IsAbs(path) {
		r.err = r.file.Errorf("'%s' parameter must be an absolute path", name)
	}
}

func (r *settingsReader) text(name string, to *string) {
	if r.err != nil {
		return
	}
	s, set, err := r.file.String(name)
	if r.err = err; set {
		*to = s
	}
}
