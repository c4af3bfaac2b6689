// Package daemon is the lock daemon: it serves libvirt's protocol and JSON on
// its sockets and keeps locks for those who ask.
//
// A Daemon does not know of command lines, configuration files or signals; the
// command virtlockd does, and package daemontest starts one inside a test.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// Config is what a daemon is made of.
type Config struct {
	// Listener is the main socket, and AdminListener the one that answers
	// when the main one is full; it may be nil. The daemon closes both.
	Listener, AdminListener *net.UnixListener
	// Settings are what the configuration file says.
	Settings Settings
	// ReadSettings reads the file again, for Reload. nil when there is none.
	ReadSettings func() (Settings, error)
	// Log is where the daemon logs to. nil discards.
	Log *Log
	// Timeout ends Serve after there was neither a client nor a lock for so
	// long. 0 never does.
	Timeout time.Duration
	// Version is what the daemon says it is.
	Version string

	// Image is the program to become in a re-exec. nil: there is none.
	Image *Image
	// UnlinkSockets says that the files of the sockets are the program's own.
	UnlinkSockets bool
	// Inherited is what a former program of this process has left; nil when
	// nothing.
	Inherited *Inherited
	// Keeping is how the locks are kept that outlive the process. nil: none do.
	Keeping *Keeping
}

// Daemon is a lock daemon.
type Daemon struct {
	config    Config
	log       *slog.Logger
	started   time.Time
	table     *lockspace.Table
	events    *events
	history   *history
	processes *processes
	timers    *timers
	orphans   *orphans
	fences    *fences
	forced    *forced
	clients   *clients
	main      *slots
	admin     *slots
	spare     *spareFile
	gate      gate
	poller    *poller
	listeners []listener
	idle      *idle
	recorder  *recorder // nil without Config.Keeping
	missing   *missing
	resuming  *restorer // until Serve, with the gate shut

	reexecution reexecution
	leaving     atomic.Bool // Serve ends

	changing sync.Mutex // held by who changes settings, so that they are not mixed

	conns sync.WaitGroup          // connections that are not closed yet
	stop  context.CancelCauseFunc // ends Serve, which sets it before it serves anyone
	ended <-chan struct{}         // closed when that was called; set likewise
	ready chan struct{}           // closed when both are set, and all goes on that was under way
}

// New makes a daemon. It listens already, as its sockets do, and answers from
// Serve on.
func New(config Config) (*Daemon, error) {
	d := &Daemon{
		config:  config,
		log:     config.Log.Logger("daemon"),
		started: time.Now().UTC(),
		clients: newClients(),
		orphans: newOrphans(),
		main:    newSlots(mainSocket, config.Settings.MaxClients),
		admin:   newSlots(adminSocket, config.Settings.AdminMaxClients),
		idle:    newIdle(config.Timeout),
		ready:   make(chan struct{}),
	}
	d.timers = newTimers(&d.gate)
	d.history = newHistory(d)
	d.events = newEvents(d.history, func(last uint64) { d.recorder.reserve(last) })
	d.missing, d.forced = newMissing(d), newForced()
	if err := d.open(); err != nil {
		d.close()
		d.closeHistory()
		return nil, err
	}
	return d, nil
}

// open opens what the daemon needs of the system.
func (d *Daemon) open() (err error) {
	left, err := d.takeOver()
	if err != nil {
		return err
	}
	if d.processes, err = newProcesses(&d.gate, d.table, d.processExited, d.processFreed); err != nil {
		return err
	}
	d.fences, d.forced.processes = newFences(d), d.processes
	if d.poller, err = newPoller(&d.gate); err != nil {
		return err
	}
	if d.spare, err = newSpareFile(); err != nil {
		return err
	}
	if err := d.listen(d.config.Listener, d.main); err != nil {
		return err
	}
	if d.config.AdminListener != nil {
		if err := d.listen(d.config.AdminListener, d.admin); err != nil {
			return err
		}
	}
	return d.restoreAll(left)
}

func (d *Daemon) listen(socket *net.UnixListener, s *slots) error {
	l, err := newListener(socket, s)
	if err == nil {
		d.listeners = append(d.listeners, l)
	}
	return err
}

// close closes what open has opened, and waits for its goroutines.
func (d *Daemon) close() {
	if d.resuming != nil { // nobody was served
		d.gate.open()
	}
	for _, l := range d.listeners {
		l.close()
	}
	if d.poller != nil {
		d.poller.close()
	}
	d.timers.close()
	if d.processes != nil {
		d.fences.abandon()
		d.processes.close()
	}
	d.missing.close()
	d.recorder.close()
	if d.spare != nil {
		d.spare.Close()
	}
}

// What ends Serve in order, beside its context.
var (
	errIdle     = errors.New("the timeout has fired")
	errShutdown = errors.New("an administrator has asked for it")
)

// failure is what ends Serve otherwise.
type failure struct{ error }

// leaveTime is how long the end of Serve waits for calls that are under way.
// Storage that hangs can take longer.
const leaveTime = 3 * time.Second

// Serve answers until ctx ends, the daemon was idle for its timeout, or an
// administrator ends it, and then returns nil; it fails when a listener or the
// kernel's polling does.
// It kills nobody. What owners that live on hold stays held by the keeper, if there
// is one (Config.Keeping); otherwise it ends with this process, and the log names
// each lock.
func (d *Daemon) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.stop, d.ended = cancel, ctx.Done()
	d.recorder.start()
	d.resume()
	close(d.ready)
	var listening sync.WaitGroup
	for _, l := range d.listeners {
		listening.Go(func() {
			if err := d.accept(ctx, l); err != nil {
				cancel(failure{err})
			}
		})
	}
	listening.Go(func() {
		select {
		case err := <-d.poller.failed:
			cancel(failure{err})
		case <-ctx.Done():
		}
	})
	listening.Go(func() {
		if d.idle.wait(ctx, d.isIdle) {
			cancel(errIdle)
		}
	})
	<-ctx.Done()
	for _, l := range d.listeners {
		l.file.SetDeadline(time.Unix(1, 0)) // wakes accept
	}
	listening.Wait()
	d.leave()
	if f, failed := context.Cause(ctx).(failure); failed {
		return f.error
	}
	return nil
}

// leave ends in order: calls under way get their answers, what is tied to a
// connection is released, and who loses a lock is named.
func (d *Daemon) leave() {
	d.leaving.Store(true)
	for _, l := range d.listeners {
		l.close()
	}
	for _, c := range d.poller.list() {
		c.leave()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.reexecution.close()
		d.conns.Wait()
		d.close()
	}()
	select {
	case <-done:
	case <-time.After(leaveTime):
		d.log.Warn("left calls behind that did not end in time", "time", leaveTime)
		// While a thread is in a call to storage the process does not end, and
		// the kernel closes nothing: so that nobody waits for an answer.
		for _, c := range d.poller.list() {
			c.disconnect()
		}
	}
	d.nameHolders()
	d.closeHistory()
}

// nameHolders says what becomes of what is held.
func (d *Daemon) nameHolders() {
	if k := d.recorder.keeperNow(); k != nil {
		held := d.table.Totals()
		d.log.Info("the keeper holds what was granted, for the next daemon", "keeper", k.PID(), "locks", held.Locks, "holders", held.Holders)
		return
	}
	for _, l := range d.table.Locks() {
		for _, h := range l.Holders {
			d.log.Warn("an owner runs on without its lock", "name", l.Name.Name, "path", l.Path(),
				"owner", h.Identity.Name, "uuid", h.Identity.UUID, "pid", h.Identity.PID)
		}
	}
}

func (d *Daemon) isLeaving() bool { return d.leaving.Load() }

// keepsTied reports whether what is tied to a connection stays held though that
// closes: the daemon ends, not the client, who may claim it from the next one.
func (d *Daemon) keepsTied() bool { return d.isLeaving() && d.recorder != nil }

// isIdle reports whether nothing would be missed if the daemon left.
func (d *Daemon) isIdle() bool {
	return d.clients.count() == 0 && d.table.Totals().Holders == 0 && d.fences.count() == 0 && d.missing.count() == 0
}

// processExited is told when a process that owns locks has exited.
func (d *Daemon) processExited(p *process) {
	d.log.Info("an owner has exited", "pid", p.PID)
	d.events.publish(api.EventOwnerExited, nil, func(e *api.Event) { e.Owner = &api.Owner{PID: p.PID} })
	d.fences.exited(p)
	d.forced.exited(p)
}

// processFreed is told when the locks of such a process are free.
func (d *Daemon) processFreed(p *process) {
	d.fences.freed(p)
	d.idle.touch()
}
