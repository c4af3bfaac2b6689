package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// notifier tells the service manager how the daemon is, as sd_notify(3) wants it.
// A nil one tells nobody.
type notifier struct {
	socket  string
	serving string // what the daemon does, for people
	log     *slog.Logger
	stopped sync.Once
}

// findNotifier returns the notifier that the environment asks for. What asks
// for it stays there, for the program that may be executed in place of this one;
// childEnvironment is for all others.
func findNotifier(serving string, log *slog.Logger) *notifier {
	socket := os.Getenv(notifyVariable)
	if socket == "" {
		return nil
	}
	return &notifier{socket: socket, serving: serving, log: log}
}

// ready says that a process serves: as a rule, this one.
func (n *notifier) ready(pid int) {
	if n != nil {
		n.tell(n.serving, "READY=1", fmt.Sprintf("MAINPID=%d", pid))
	}
}

// during says that the daemon does something for which it may not answer for a
// moment, does it, and says that it is over. If act succeeds in executing another
// program, it is that which says so.
func (n *notifier) during(what string, act func() error) error {
	if n == nil {
		return act()
	}
	// The time tells systemd which of several reloads this READY belongs to.
	n.tell(what, "RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonicTime().Microseconds()))
	err := act()
	status := n.serving
	if err != nil {
		status = fmt.Sprintf("%s; %s has failed: %v", n.serving, what, err)
	}
	n.tell(status, "READY=1", fmt.Sprintf("MAINPID=%d", os.Getpid()))
	return err
}

// replaced tells people that another program, which does not tell, is about to serve.
func (n *notifier) replaced(status string) {
	if n != nil {
		n.tell(status)
	}
}

// stopping says, once, that the daemon ends.
func (n *notifier) stopping() {
	if n != nil {
		n.stopped.Do(func() { n.tell("Ending", "STOPPING=1") })
	}
}

// tell sends fields and a line for people.
func (n *notifier) tell(status string, fields ...string) {
	n.send(append(fields, "STATUS="+oneLine(status))...)
}

// send sends fields. Those who do not want to hear must not end a daemon that
// serves, so that this is logged and no more.
func (n *notifier) send(fields ...string) {
	if err := sendDatagram(n.socket, strings.Join(fields, "\n")); err != nil {
		n.log.Warn("cannot notify the service manager", "socket", n.socket, "error", err)
	}
}

// notifyTime is how long a service manager may take to make room for a message.
const notifyTime = time.Second

// sendDatagram sends a message to a socket, whose name in the file system or
// after an @ is socket.
func sendDatagram(socket, text string) error {
	if socket[0] != '/' && socket[0] != '@' {
		return fmt.Errorf("%q is neither a path nor an abstract name", socket)
	}
	// Anew each time: systemd has another socket after it has re-executed itself.
	conn, err := net.Dial("unixgram", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(notifyTime))
	_, err = conn.Write([]byte(text))
	return err
}

// maxStatus is how long a line for people may be: of a message that is longer
// than 4096 bytes in all, systemd takes nothing.
const maxStatus = 1024

// oneLine makes a text fit into a field: a newline would begin the next one,
// and of what is not UTF-8 systemd takes nothing.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxStatus)], "")
}

// monotonicTime is the time of the monotonic clock, which Go does not show.
func monotonicTime() time.Duration {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail
	return time.Duration(now.Nano())
}
