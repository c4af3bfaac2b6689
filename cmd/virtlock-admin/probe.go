package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

// probeTime is how long storage may take for all that doctor does there.
const probeTime = 5 * time.Second

// probe tries whether locks on files of a directory exclude, with a file of its
// own that has no name, or is removed. It says in words what is wrong, or nothing.
func probe(dir string) (string, error) {
	file, path, err := probeFile(dir)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if path != "" {
		defer os.Remove(path)
	} else {
		path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	switch err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock); {
	case errors.Is(err, unix.EINVAL):
		return "it has no OFD locks", nil
	case err != nil:
		return "no lock can be taken: " + err.Error(), nil
	}
	switch granted, err := tryLocks(path); {
	case err != nil:
		return "", err
	case granted != "":
		return "a second opening of a locked file gets " + granted, nil
	}
	granted, err := tryElsewhere(path)
	if granted != "" {
		granted = "a second process gets " + granted + " on a locked file"
	}
	return granted, err
}

// probeFile makes a file without a name, or with one where the file system cannot
// do that.
func probeFile(dir string) (file *os.File, path string, err error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir), "", nil
	}
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOENT) {
		return nil, "", err
	}
	file, err = os.CreateTemp(dir, ".virtlock-doctor-*")
	if err != nil {
		return nil, "", err
	}
	return file, file.Name(), nil
}

// tryLocks opens a file anew and names the locks that it gets, which should be
// none.
func tryLocks(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var granted []string
	for _, try := range []struct {
		name    string
		command int
	}{{"an OFD lock", unix.F_OFD_SETLK}, {"a POSIX lock", unix.F_SETLK}} {
		lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
		err := unix.FcntlFlock(file.Fd(), try.command, &lock)
		switch {
		case err == nil:
			granted = append(granted, try.name)
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES):
			return "", fmt.Errorf("take %s: %w", try.name, err)
		}
	}
	return strings.Join(granted, " and "), nil
}

const probeName = "__probe"

// tryElsewhere is tryLocks in a second process of this program.
func tryElsewhere(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", probeName, "--", path)
	cmd.Args[0] = "virtlock-admin"
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("try from a second process: %w", err)
	}
	return strconv.Unquote(strings.TrimSpace(string(out)))
}

func probeCommand() command {
	return command{
		Command: &cli.Command{Name: probeName, Hidden: true, ArgsUsage: "PATH"},
		run:     runProbe,
	}
}

// runProbe is the second process.
func runProbe(_ context.Context, e *env, _ *cli.Context, args []string) error {
	if len(args) != 1 {
		return usagef("", "%s needs a PATH", probeName)
	}
	granted, err := tryLocks(args[0])
	if err == nil {
		_, err = io.WriteString(e.out, strconv.Quote(granted)+"\n")
	}
	return err
}
