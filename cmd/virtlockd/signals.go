package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// ignored are the signals whose default action would end the program, and with
// it every lock, for no good reason. SIGPIPE belongs to a client or a reader of
// the log that went away, SIGXFSZ to a log file that may not grow.
var ignored = []os.Signal{
	syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGPROF,
	syscall.SIGPIPE, syscall.SIGIO, syscall.SIGPWR, syscall.SIGSTKFLT, syscall.SIGXCPU, syscall.SIGXFSZ,
}

// handled are the signals that have actions.
var handled = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1}

// signals are those that have actions.
type signals struct {
	// caught has a channel for each. It has room for one: a signal that comes
	// again before its action has begun is not repeated.
	caught map[os.Signal]chan os.Signal
	// idle can be sent to while nobody acts on a signal or has one in hand.
	idle map[os.Signal]chan struct{}

	mu      sync.Mutex         // guards the fields that follow
	acting  map[os.Signal]bool // whose actions are under way
	leaving bool               // they are left to the next program
	left    pipe               // to it

	// former is what was done with signals that are left to the kernel now. It is
	// whose who executes the next program.
	former map[os.Signal]*kernelAction
}

func newSignals(caught ...os.Signal) *signals {
	s := &signals{
		caught: make(map[os.Signal]chan os.Signal), idle: make(map[os.Signal]chan struct{}),
		acting: make(map[os.Signal]bool), former: make(map[os.Signal]*kernelAction),
	}
	for _, c := range caught {
		s.caught[c], s.idle[c] = make(chan os.Signal, 1), make(chan struct{})
	}
	return s
}

// catchSignals keeps signals from ending the program. Those that have actions
// wait for handle.
func catchSignals() *signals {
	signal.Ignore(ignored...)
	s := newSignals(handled...)
	for caught, c := range s.caught {
		signal.Notify(c, caught)
	}
	return s
}

// stopTime is how long the end waits for an action, such as a reload that opens a
// log file on storage that hangs.
const stopTime = 2 * time.Second

// handle runs the action of each signal, on a goroutine of its own so that one
// that hangs holds up no other. The function returned ends them, after what they
// are in; signals that come later are lost.
func (s *signals) handle(actions map[os.Signal]func()) (stop func()) {
	ended := make(chan struct{})
	var running sync.WaitGroup
	for caught, act := range actions {
		running.Go(func() {
			for {
				select {
				case <-s.caught[caught]:
					s.act(caught, act)
				case <-s.idle[caught]:
				case <-ended:
					return
				}
			}
		})
	}
	return func() {
		close(ended)
		done := make(chan struct{})
		go func() {
			defer close(done)
			running.Wait()
		}()
		select {
		case <-done:
		case <-time.After(stopTime):
		}
	}
}
