package main

import (
	"context"
	"net"
	"os"
	"strings"
	"syscall"

	"virtlock/daemon"
)

// program is the process around a daemon.
type program struct {
	options  *options
	parent   *parent // who waits until it serves; may be nil
	paths    paths
	settings daemon.Settings
	log      *daemon.Log
	notify   *notifier
	signals  *signals
	left     inheritance
	path     string // of the program, to execute it again
}

// newProgram finds out where everything is, and what a former program has left.
func newProgram(o *options) (*program, error) {
	p := &program{options: o}
	p.signals = catchSignals() // first: a re-exec may take long from here
	var err error
	if p.paths, err = defaultPaths(); err != nil {
		return nil, failf(exitUsage, "cannot find the home directory: %w", err)
	}
	p.left = inherit(p.paths)
	p.left.options(o)
	if p.left.any() {
		p.signals.inherit(p.left.Inherited)
	}
	if p.signals.left.read, p.signals.left.write, err = os.Pipe(); err != nil {
		return nil, failf(exitSetUp, "cannot make a pipe: %w", err)
	}
	if p.path, err = programPath(p.left); err != nil {
		return nil, failf(exitSetUp, "cannot find this program's file: %w", err)
	}
	return p, nil
}

// runDaemon runs the daemon until a signal or its timeout ends it.
func (p *program) runDaemon() error {
	// What is made from now on is private from the start; so are the sockets,
	// with the mode 0700. What others may see gets its mode later.
	syscall.Umask(0o077)
	if err := p.openLog(); err != nil {
		return err
	}
	defer p.log.Close()
	if p.left.trouble != nil {
		p.log.Logger("daemon").Error("cannot read all that the former program has left", "error", p.left.trouble)
	}
	err := p.run()
	if err != nil && !p.logsToTerminal() {
		p.log.Logger("daemon").Error(err.Error())
	}
	return err
}

// readSettings reads the configuration, as at the start so for each reload.
func (p *program) readSettings() (daemon.Settings, error) {
	return readSettings(p.options, p.paths, os.Getenv)
}

// logsToTerminal reports whether what is logged is also seen by who started the
// program, who is told about its failure anyway.
func (p *program) logsToTerminal() bool {
	return p.parent == nil && strings.Contains(p.log.Outputs(), ":stderr")
}

// run takes what a daemon needs, serves, and gives it all back.
func (p *program) run() error {
	if p.parent != nil {
		if err := enterBackground(p.options); err != nil {
			return failf(exitSetUp, "cannot go to the root directory: %w", err)
		}
	}
	raiseLimits(p.log.Logger("daemon"))
	if err := p.bear(p.makeRunDir()); err != nil {
		return err
	}
	pid, err := p.takePIDFile()
	if err := p.bear(err); err != nil {
		return err
	}
	defer pid.release()
	sockets, err := p.takeSockets()
	if err != nil {
		return err
	}
	defer sockets.remove()
	return p.serve(sockets, pid)
}

// bear gives an error, unless this program has taken over: then what was left, which
// would be lost with it, matters more.
func (p *program) bear(err error) error {
	if err == nil || !p.left.any() {
		return err
	}
	p.log.Logger("daemon").Error("took over, and goes on in spite of this", "error", err)
	return nil
}

func (p *program) makeRunDir() error {
	if err := makeDir(p.paths.RunDir, p.paths.RunDirMode); err != nil {
		return failf(exitRunDir, "unable to create rundir %s: %w", p.paths.RunDir, err)
	}
	return nil
}

// takePIDFile takes the PID file, which may be this process's already.
func (p *program) takePIDFile() (*pidFile, error) {
	if p.left.any() {
		if f := p.left.File(pidFileName); f != nil {
			return &pidFile{p.pidPath(), f}, nil
		}
	}
	return acquirePIDFile(p.pidPath())
}

// takeSockets takes the sockets, which may be this process's already.
func (p *program) takeSockets() (*sockets, error) {
	if p.left.any() {
		return inheritSockets(p.left)
	}
	return openSockets(p.paths)
}

func (p *program) pidPath() string {
	if p.options.pidFile != nil {
		return *p.options.pidFile
	}
	return p.paths.PIDFile
}

// serve serves on the sockets until a signal or the timeout ends it.
func (p *program) serve(s *sockets, pid *pidFile) error {
	p.makeAuditDir()
	d, err := daemon.New(daemon.Config{
		Listener:      s.main,
		AdminListener: s.admin,
		Settings:      p.settings,
		ReadSettings:  p.readSettings,
		Log:           p.log,
		Timeout:       p.options.timeout,
		Version:       version,
		Image:         p.image(pid),
		UnlinkSockets: len(s.bound) > 0,
		Inherited:     p.left.Inherited,
		Keeping: &daemon.Keeping{
			Journal: p.paths.Journal, Socket: p.paths.KeeperSocket, Program: p.path,
			MakeDir: func() error { return makeDir(p.paths.RunDir, p.paths.RunDirMode) },
		},
	})
	if err != nil {
		return failf(exitSetUp, "cannot set up the daemon: %w", err)
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	log := p.log.Logger("daemon")
	log.Info("serving", "socket", s.main.Addr().String(), "version", version)
	p.notify = findNotifier(servingOn(s.main), log)
	if p.left.any() && p.left.FromLibvirt() {
		p.watchAgain()
	}
	defer p.notify.watch(d.Healthy)()
	stop := p.signals.handle(p.actions(d, end))
	defer stop()
	p.tellReady()
	err = d.Serve(ctx)
	p.notify.stopping() // unless a signal was the reason, which said so earlier
	if err != nil {
		return failf(exitSetUp, "the daemon failed: %w", err)
	}
	log.Info("ended in order")
	return nil
}

// servingOn is what the service manager shows to people.
func servingOn(socket *net.UnixListener) string { return "Serving on " + socket.Addr().String() }

// tellReady tells who waits for it that the daemon serves. A parent tells the
// service manager itself, which knows only the parent yet.
func (p *program) tellReady() {
	if p.parent == nil {
		p.notify.ready(os.Getpid())
	}
	p.parent.tell(ready)
}

// actions is what each signal does.
func (p *program) actions(d *daemon.Daemon, end func()) map[os.Signal]func() {
	log := p.log.Logger("daemon")
	leave := func() {
		log.Info("leaving because of a signal")
		end()
		p.notify.stopping()
	}
	reload := func() {
		if err := p.notify.during("Reading the configuration again", d.Reload); err != nil {
			log.Error("configuration not reloaded, the settings stay as they are", "error", err)
		}
	}
	reexec := func() { d.Reexec() } // which logs a failure
	return map[os.Signal]func(){
		syscall.SIGUSR1: reexec,
		syscall.SIGTERM: leave,
		syscall.SIGINT:  leave,
		syscall.SIGQUIT: leave,
		syscall.SIGHUP:  reload,
	}
}
