package main

import (
	"fmt"
	"os"
	"path/filepath"

	"virtlock/daemon"
)

// The names of what a program leaves to its successor.
const (
	pidFileName = "pid file" // a descriptor, and the path in the notes
	configNote  = "configuration"
)

// inheritance is what a former program of this process has left, nil when nothing,
// and what was wrong with it.
type inheritance struct {
	*daemon.Inherited
	trouble error
}

// inherit takes it. Nothing else may have opened a file before: libvirt's daemon
// leaves POSIX locks, which end when this process closes any descriptor of theirs.
func inherit(p paths) inheritance {
	left, err := daemon.Inherit(p.LibvirtState)
	return inheritance{left, err}
}

// any reports whether there is something.
func (i inheritance) any() bool { return i.Inherited != nil }

// options changes what the command line says into what it said at first: relative
// paths are from where the program was started.
func (i inheritance) options(o *options) {
	if !i.any() {
		return
	}
	for note, option := range map[string]**string{configNote: &o.config, pidFileName: &o.pidFile} {
		if path := i.Note(note); path != "" && *option != nil {
			*option = &path
		}
	}
}

// image is what to become in a re-exec.
func (p *program) image(pid *pidFile) *daemon.Image {
	i := &daemon.Image{
		Path: p.path, Args: os.Args, LibvirtState: p.paths.LibvirtState,
		Notes:  map[string]string{},
		Files:  map[string]*os.File{signalsFile: p.signals.left.read},
		Before: p.leave, After: p.stay,
		Around: func(reexec func() error) error { return p.notify.during("Being executed again", reexec) },
	}
	for note, option := range map[string]*string{configNote: p.options.config, pidFileName: p.options.pidFile} {
		if option != nil && *option != "" {
			i.Notes[note] = absolute(*option)
		}
	}
	if pid != nil {
		i.Files[pidFileName] = pid.file
	}
	return i
}

// leave is the last thing before another program is executed. Libvirt's daemon does
// not know the watchdog, which would kill it, and with it all locks.
func (p *program) leave(ours bool) error {
	if !ours {
		if err := p.notify.setWatchdog(0); err != nil {
			return fmt.Errorf("turn off the service manager's watchdog, which libvirt's daemon does not know: %w", err)
		}
		p.notify.replaced("Libvirt's daemon serves in place of this one")
	}
	p.signals.hold(ours)
	return nil
}

// stay undoes leave, because nothing was executed after all.
func (p *program) stay() {
	p.signals.release()
	p.watchAgain()
}

// watchAgain turns on the watchdog that leave may have turned off, in this program
// or in one before libvirt's daemon.
func (p *program) watchAgain() {
	if err := p.notify.setWatchdog(watchdogPeriod()); err != nil {
		p.log.Logger("daemon").Warn("cannot turn on the service manager's watchdog again", "error", err)
	}
}

// absolute makes a path absolute, as long as the working directory is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// programPath is the path to execute again: that of the command line if it leads
// to this program, links and all, so that who replaces the link replaces the
// program too; and otherwise where the kernel found it. It stays the same when
// the file there is replaced.
func programPath(i inheritance) (string, error) {
	if i.any() && i.Program() != "" {
		return i.Program(), nil
	}
	if named := absolute(os.Args[0]); isThisProgram(named) {
		return named, nil
	}
	return os.Executable()
}

func isThisProgram(path string) bool {
	this, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(this, there)
}
