package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// statusVariable tells a child which descriptor its parent waits on.
const statusVariable = "VIRTLOCKD_STATUS_FD"

// ready is what a child says when it serves. Anything else is why it does not.
const ready = "ready"

// parent is the process that started this one for -d, and waits. It is nil in
// the foreground.
type parent struct{ pipe *os.File }

// findParent returns the parent that waits for this process, if there is one. It
// removes what told so from the environment.
func findParent() *parent {
	fd, err := strconv.Atoi(os.Getenv(statusVariable))
	os.Unsetenv(statusVariable)
	if err != nil || fd <= 2 {
		return nil
	}
	syscall.CloseOnExec(fd)
	return &parent{os.NewFile(uintptr(fd), "parent")}
}

// tell says how the start went: to the parent, or, if it is not "ready", on
// standard error. A parent listens once.
func (p *parent) tell(text string) {
	switch {
	case p == nil && text != ready:
		fmt.Fprintln(os.Stderr, text)
	case p != nil && p.pipe != nil:
		// The parent may have been killed; that is not the daemon's business.
		io.WriteString(p.pipe, text)
		p.pipe.Close()
		p.pipe = nil
	}
}

// runInBackground starts this program again as a daemon, and waits until it
// serves or has failed. A program in Go cannot fork: the other threads would be
// missing in the child.
func runInBackground(args []string) int {
	status, text := startChild(args)
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return status
}

// startChild returns the exit status, and what to tell the user.
func startChild(args []string) (status int, text string) {
	fail := func(err error) (int, string) {
		return exitSetUp, complaint(args[0], fmt.Errorf("cannot start the daemon: %w", err))
	}
	// Not /proc/self/exe, of which the process would get its name.
	program, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	defer read.Close()
	bequeathWatchdog()
	child := exec.Cmd{
		Path:        program,
		Args:        args,
		Env:         append(os.Environ(), statusVariable+"=3"),
		ExtraFiles:  []*os.File{write}, // becomes descriptor 3
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = child.Start() // with standard input, output and error on /dev/null
	write.Close()
	if err != nil {
		return fail(err)
	}
	said, err := io.ReadAll(read)
	if err != nil {
		return fail(err)
	}
	if string(said) == ready {
		findNotifier("Serving in the background", slog.Default()).ready(child.Process.Pid)
		return exitOK, ""
	}
	err = child.Wait()
	var exit *exec.ExitError
	switch {
	case len(said) > 0 && errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), string(said)
	case err == nil:
		err = errors.New("it left at once")
	}
	return fail(err)
}

// enterBackground does what is left to do in the child: files named on the
// command line stay what they were when it moves to the root directory.
func enterBackground(o *options) error {
	for _, name := range []*string{o.config, o.pidFile} {
		if name == nil || *name == "" {
			continue
		}
		path, err := filepath.Abs(*name)
		if err != nil {
			return err
		}
		*name = path
	}
	return os.Chdir("/")
}
