package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ignored are the signals whose default action would end the program, and with
// it every lock, for no good reason. SIGPIPE belongs to a client or a reader of
// the log that went away, SIGXFSZ to a log file that may not grow.
var ignored = []os.Signal{
	syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGPROF,
	syscall.SIGPIPE, syscall.SIGIO, syscall.SIGPWR, syscall.SIGSTKFLT, syscall.SIGXCPU, syscall.SIGXFSZ,
}

// signals are those that the daemon acts on.
type signals chan os.Signal

// catchSignals keeps signals from ending the program. Those that have actions
// wait for handle.
func catchSignals() signals {
	s := make(signals, 16)
	signal.Ignore(ignored...)
	signal.Notify(s, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	return s
}

// handle starts the goroutine that runs the actions. The function returned ends
// it, after the action it is in; signals that come later are lost.
func (s signals) handle(actions map[os.Signal]func()) (stop func()) {
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case received := <-s:
				actions[received]()
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		running.Wait()
	}
}
