// Command virtlockd is the lock daemon: it takes the place of the program of
// that name that comes with libvirt. This package is the part around the daemon
// that a user and the system see: the command line, the configuration file, the
// log, the PID file, the sockets and the signals. What the daemon does with its
// clients is in package daemon.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
)

// version is the version of this program. The linker may set it.
var version = "0.1.0"

func main() {
	// The kernel gives a signal for the process to its first thread. One that is
	// in a call to storage that hangs would keep it: SIGTERM would do nothing. So
	// no other goroutine runs there.
	runtime.LockOSThread()
	os.Exit(run(os.Args))
}

// run runs the command line, and returns the exit status.
func run(args []string) int {
	if status, played := playRole(args); played {
		return status
	}
	o, err := parseOptions(args)
	switch {
	case errors.Is(err, errHelp):
		printUsage(os.Stderr, args[0])
		return exitOK
	case errors.Is(err, errVersion):
		fmt.Printf("%s (virtlock) %s\n", args[0], version)
		return exitOK
	case err != nil:
		fmt.Fprintln(os.Stderr, complaint(args[0], err))
		if errors.As(err, new(*wordError)) {
			printUsage(os.Stderr, args[0])
		}
		return statusOf(err)
	}
	p, err := newProgram(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, complaint(args[0], err))
		return statusOf(err)
	}
	waiting := findParent()
	if o.background && waiting == nil && !p.left.any() {
		signal.Reset() // it only waits
		return runInBackground(args)
	}
	p.parent = waiting
	if err := p.runDaemon(); err != nil {
		waiting.tell(complaint(args[0], err))
		return statusOf(err)
	}
	return exitOK
}
