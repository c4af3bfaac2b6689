package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"virtlock/daemon"
)

// readSettings reads the configuration file, and then applies what goes before
// it: the environment and the command line.
func readSettings(o *options, p paths, getenv func(string) string) (daemon.Settings, error) {
	s, err := readFile(o, p)
	if err != nil {
		return s, err
	}
	// Also of what the environment replaces: a file with an error in it is
	// wrong, today or at the next start.
	if err := s.CheckLog(); err != nil {
		return s, &logError{err}
	}
	if err := applyEnvironment(&s, getenv); err != nil {
		return s, &logError{err}
	}
	const info = 2
	if o.verbose && s.LogLevel > info {
		s.LogLevel = info
	}
	return s, nil
}

// readFile reads the file of -f, or the default one if that exists.
func readFile(o *options, p paths) (daemon.Settings, error) {
	file := p.Config
	if o.config != nil {
		file = *o.config
	}
	s, err := daemon.ReadSettings(file, p.defaults())
	switch {
	case o.config == nil && errors.Is(err, fs.ErrNotExist):
		return p.defaults(), nil
	case err != nil:
		return s, &failure{exitUsage, &fileError{file, err}}
	}
	return s, nil
}

// defaults are the settings of an empty file.
func (p paths) defaults() daemon.Settings {
	s := daemon.DefaultSettings()
	s.AuditFile = p.AuditFile
	return s
}

// fileError is a configuration file that cannot be used. libvirt's text has the
// name once more at the end.
type fileError struct {
	file string
	err  error
}

func (e *fileError) Error() string { return "Can't load config file: " + e.err.Error() + ": " + e.file }

func (e *fileError) Unwrap() error { return e.err }

// applyEnvironment applies the variables that all of libvirt's daemons know.
func applyEnvironment(s *daemon.Settings, getenv func(string) string) error {
	if v := getenv("LIBVIRT_DEBUG"); v != "" {
		if err := s.SetLogLevel(v); err != nil {
			return err
		}
	}
	if v := getenv("LIBVIRT_LOG_FILTERS"); v != "" {
		s.LogFilters = v
	}
	if v := getenv("LIBVIRT_LOG_OUTPUTS"); v != "" {
		s.LogOutputs = v
	}
	return s.CheckLog()
}

// openLog reads the settings and opens the log. A program that has taken over must
// not fail because of either: it does with what it can have.
func (p *program) openLog() (err error) {
	known := false
	if p.left.any() {
		p.settings, known = p.left.Settings()
	}
	switch {
	case !known:
		p.settings, err = p.readSettings()
	case p.settings.AuditMaxSize == 0: // a program that kept no history
		p.readAuditSettings()
	}
	if err == nil {
		p.log, err = openLog(p.settings, p.options, p.paths)
	}
	if err == nil || !p.left.any() {
		return err
	}
	p.left.trouble = errors.Join(p.left.trouble, err)
	p.settings = p.paths.defaults()
	p.log, err = openLog(p.settings, p.options, p.paths)
	return err
}

// readAuditSettings reads where the history goes, or takes the defaults: a program
// that has taken over does not fail.
func (p *program) readAuditSettings() {
	s, err := p.readSettings()
	if err != nil {
		p.left.trouble = errors.Join(p.left.trouble, err)
		s = p.paths.defaults()
	}
	p.settings.AuditFile, p.settings.AuditMaxSize, p.settings.AuditFiles = s.AuditFile, s.AuditMaxSize, s.AuditFiles
}

// makeAuditDir makes the directory of the history, where that has its usual place.
// Should it fail, so will the file, and the daemon says so.
func (p *program) makeAuditDir() {
	if p.settings.AuditFile == p.paths.AuditFile {
		makeDir(filepath.Dir(p.paths.AuditFile), 0o700)
	}
}

// openLog opens a log.
func openLog(s daemon.Settings, o *options, p paths) (*daemon.Log, error) {
	fallback := fallbackOutput(o, p)
	if fallback == "file:"+p.LogFile && s.LogOutputs == "" {
		// If this fails, so will the file, and that is what to report.
		makeDir(filepath.Dir(p.LogFile), 0o700)
	}
	log, err := daemon.OpenLog(s, fallback)
	if err != nil {
		return nil, &logError{err}
	}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown"
	}
	log.Introduce("virtlock version: "+version, "hostname: "+hostname)
	return log, nil
}

// journalSocket tells, by being there, that the system has a journal.
const journalSocket = "/run/systemd/journal/socket"

// fallbackOutput returns where the log goes when nobody says: to the journal,
// except from a terminal; and without one to a file, or in the foreground to
// standard error.
func fallbackOutput(o *options, p paths) string {
	_, notTerminal := unix.IoctlGetTermios(0, unix.TCGETS)
	journal := unix.Access(journalSocket, unix.W_OK) == nil
	switch {
	case journal && (o.background || notTerminal != nil):
		return "journald"
	case o.background:
		return "file:" + p.LogFile
	}
	return "stderr"
}
